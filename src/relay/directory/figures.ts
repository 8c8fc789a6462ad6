/**
 * Statistics as arithmetic, whatever they consist of: numbers, and records of numbers. What a later release counts too is
 * in the sums without a word here, and in what an earlier one has stored it is 0.
 */
import { RoomCounters } from "../counters.ts";
import { monthOf } from "../limits/monthly-bytes.ts";
import { P2PRelayManager } from "../manager.ts";
import { type RoomStatistics, roomStatistics } from "../statistics.ts";

/** What is now, at any depth; all else is counted, and never falls within a room's life. */
const GAUGES: ReadonlySet<string> = new Set(["activeConnections", "peers", "away", "active"]);
/** Counted too, but anew each month. */
const MONTH = "monthBytes";

type Figures = { readonly [name: string]: number | Figures };
interface Summed {
  [name: string]: number | Summed;
}
type Combine = (name: string, a: number, b: number) => number;

/** Those of a room in which nothing has happened. */
export const NOTHING: RoomStatistics = roomStatistics({
  manager: new P2PRelayManager({ idleTimeoutMs: Infinity, log: () => {} }),
  counters: new RoomCounters(),
  sessions: new Map(),
  present: 0,
});

/**
 * What is known of a room after a later report of the same life. One that crashed has forgotten what it counted since its
 * last flush, and counts on from there: what was heard before then stands until it is overtaken.
 */
export function followed(former: RoomStatistics, next: RoomStatistics): RoomStatistics {
  return combined(former, next, (name, a, b) => (GAUGES.has(name) || name === MONTH ? b : Math.max(a, b)));
}

export function sum(a: RoomStatistics, b: RoomStatistics): RoomStatistics {
  return combined(a, b, (_name, x, y) => x + y);
}

/** Of many at once: one result, and nothing between. */
export function total(parts: readonly RoomStatistics[]): RoomStatistics {
  const result: Summed = {};
  for (const part of parts) add(result, part as unknown as Figures);
  return result as unknown as RoomStatistics;
}

export function difference(a: RoomStatistics, b: RoomStatistics): RoomStatistics {
  return combined(a, b, (_name, x, y) => x - y);
}

/** Only what is counted over the life of a room. */
export function counted(statistics: RoomStatistics): RoomStatistics {
  return combined(statistics, NOTHING, (name, a) => (GAUGES.has(name) || name === MONTH ? 0 : a));
}

/** Only what is now. */
export function presence(statistics: RoomStatistics): RoomStatistics {
  return combined(statistics, NOTHING, (name, a) => (GAUGES.has(name) ? a : 0));
}

/** Of a room that nobody is in any more. */
export function withoutPresence(statistics: RoomStatistics): RoomStatistics {
  return combined(statistics, NOTHING, (name, a) => (GAUGES.has(name) ? 0 : a));
}

/** What a statement of `at` says of the month of `now`. */
export function inMonth(statistics: RoomStatistics, at: number, now: number): RoomStatistics {
  return monthOf(at, 0) === monthOf(now, 0) ? statistics : { ...statistics, [MONTH]: 0 };
}

export function isSomebodyIn({ peers, away, activeConnections }: RoomStatistics): boolean {
  return peers + away + activeConnections > 0;
}

/** A number for all of them, to tell later whether anything has changed since. */
export function fingerprint(statistics: RoomStatistics): number {
  const text = JSON.stringify(statistics);
  return hashOf({ length: text.length, at: (index) => text.charCodeAt(index) });
}

/** FNV-1a. */
export function hashOf(values: { readonly length: number; at(index: number): number | undefined }): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ (values.at(i) ?? 0), 0x01000193);
  return hash >>> 0;
}

function combined(a: RoomStatistics, b: RoomStatistics, of: Combine): RoomStatistics {
  return combine(a as unknown as Figures, b as unknown as Figures, of) as unknown as RoomStatistics;
}

function combine(a: Figures, b: Figures, of: Combine): Figures {
  const result: Record<string, number | Figures> = {};
  for (const name in { ...a, ...b }) {
    const [x, y] = [a[name] ?? 0, b[name] ?? 0];
    if (typeof x === "number" && typeof y === "number") result[name] = of(name, x, y);
    else result[name] = combine(typeof x === "number" ? {} : x, typeof y === "number" ? {} : y, of);
  }
  return result;
}

function add(result: Summed, part: Figures): void {
  for (const name in part) {
    const value = part[name] ?? 0;
    const before = result[name];
    if (typeof value === "number") result[name] = (typeof before === "number" ? before : 0) + value;
    else add((typeof before === "object" ? before : (result[name] = {})) as Summed, value);
  }
}
