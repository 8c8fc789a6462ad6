/**
 * The room's counters, packed into one array of doubles: one row on disk per flush, whatever the traffic (promise 7),
 * and a small checkpoint of what changed since, which a hibernating socket carries (promise 6).
 *
 *     0  layout version
 *     1  epoch            number of the flush; a checkpoint counts only on top of the flush it names
 *     2  packets relayed, 3  bytes relayed, 4  next handle
 *     5  ms when the month began that was last looked at, 6  bytes relayed in it
 *     7  three lists of counts, each behind its length, in orders that grow at their ends:
 *        drops (DROP_REASONS), refused frames (REFUSALS), refused joins (JOIN_REFUSALS)
 *     …  per connection: handle, packets, bytes, last activity
 *
 * Layout 1, which is still read, has neither 5 and 6 nor the second and third list.
 */
import { DROP_REASONS, type DropReason, type ErrorName } from "../protocol/index.ts";
import type { ConnectionRecord, P2PConnection } from "./connection.ts";
import type { P2PRelayManager } from "./manager.ts";
import { MonthlyBytes } from "./limits/monthly-bytes.ts";
import {
  JOIN_REFUSALS,
  type JoinRefusalCode,
  type JoinRefusals,
  REFUSALS,
  type Refusals,
  Tally,
} from "./limits/refusals.ts";

const LAYOUT = 2;
const OLD_LAYOUT = 1;
const FIRST_LIST = 7;
const FIRST_LIST_OLD = 5;
const FIRST_CONNECTION = FIRST_LIST + 3 + DROP_REASONS.length + REFUSALS.length + JOIN_REFUSALS.length;
const PER_CONNECTION = 4;

export interface ConnectionCounters {
  readonly packets: number;
  readonly bytes: number;
  readonly lastActivity: number;
  /** False when a checkpoint has them in advance of the disk. */
  readonly isFlushed: boolean;
}

export type Drops = Readonly<Record<DropReason, number>>;

