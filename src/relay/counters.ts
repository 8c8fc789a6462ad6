/**
 * The room's counters, packed into one array of doubles: one row on disk per flush, whatever the traffic (promise 7),
 * and a small checkpoint of what changed since, which a hibernating socket carries (promise 6).
 *
 *     0  layout version
 *     1  epoch            number of the flush; a checkpoint counts only on top of the flush it names
 *     2  packets relayed, 3  bytes relayed, 4  next handle
 *     5  how many drop counters follow
 *     6  drops by reason, in the order of DROP_REASONS (which grows at its end)
 *     …  per connection: handle, packets, bytes, last activity
 */
import { DROP_REASONS, type DropReason } from "../protocol/index.ts";
import type { ConnectionRecord, P2PConnection } from "./connection.ts";
import type { P2PRelayManager } from "./manager.ts";

const LAYOUT = 1;
const FIRST_DROP = 6;
const FIRST_CONNECTION = FIRST_DROP + DROP_REASONS.length;
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
  readonly #drops = new Map<DropReason, number>(DROP_REASONS.map((reason) => [reason, 0]));
  #epoch = 0;
  /** Connections that changed since the last flush. A mark on the record keeps a busy one from being added twice. */
  #changed: ConnectionRecord[] = [];
  #mark = 1;
  #isDirty = false;

  get isDirty(): boolean {
    return this.#isDirty;
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
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1);
  }

  /** Something else that the packed row holds has changed, such as the next handle. */
  touch(): void {
    this.#isDirty = true;
  }

  drops(): Drops {
    return Object.fromEntries(this.#drops) as Drops;
  }

  /** Hands all counters to `save`, for the packed row. What is saved is no longer dirty; if `save` throws, all is. */
  flush(manager: P2PRelayManager, save: (packed: Float64Array) => void): void {
    save(this.#pack(this.#epoch + 1, manager, manager.connections(), manager.getActiveConnectionCount()));
    this.#epoch++;
    this.#mark++;
    this.#changed = [];
    this.#isDirty = false;
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
      if (flushed[0] !== LAYOUT) {
        const found = flushed.length === 0 ? "empty" : `of layout ${flushed[0]}`;
        throw new Error(`Cannot read the stored counters: the row is ${found}, this release knows layout ${LAYOUT}`);
      }
      this.#unpack(manager, flushed, connections, true);
    }
    if (checkpoint && checkpoint[0] === LAYOUT && checkpoint[1] === this.#epoch) {
      this.#unpack(manager, checkpoint, connections, false);
      this.#isDirty = true;
    }
    return connections;
  }

  #pack(epoch: number, manager: P2PRelayManager, connections: Iterable<P2PConnection>, count: number): Float64Array {
    const packed = new Float64Array(FIRST_CONNECTION + PER_CONNECTION * count);
    const { totalPackets, totalBytes } = manager.getStatistics();
    packed.set([LAYOUT, epoch, totalPackets, totalBytes, manager.nextHandle, DROP_REASONS.length]);
    packed.set([...this.#drops.values()], FIRST_DROP);
    let at = FIRST_CONNECTION;
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
    const dropCount = at(5);
    DROP_REASONS.forEach((reason, index) => this.#drops.set(reason, index < dropCount ? at(FIRST_DROP + index) : 0));
    for (let i = FIRST_DROP + dropCount; i + PER_CONNECTION <= packed.length; i += PER_CONNECTION) {
      connections.set(at(i), { packets: at(i + 1), bytes: at(i + 2), lastActivity: at(i + 3), isFlushed });
    }
  }
}
