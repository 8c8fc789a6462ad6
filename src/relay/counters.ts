import type { DropReason, ErrorName } from "../protocol/index.ts";
import type { ConnectionRecord, P2PConnection } from "./connection.ts";
import { type ConnectionCounters, PackedCounters, isReadable, mustBeReadable } from "./counter-row.ts";
import type { JoinRefusalCode, JoinRefusals, Refusals } from "./limits/refusals.ts";
import type { P2PRelayManager } from "./manager.ts";
import type { TrunkTraffic } from "./trunk/traffic.ts";

export type { ConnectionCounters } from "./counter-row.ts";

export type Drops = Readonly<Record<DropReason, number>>;

/** What happens in a room is counted here, and what of it has not reached the disk is known. */
export class RoomCounters extends PackedCounters {
  #savedMessages = 0;
  /** Connections that changed since the last flush. A mark on the record keeps a busy one from being added twice. */
  #changed: ConnectionRecord[] = [];
  #mark = 1;
  #isDirty = false;
  #hasRefused = false;

  /** There is something that must reach the disk. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** There is something that a checkpoint should carry, such as refusals, which must not cause a write. */
  get hasNews(): boolean {
    return this.#isDirty || this.#hasRefused || this.messages !== this.#savedMessages;
  }

  /** How many numbers a checkpoint holds just now. */
  get checkpointLength(): number {
    return this.lengthOf(this.#changed.length);
  }

  /** This connection's counters have moved. */
  connectionChanged(connection: P2PConnection): void {
    this.#isDirty = true;
    const record = connection as ConnectionRecord;
    if (record.dirtyMark === this.#mark) return;
    record.dirtyMark = this.#mark;
    this.#changed.push(record);
  }

  opened(connection: P2PConnection): void {
    this.#isDirty = true;
    this.families.opened(connection);
  }

  /** Its counters are final. */
  closed(connection: P2PConnection): void {
    this.#isDirty = true;
    this.families.closed(connection);
  }

  /** One member of a group has got a message. */
  groupPacket(size: number): void {
    this.#isDirty = true;
    this.families.groups.packets++;
    this.families.groups.bytes += size;
  }

  joined(): void {
    this.#isDirty = true;
    this.joins++;
  }

  dropped(reason: DropReason): void {
    this.#isDirty = true;
    this.dropTally.add(reason);
  }

  /**
   * A frame was refused, answered or not. Like a refused join it is saved with what else changes, not by itself: who is
   * kept out, or sends nonsense, must not cause writes.
   */
  refused(error: ErrorName): void {
    this.#hasRefused = true;
    this.refusalTally.add(error);
  }

  joinRefused(code: JoinRefusalCode): void {
    this.#hasRefused = true;
    this.joinRefusalTally.add(code);
  }

  /** Like messages they cause no write: what they bring does. */
  trunkSent(bytes: number): void {
    this.#hasRefused = true;
    this.trunkTally.add("messagesOut");
    this.trunkTally.add("bytesOut", bytes);
  }

  trunkReceived(bytes: number): void {
    this.#hasRefused = true;
    this.trunkTally.add("messagesIn");
    this.trunkTally.add("bytesIn", bytes);
  }

  trunkTraffic(): TrunkTraffic {
    return this.trunkTally.record();
  }

  drops(): Drops {
    return this.dropTally.record();
  }

  refusals(): Refusals {
    return this.refusalTally.record();
  }

  joinRefusals(): JoinRefusals {
    return this.joinRefusalTally.record();
  }

  /** Hands all counters to `save`, for the packed row. What is saved is no longer dirty; if `save` throws, all is. */
  flush(manager: P2PRelayManager, save: (packed: Float64Array) => void): void {
    save(this.pack(this.epoch + 1, manager, manager.connections(), manager.getActiveConnectionCount()));
    this.epoch++;
    this.#savedMessages = this.messages;
    this.#mark++;
    this.#changed = [];
    this.#isDirty = false;
    this.#hasRefused = false;
  }

  /** What changed since the last flush. */
  checkpoint(manager: P2PRelayManager): Float64Array {
    return this.pack(this.epoch, manager, this.#changed, this.#changed.length);
  }

  /**
   * Reads a flushed row, then a checkpoint if it was taken on top of that row. Returns counters by handle; with the
   * connections that there are, `families.settle` must follow. Throws when the row is not one that this release can read.
   */
  restore(
    manager: P2PRelayManager,
    flushed: Float64Array | undefined,
    checkpoint: Float64Array | undefined,
  ): Map<number, ConnectionCounters> {
    const connections = new Map<number, ConnectionCounters>();
    if (flushed) {
      mustBeReadable(flushed);
      this.unpack(manager, flushed, connections, true);
      this.#savedMessages = this.messages;
    }
    if (checkpoint && isReadable(checkpoint) && checkpoint[1] === this.epoch) {
      const before = this.#weigh(manager);
      const changed = this.unpack(manager, checkpoint, connections, false);
      // Refusals and messages alone are worth no row: they ride on (docs/decisions.md).
      if (this.#weigh(manager) === before && changed === 0) this.#hasRefused = true;
      else this.#isDirty = true;
    }
    return connections;
  }

  /** Grows with everything that a flush is due for, but for the connections' own counters. */
  #weigh(manager: P2PRelayManager): number {
    const drops = Object.values(this.drops()).reduce((sum, count) => sum + count, 0);
    return manager.getStatistics().totalPackets + manager.nextHandle + this.joins + drops;
  }
}
