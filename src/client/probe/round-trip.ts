import { RelayError } from "../relay-error.ts";

/** Of several measurements, in ms: the median is what it is like, the least what it could be. */
export interface RoundTrip {
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly count: number;
}

const MAX_COUNT = 100;
export const DEFAULT_COUNT = 5;

export function roundTripOf(times: readonly number[]): RoundTrip {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? upper;
  return {
    medianMs: (lower + upper) / 2,
    minMs: sorted[0] ?? 0,
    maxMs: sorted.at(-1) ?? 0,
    count: sorted.length,
  };
}

/** Throws RelayError. */
export function checkCount(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_COUNT) return count;
  throw new RelayError("invalid_argument", `Cannot measure: count must be an integer from 1 to ${MAX_COUNT}`);
}
