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
 * Older layouts are still read: 3 has nothing of trunks, 2 has neither 7 and 8 nor what follows the third list, 1 moreover
 * neither 5 and 6 nor the second and third list.
 */
import { DROP_REASONS, type DropReason, type ErrorName } from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";
import { FamilyCounters } from "./families.ts";
import { RunningBucket } from "./history/running.ts";
import { MonthlyBytes } from "./limits/monthly-bytes.ts";
import { JOIN_REFUSALS, type JoinRefusalCode, REFUSALS, Tally } from "./limits/refusals.ts";
import type { P2PRelayManager } from "./manager.ts";
import { TRUNK_COUNTS } from "./trunk/traffic.ts";

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

/** The counters that have no other home, and the way of all of them into a row and back. */
export class PackedCounters {
  readonly month = new MonthlyBytes();
  readonly families = new FamilyCounters();
  /** For the history: kept here, because it must not be older or newer than the counters. */
  running = new RunningBucket();
  unwritten: RunningBucket | undefined;
  /** What was restored has counted for a while, and kept no history. */
  isOlder = false;
  /** WebSocket messages from peers, also those that were refused. They cause no write: what they bring does. */
  messages = 0;
  /** Sockets that were let in. */
  joins = 0;
  /** Of the last flush. */
  protected epoch = 0;
  protected readonly dropTally = new Tally<DropReason>(DROP_REASONS);
  protected readonly refusalTally = new Tally<ErrorName>(REFUSALS);
  protected readonly joinRefusalTally = new Tally<JoinRefusalCode>(JOIN_REFUSALS);
  protected readonly trunkTally = new Tally(TRUNK_COUNTS);

  get #lists() {
    return [this.dropTally, this.refusalTally, this.joinRefusalTally] as const;
  }

  /** How many numbers a row of so many connections holds. */
  protected lengthOf(connections: number): number {
    const lists = [...this.#lists, this.families, this.running, this.running, this.trunkTally];
    return lists.reduce((at, { size }) => at + 1 + size, FIRST_LIST) + PER_CONNECTION * connections;
  }

  protected pack(
    epoch: number,
    manager: P2PRelayManager,
    connections: Iterable<P2PConnection>,
    count: number,
  ): Float64Array {
    const packed = new Float64Array(this.lengthOf(count));
    const { totalPackets, totalBytes } = manager.getStatistics();
    const { month, messages } = this;
    packed.set([LAYOUT, epoch, totalPackets, totalBytes, manager.nextHandle, month.start, month.used(totalBytes)]);
    packed.set([messages, this.joins], 7);
    let at = FIRST_LIST;
    for (const tally of this.#lists) at = tally.write(packed, at);
    at = this.families.write(packed, at, manager.connections());
    at = this.running.write(packed, at);
    at = (this.unwritten ?? NONE).write(packed, at);
    at = this.trunkTally.write(packed, at);
    packConnections(packed, at, connections);
    return packed;
  }

  #unpackHistory(packed: Float64Array, at: number): number {
    const unwritten = new RunningBucket();
    const end = unwritten.read(packed, this.running.read(packed, at));
    this.unwritten = unwritten.at === 0 ? undefined : unwritten;
    return end;
  }

  /** Adds what it finds of connections, by handle, and returns how many there were. */
  protected unpack(
    manager: P2PRelayManager,
    packed: Float64Array,
    connections: Map<number, ConnectionCounters>,
    isFlushed: boolean,
  ): number {
    const at = (index: number): number => packed[index] ?? 0;
    this.epoch = at(1);
    manager.restoreStatistics({ totalPackets: at(2), totalBytes: at(3) }, at(4));
    const layout = at(0);
    this.month.restore(layout >= 2 ? at(5) : 0, layout >= 2 ? at(6) : 0, at(3));
    this.messages = layout >= 3 ? at(7) : 0;
    this.joins = layout >= 3 ? at(8) : 0;
    let next = FIRST_LISTS[layout] ?? FIRST_LIST;
    for (const tally of layout >= 2 ? this.#lists : [this.dropTally]) next = tally.read(packed, next);
    this.isOlder = layout < 3;
    if (layout >= 3) next = this.#unpackHistory(packed, this.families.read(packed, next));
    if (layout >= 4) next = this.trunkTally.read(packed, next);
    return unpackConnections(packed, next, connections, isFlushed);
  }
}

function packConnections(packed: Float64Array, first: number, connections: Iterable<P2PConnection>): void {
  let at = first;
  for (const { handle, packetsRelayed, bytesRelayed, lastActivity } of connections) {
    packed[at] = handle;
    packed[at + 1] = packetsRelayed;
    packed[at + 2] = bytesRelayed;
    packed[at + 3] = lastActivity;
    at += PER_CONNECTION;
  }
}

function unpackConnections(
  packed: Float64Array,
  first: number,
  connections: Map<number, ConnectionCounters>,
  isFlushed: boolean,
): number {
  const at = (index: number): number => packed[index] ?? 0;
  let found = 0;
  for (let i = first; i + PER_CONNECTION <= packed.length; i += PER_CONNECTION) {
    connections.set(at(i), { packets: at(i + 1), bytes: at(i + 2), lastActivity: at(i + 3), isFlushed });
    found++;
  }
  return found;
}

export function isReadable(packed: Float64Array): boolean {
  return packed[0] !== undefined && packed[0] in FIRST_LISTS;
}

/** Throws for a row that this release does not know. */
export function mustBeReadable(packed: Float64Array): void {
  if (isReadable(packed)) return;
  const found = packed.length === 0 ? "empty" : `of layout ${packed[0]}`;
  throw new Error(`Cannot read the stored counters: the row is ${found}, this release knows layouts 1 to ${LAYOUT}`);
}
