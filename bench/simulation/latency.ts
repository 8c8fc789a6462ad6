/** How long the way between places takes. */
import { readFileSync } from "node:fs";
import { HINTS, PLACES } from "./places.ts";

/**
 * Round trips in ms: the 95th percentile of a month, as Microsoft publishes it ("Azure network round-trip latency
 * statistics", articles/networking/azure-network-latency.md of azure-docs, data of 30 July 2026, read at commit 5b3e2055 of
 * github.com/mbender-ms/azure-docs; CC BY 4.0). 25 of its regions. Another provider's backbone: Cloudflare publishes no
 * such table, and its own will differ by some per cent.
 */
const TABLE = new URL("azure-latency-2026-07-30.csv", import.meta.url);
/** Within one place, which the table leaves empty: an assumption. */
const WITHIN_MS = 2;

/** One way, ms, by the places' numbers: half of the round trip, and the same both ways. */
export type Matrix = readonly Float64Array[];

export function readMatrix(): Matrix {
  const [head = "", ...lines] = readFileSync(TABLE, "utf8").trim().split("\n");
  const columns = head.split(",").slice(1);
  const cells = new Map(lines.map((line) => [line.slice(0, line.indexOf(",")), line.split(",").slice(1)]));
  const roundTrip = (from: string, to: string): number => {
    const text = cells.get(from)?.[columns.indexOf(to)];
    if (!text) throw new Error(`${TABLE.pathname} has no way from ${from} to ${to}`);
    return Number(text);
  };
  return PLACES.map(({ region: a }) =>
    Float64Array.from(PLACES, ({ region: b }) => (a === b ? WITHIN_MS / 2 : (roundTrip(a, b) + roundTrip(b, a)) / 4)),
  );
}

/** For each hint its place. */
export const HINT_PLACES: readonly number[] = HINTS.map(({ region }) =>
  PLACES.findIndex((place) => place.region === region),
);

/** For each place the hint from which it is reached soonest. */
export function nearestHints(matrix: Matrix): number[] {
  return matrix.map((row) => {
    const ways = HINT_PLACES.map((place) => row[place] ?? Infinity);
    return ways.indexOf(Math.min(...ways));
  });
}
