/**
 * How buckets lie on disk: 56 rows at most, each written over when its turn comes again.
 *
 *     slots 0 to 24    the minutes of an hour each, a day's and the running one
 *     slots 25 to 55   the hours of a day each, thirty and the running one
 *
 * A row is an array of doubles: layout version, ms of its hour's or day's beginning, then its buckets in order of time:
 * at, packets, bytes, messages, joins, opened, peers, connections, how many reasons of drops follow, and for each of
 * these its place in DROP_REASONS, and the count.
 *
 * An hour stands in its minutes until their row is written over, which is when it becomes one bucket of its day's. So
 * a busy room writes a row each minute, and one more each hour.
 */
import { DROP_REASONS } from "../../protocol/index.ts";
import type { HistoryRow } from "../ports.ts";
import { DAY, HOUR, type HistoryBucket, MINUTE, beginningOf, gathered } from "./bucket.ts";

const LAYOUT = 1;
const HOURS = 25;
const DAYS = 31;
const HEADER = 2;
const FIXED = 9;

/** First and last, for the store. */
export const MINUTE_SLOTS = [0, HOURS - 1] as const;
export const ALL_SLOTS = [0, HOURS + DAYS - 1] as const;

export type LoadRows = (first: number, last: number) => readonly HistoryRow[];

interface Span {
  readonly start: number;
  readonly buckets: readonly HistoryBucket[];
}

/** The rows that change when a minute is over. */
export function rowsAfter(minute: HistoryBucket, load: LoadRows): HistoryRow[] {
  const hour = beginningOf(minute.at, HOUR);
  const slot = (hour / HOUR) % HOURS;
  const found = loadSpan(load, slot);
  const earlier = found?.start === hour ? found.buckets : [];
  const row = packRow(slot, hour, gathered([...earlier, minute], MINUTE));
  return found && found.start !== hour ? [row, ...rowsOfHour(found, beginningOf(hour, DAY), load)] : [row];
}

export function bucketsOf(rows: readonly HistoryRow[]): HistoryBucket[] {
  return rows.flatMap(({ packed }) => unpack(packed)?.buckets ?? []);
}

/** An hour whose minutes are written over joins its day, unless another day has taken its place. */
function rowsOfHour({ start, buckets }: Span, today: number, load: LoadRows): HistoryRow[] {
  const day = beginningOf(start, DAY);
  const slot = HOURS + ((day / DAY) % DAYS);
  const found = loadSpan(load, slot);
  if (found && outlasts(found.start, day, today)) return [];
  const earlier = found?.start === day ? found.buckets : [];
  return [packRow(slot, day, gathered([...earlier, ...buckets], HOUR))];
}

/** The later of two days is kept; but one that is to come was written by a clock that was ahead, and would stay for years. */
function outlasts(day: number, other: number, today: number): boolean {
  const [isToCome, isOtherToCome] = [day > today, other > today];
  return isToCome === isOtherToCome ? day > other : isOtherToCome;
}

function loadSpan(load: LoadRows, slot: number): Span | undefined {
  const [row] = load(slot, slot);
  return row && unpack(row.packed);
}

function packRow(slot: number, start: number, buckets: readonly HistoryBucket[]): HistoryRow {
  const numbers = [LAYOUT, start];
  for (const { at, packets, bytes, messages, joins, opened, peers, connections, drops } of buckets) {
    const dropped = DROP_REASONS.flatMap((reason, index) => (drops[reason] ? [index, drops[reason]] : []));
    numbers.push(at, packets, bytes, messages, joins, opened, peers, connections, dropped.length / 2, ...dropped);
  }
  return { slot, packed: new Float64Array(numbers) };
}

/** Undefined for a row that this release cannot read: the past is not worth a room that fails, and is written over. */
function unpack(packed: Float64Array): Span | undefined {
  const number = (index: number): number => packed[index] ?? 0;
  if (packed[0] !== LAYOUT) return undefined;
  const buckets: HistoryBucket[] = [];
  for (let at = HEADER; at + FIXED <= packed.length;) {
    const reasons = number(at + 8);
    if (!(reasons >= 0)) return undefined;
    buckets.push({
      at: number(at),
      packets: number(at + 1),
      bytes: number(at + 2),
      messages: number(at + 3),
      joins: number(at + 4),
      opened: number(at + 5),
      peers: number(at + 6),
      connections: number(at + 7),
      drops: dropsAt(packed, at + FIXED, reasons),
    });
    at += FIXED + 2 * reasons;
  }
  return { start: number(1), buckets };
}

/** A reason that a later release has added is left out. */
function dropsAt(packed: Float64Array, first: number, reasons: number): HistoryBucket["drops"] {
  const drops: Record<string, number> = {};
  for (let i = first; i < first + 2 * reasons; i += 2) {
    const reason = DROP_REASONS[packed[i] ?? -1];
    if (reason) drops[reason] = packed[i + 1] ?? 0;
  }
  return drops;
}
