/**
 * The room's counters, packed into one array of doubles: one row on disk per flush, whatever the traffic (promise 7),
 * and a small checkpoint of what changed since, which a hibernating socket carries (promise 6).
 *
 *     0  layout version
 *     1  epoch            number of the flush; a checkpoint counts only on top of the flush it names
 *     2  packets relayed, 3  bytes relayed, 4  next handle
 *     5  ms when the month began that was last looked at, 6  bytes relayed in it
 *     7  messages from peers, 8  joins
 *     9  four lists of counts, each behind its length, in orders that grow at their ends:
 *        drops (DROP_REASONS), refused frames (REFUSALS), refused joins (JOIN_REFUSALS),
 *        families (opened, packets, bytes of each connection type; then packets, bytes to groups); then twice the same for
 *        minutes (history/running.ts): the one that is not over, and the one before it that is not written yet;
 *        then what went over trunks (TRUNK_COUNTS)
 *     …  per connection: handle, packets, bytes, last activity
 *
 * Older layouts are still read: 3 has nothing of trunks, 2 has neither 7 and 8 nor what follows the third list, 1 moreover neither 5 and 6 nor the second and
 * third list.
 */
import { DROP_REASONS, type DropReason, type ErrorName } from "../protocol/index.ts";
import type { ConnectionRecord, P2PConnection } from "./connection.ts";
import { FamilyCounters } from "./families.ts";
import { RunningBucket } from "./history/running.ts";
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
import { TRUNK_COUNTS, type TrunkTraffic } from "./trunk/traffic.ts";