/** Which counters moved since the last flush, and the drops, which have no other home. */
export class RoomCounters {
  readonly month = new MonthlyBytes();
  readonly #drops = new Tally<DropReason>(DROP_REASONS);
  readonly #refusals = new Tally<ErrorName>(REFUSALS);
  readonly #joinRefusals = new Tally<JoinRefusalCode>(JOIN_REFUSALS);
  #epoch = 0;
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
    return this.#isDirty || this.#hasRefused;
  }

  /** How many numbers a checkpoint holds just now. */
  get checkpointLength(): number {
    return FIRST_CONNECTION + PER_CONNECTION * this.#changed.length;
  }

  /** This connection's counters have moved. */
  connectionChanged(connection: P2PConnection): void {
    this.#isDirty = true;
    const record = connection as ConnectionRecord;
    if (record.dirtyMark === this.#mark) return;
    record.dirtyMark = this.#mark;
    this.#changed.push(record);
  }

  dropped(reason: DropReason): void {
    this.#isDirty = true;
    this.#drops.add(reason);
  }

  /**
   * A frame was refused, answered or not. Like a refused join it is saved with what else changes, not by itself: who is
   * kept out, or sends nonsense, must not cause writes.
   */
  refused(error: ErrorName): void {
    this.#hasRefused = true;
    this.#refusals.add(error);
  }

  joinRefused(code: JoinRefusalCode): void {
    this.#hasRefused = true;
    this.#joinRefusals.add(code);
  }

  /** Something else that the packed row holds has changed, such as the next handle. */
  touch(): void {
    this.#isDirty = true;
  }

  drops(): Drops {
    return this.#drops.record();
  }

  refusals(): Refusals {
    return this.#refusals.record();
  }

  joinRefusals(): JoinRefusals {
    return this.#joinRefusals.record();
  }

  /** Hands all counters to `save`, for the packed row. What is saved is no longer dirty; if `save` throws, all is. */
  flush(manager: P2PRelayManager, save: (packed: Float64Array) => void): void {
    save(this.#pack(this.#epoch + 1, manager, manager.connections(), manager.getActiveConnectionCount()));
    this.#epoch++;
    this.#mark++;
    this.#changed = [];
    this.#isDirty = false;
    this.#hasRefused = false;
  }

  /** What changed since the last flush. */
  checkpoint(manager: P2PRelayManager): Float64Array {
    return this.#pack(this.#epoch, manager, this.#changed, this.#changed.length);
  }

  /**
   * Reads a flushed row, then a checkpoint if it was taken on top of that row. Returns counters by handle.
   * Throws when the row is not one that this release can read.
   */
  restore(
    manager: P2PRelayManager,
    flushed: Float64Array | undefined,
    checkpoint: Float64Array | undefined,
  ): Map<number, ConnectionCounters> {
    const connections = new Map<number, ConnectionCounters>();
    if (flushed) {
      if (!isReadable(flushed)) {
        const found = flushed.length === 0 ? "empty" : `of layout ${flushed[0]}`;
        throw new Error(
          `Cannot read the stored counters: the row is ${found}, this release knows layouts ${OLD_LAYOUT} and ${LAYOUT}`,
        );
      }
      this.#unpack(manager, flushed, connections, true);
    }
    if (checkpoint && isReadable(checkpoint) && checkpoint[1] === this.#epoch) {
      const before = this.#weigh(manager);
      this.#unpack(manager, checkpoint, connections, false);
      // Refusals alone are worth no row: they ride on (docs/decisions.md).
      if (this.#weigh(manager) === before && checkpoint.length === FIRST_CONNECTION) this.#hasRefused = true;
      else this.#isDirty = true;
    }
    return connections;
  }

  /** Grows with everything that a flush is due for, but for the connections' own counters. */
  #weigh(manager: P2PRelayManager): number {
    const drops = Object.values(this.drops()).reduce((sum, count) => sum + count, 0);
    return manager.getStatistics().totalPackets + manager.nextHandle + drops;
  }

  #pack(epoch: number, manager: P2PRelayManager, connections: Iterable<P2PConnection>, count: number): Float64Array {
    const packed = new Float64Array(FIRST_CONNECTION + PER_CONNECTION * count);
    const { totalPackets, totalBytes } = manager.getStatistics();
    const { month } = this;
    packed.set([LAYOUT, epoch, totalPackets, totalBytes, manager.nextHandle, month.start, month.used(totalBytes)]);
    let at = FIRST_LIST;
    for (const tally of [this.#drops, this.#refusals, this.#joinRefusals]) at = tally.write(packed, at);
    for (const { handle, packetsRelayed, bytesRelayed, lastActivity } of connections) {
      packed[at] = handle;
      packed[at + 1] = packetsRelayed;
      packed[at + 2] = bytesRelayed;
      packed[at + 3] = lastActivity;
      at += PER_CONNECTION;
    }
    return packed;
  }

  #unpack(
    manager: P2PRelayManager,
    packed: Float64Array,
    connections: Map<number, ConnectionCounters>,
    isFlushed: boolean,
  ): void {
    const at = (index: number): number => packed[index] ?? 0;
    this.#epoch = at(1);
    manager.restoreStatistics({ totalPackets: at(2), totalBytes: at(3) }, at(4));
    const isOld = at(0) === OLD_LAYOUT;
    this.month.restore(...(isOld ? ([0, 0] as const) : ([at(5), at(6)] as const)), at(3));
    let next = this.#drops.read(packed, isOld ? FIRST_LIST_OLD : FIRST_LIST);
    for (const tally of isOld ? [] : [this.#refusals, this.#joinRefusals]) next = tally.read(packed, next);
    for (let i = next; i + PER_CONNECTION <= packed.length; i += PER_CONNECTION) {
      connections.set(at(i), { packets: at(i + 1), bytes: at(i + 2), lastActivity: at(i + 3), isFlushed });
    }
  }
}

function isReadable(packed: Float64Array): boolean {
  return packed[0] === LAYOUT || packed[0] === OLD_LAYOUT;
}
