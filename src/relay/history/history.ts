import { DROP_REASONS } from "../../protocol/index.ts";
import type { HistoryRow } from "../ports.ts";
import type { RoomState } from "../room-state.ts";
import { DAY, HOUR, type HistoryBucket, type HistoryQuery, MINUTE, beginningOf, gathered } from "./bucket.ts";
import { ALL_SLOTS, MINUTE_SLOTS, bucketsOf, rowsAfter } from "./rows.ts";
import type { Peaks, Totals } from "./running.ts";

/** How far back each resolution goes. */
const REACH = { minute: DAY, hour: 30 * DAY } as const;

/**
 * What happened in a room, by minutes and hours (docs/architecture.md, "History"). It has no timer: a minute is closed
 * by the first event after it, before that event counts, and not at all if nothing happened in it. Its row is written
 * with the next flush of the counters, as one, so that no crash can have the one without the other.
 */
export class History {
  readonly #room: RoomState;
  readonly #flush: () => void;
  /** ms from which the running minute may be over. */
  #lookAt = -Infinity;

  /** `flush`: of the counters, through `save`. */
  constructor(room: RoomState, flush: () => void) {
    this.#room = room;
    this.#flush = flush;
  }

  /** Before each event. A clock that has gone back by less than a minute changes nothing. */
  turnBegins(now: number): void {
    if (now >= this.#lookAt || now < this.#lookAt - 2 * MINUTE) this.#look(now);
  }

  /** The room is as it was. */
  restored(now: number): void {
    const { running, isOlder } = this.#room.counters;
    if (running.at === 0) running.move(beginningOf(now, MINUTE), this.#peaks());
    if (isOlder) running.begin(running.at, this.#totals(), this.#peaks());
  }

  /** Hands what a flush has to write of it to `save`. If that throws, it is for the next flush. */
  save(save: (rows: readonly HistoryRow[]) => void): void {
    const { counters, store } = this.#room;
    const { unwritten, running } = counters;
    const over = unwritten?.growth(running.before);
    const rows = over ? rowsAfter(over, (first, last) => store.loadHistory(first, last)) : [];
    counters.unwritten = undefined;
    try {
      save(rows);
    } catch (error) {
      counters.unwritten = unwritten;
      throw error;
    }
  }

  /** In order of time, the running one last. */
  buckets({ resolution, from, to }: HistoryQuery, now: number): HistoryBucket[] {
    const span = resolution === "minute" ? MINUTE : HOUR;
    const since = Math.max(from, beginningOf(now, span) - REACH[resolution]);
    const [first, last] = resolution === "minute" ? MINUTE_SLOTS : ALL_SLOTS;
    const stored = bucketsOf(this.#room.store.loadHistory(first, last));
    const all = gathered([...stored, ...this.#unwritten()], span);
    return all.filter(({ at }) => at >= since && at < to);
  }

  #unwritten(): HistoryBucket[] {
    const { unwritten, running } = this.#room.counters;
    const buckets = [...(unwritten ? [unwritten.growth(running.before)] : []), running.growth(this.#totals())];
    return buckets.filter((bucket) => isWorthARow(bucket) || bucket.messages > 0);
  }

  #look(now: number): void {
    const { running } = this.#room.counters;
    const isStill = now >= running.at - MINUTE && now < running.at + MINUTE;
    const minute = isStill ? running.at : beginningOf(now, MINUTE);
    this.#lookAt = minute + MINUTE;
    if (!isStill) this.#close(minute);
  }

  /** One that is closed must be written before the next is; where the store fails, the running minute is a longer one. */
  #close(next: number): void {
    const { counters } = this.#room;
    const { running } = counters;
    const totals = this.#totals();
    if (!isWorthARow(running.growth(totals))) return running.move(next, this.#peaks());
    if (counters.unwritten) this.#flush();
    if (counters.unwritten) return;
    counters.unwritten = running.copy();
    running.begin(next, totals, this.#peaks());
  }

  #totals(): Totals {
    const { manager, counters } = this.#room;
    const { totalPackets: packets, totalBytes: bytes } = manager.getStatistics();
    const { messages, joins, families } = counters;
    const counted = counters.drops();
    const drops = DROP_REASONS.map((reason) => counted[reason]);
    return { packets, bytes, messages, joins, opened: families.totalOpened, drops };
  }

  #peaks(): Peaks {
    return { peers: this.#room.present, connections: this.#room.manager.getActiveConnectionCount() };
  }
}

/** Messages alone are not: else an idle room would write a row each minute. */
function isWorthARow({ packets, joins, opened, drops }: HistoryBucket): boolean {
  return packets > 0 || joins > 0 || opened > 0 || Object.keys(drops).length > 0;
}