const LAYOUT = 4;
/** Where the first list begins in each layout. */
const FIRST_LISTS: Readonly<Record<number, number>> = { 1: 5, 2: 7, 3: 9, [LAYOUT]: 9 };
const FIRST_LIST = 9;
const PER_CONNECTION = 4;
const NONE = new RunningBucket();

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
  readonly families = new FamilyCounters();
  /** For the history: kept here, because it must not be older or newer than the counters. */
  running = new RunningBucket();
  unwritten: RunningBucket | undefined;
  /** What was restored has counted for a while, and kept no history. */
  isOlder = false;
  /** WebSocket messages from peers, also those that were refused. They cause no write: what they bring does. */
  messages = 0;
  #savedMessages = 0;
  #joins = 0;
  readonly #drops = new Tally<DropReason>(DROP_REASONS);
  readonly #refusals = new Tally<ErrorName>(REFUSALS);
  readonly #joinRefusals = new Tally<JoinRefusalCode>(JOIN_REFUSALS);
  readonly #trunks = new Tally(TRUNK_COUNTS);
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
    return this.#isDirty || this.#hasRefused || this.messages !== this.#savedMessages;
  }

  /** Sockets that were let in. */
  get joins(): number {
    return this.#joins;
  }

  /** How many numbers a checkpoint holds just now. */
  get checkpointLength(): number {
    return this.#firstConnection + PER_CONNECTION * this.#changed.length;
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
    this.#joins++;
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

  /** Like messages they cause no write: what they bring does. */
  trunkSent(bytes: number): void {
    this.#hasRefused = true;
    this.#trunks.add("messagesOut");
    this.#trunks.add("bytesOut", bytes);
  }

  trunkReceived(bytes: number): void {
    this.#hasRefused = true;
    this.#trunks.add("messagesIn");
    this.#trunks.add("bytesIn", bytes);
  }

  trunkDialed(): void {
    this.#hasRefused = true;
    this.#trunks.add("dials");
  }

  trunkTraffic(): TrunkTraffic {
    return this.#trunks.record();
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
    this.#savedMessages = this.messages;
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
      if (!isReadable(flushed)) {
        const found = flushed.length === 0 ? "empty" : `of layout ${flushed[0]}`;
        throw new Error(
          `Cannot read the stored counters: the row is ${found}, this release knows layouts 1 to ${LAYOUT}`,
        );
      }
      this.#unpack(manager, flushed, connections, true);
      this.#savedMessages = this.messages;
    }
    if (checkpoint && isReadable(checkpoint) && checkpoint[1] === this.#epoch) {
      const before = this.#weigh(manager);
      const changed = this.#unpack(manager, checkpoint, connections, false);
      // Refusals and messages alone are worth no row: they ride on (docs/decisions.md).
      if (this.#weigh(manager) === before && changed === 0) this.#hasRefused = true;
      else this.#isDirty = true;
    }
    return connections;
  }

  /** Grows with everything that a flush is due for, but for the connections' own counters. */
  #weigh(manager: P2PRelayManager): number {
    const drops = Object.values(this.drops()).reduce((sum, count) => sum + count, 0);
    return manager.getStatistics().totalPackets + manager.nextHandle + this.#joins + drops;
  }

  get #lists() {
    return [this.#drops, this.#refusals, this.#joinRefusals] as const;
  }

  get #firstConnection(): number {
    return [...this.#lists, this.families, this.running, this.running, this.#trunks].reduce(
      (at, { size }) => at + 1 + size,
      FIRST_LIST,
    );
  }

  #pack(epoch: number, manager: P2PRelayManager, connections: Iterable<P2PConnection>, count: number): Float64Array {
    const packed = new Float64Array(this.#firstConnection + PER_CONNECTION * count);
    const { totalPackets, totalBytes } = manager.getStatistics();
    const { month, messages } = this;
    packed.set([LAYOUT, epoch, totalPackets, totalBytes, manager.nextHandle, month.start, month.used(totalBytes)]);
    packed.set([messages, this.#joins], 7);
    let at = FIRST_LIST;
    for (const tally of this.#lists) at = tally.write(packed, at);
    at = this.families.write(packed, at, manager.connections());
    at = this.running.write(packed, at);
    at = (this.unwritten ?? NONE).write(packed, at);
    at = this.#trunks.write(packed, at);
    for (const { handle, packetsRelayed, bytesRelayed, lastActivity } of connections) {
      packed[at] = handle;
      packed[at + 1] = packetsRelayed;
      packed[at + 2] = bytesRelayed;
      packed[at + 3] = lastActivity;
      at += PER_CONNECTION;
    }
    return packed;
  }

  #unpackHistory(packed: Float64Array, at: number): number {
    const unwritten = new RunningBucket();
    const end = unwritten.read(packed, this.running.read(packed, at));
    this.unwritten = unwritten.at === 0 ? undefined : unwritten;
    return end;
  }

  /** Returns how many connections it has found. */
  #unpack(
    manager: P2PRelayManager,
    packed: Float64Array,
    connections: Map<number, ConnectionCounters>,
    isFlushed: boolean,
  ): number {
    const at = (index: number): number => packed[index] ?? 0;
    this.#epoch = at(1);
    manager.restoreStatistics({ totalPackets: at(2), totalBytes: at(3) }, at(4));
    const layout = at(0);
    this.month.restore(layout >= 2 ? at(5) : 0, layout >= 2 ? at(6) : 0, at(3));
    this.messages = layout >= 3 ? at(7) : 0;
    this.#joins = layout >= 3 ? at(8) : 0;
    let next = FIRST_LISTS[layout] ?? FIRST_LIST;
    for (const tally of layout >= 2 ? this.#lists : [this.#drops]) next = tally.read(packed, next);
    this.isOlder = layout < 3;
    if (layout >= 3) next = this.#unpackHistory(packed, this.families.read(packed, next));
    if (layout >= 4) next = this.#trunks.read(packed, next);
    let found = 0;
    for (let i = next; i + PER_CONNECTION <= packed.length; i += PER_CONNECTION) {
      connections.set(at(i), { packets: at(i + 1), bytes: at(i + 2), lastActivity: at(i + 3), isFlushed });
      found++;
    }
    return found;
  }
}

function isReadable(packed: Float64Array): boolean {
  return packed[0] !== undefined && packed[0] in FIRST_LISTS;
}
