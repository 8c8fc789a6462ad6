import { DROP_REASONS } from "../../protocol/index.ts";
import type { HistoryBucket } from "./bucket.ts";

/** The room's counters over its life, at one moment. */
export interface Totals {
  readonly packets: number;
  readonly bytes: number;
  readonly messages: number;
  readonly joins: number;
  readonly opened: number;
  /** In the order of DROP_REASONS. */
  readonly drops: readonly number[];
}

/** The most at once. */
export interface Peaks {
  readonly peers: number;
  readonly connections: number;
}

const NOTHING: Totals = { packets: 0, bytes: 0, messages: 0, joins: 0, opened: 0, drops: [] };

/** Numbers in a packed row: when it began, two peaks, five totals, then the drops. */
const FIRST_DROP = 8;

/**
 * The minute that is not over, kept as what the counters were when it began: a packet costs nothing here. It is packed
 * into the same row, and the same checkpoint, as the counters themselves (counters.ts), so whatever becomes of those,
 * what they have grown by since is what happened in this minute.
 */
export class RunningBucket {
  /** ms of its beginning; 0 where nobody has looked at the clock yet. */
  #at = 0;
  #peers = 0;
  #connections = 0;
  #before = NOTHING;

  get at(): number {
    return this.#at;
  }

  /** The counters when it began. */
  get before(): Totals {
    return this.#before;
  }

  /** There are so many just now. */
  note({ peers = 0, connections = 0 }: Partial<Peaks>): void {
    this.#peers = Math.max(this.#peers, peers);
    this.#connections = Math.max(this.#connections, connections);
  }

  begin(at: number, before: Totals, peaks: Peaks): void {
    this.#before = before;
    this.move(at, peaks);
  }

  /** It has been another minute for a while, in which nothing happened that is worth a row. */
  move(at: number, { peers, connections }: Peaks): void {
    this.#at = at;
    this.#peers = peers;
    this.#connections = connections;
  }

  /** What has happened in it. */
  growth(totals: Totals): HistoryBucket {
    const before = this.#before;
    const drops = DROP_REASONS.map((reason, i) => [reason, (totals.drops[i] ?? 0) - (before.drops[i] ?? 0)] as const);
    return {
      at: this.#at,
      packets: totals.packets - before.packets,
      bytes: totals.bytes - before.bytes,
      messages: totals.messages - before.messages,
      joins: totals.joins - before.joins,
      opened: totals.opened - before.opened,
      peers: this.#peers,
      connections: this.#connections,
      drops: Object.fromEntries(drops.filter(([, count]) => count > 0)),
    };
  }

  /** As it is now; `growth` of what the next one begins with is what has happened in it. */
  copy(): RunningBucket {
    const copy = new RunningBucket();
    copy.begin(this.#at, this.#before, { peers: this.#peers, connections: this.#connections });
    return copy;
  }

  get size(): number {
    return FIRST_DROP + DROP_REASONS.length;
  }

  /** Writes how many numbers there are, then the numbers, at `at`; returns where the next thing goes. */
  write(packed: Float64Array, at: number): number {
    const { packets, bytes, messages, joins, opened, drops } = this.#before;
    packed[at] = this.size;
    packed.set([this.#at, this.#peers, this.#connections, packets, bytes, messages, joins, opened, ...drops], at + 1);
    return at + 1 + this.size;
  }

  /** Reads what `write`, of this release or of one with fewer or more reasons, has written. */
  read(packed: Float64Array, at: number): number {
    const stored = packed[at] ?? 0;
    const number = (index: number): number => (index < stored ? (packed[at + 1 + index] ?? 0) : 0);
    const [packets, bytes, messages, joins, opened] = [number(3), number(4), number(5), number(6), number(7)];
    const drops = DROP_REASONS.map((_, index) => number(FIRST_DROP + index));
    const before = { packets, bytes, messages, joins, opened, drops };
    this.begin(number(0), before, { peers: number(1), connections: number(2) });
    return at + 1 + stored;
  }
}
