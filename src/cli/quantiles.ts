/** Times in ms, as a table shows them. */
export interface Quantiles {
  readonly median: number;
  readonly p99: number;
  readonly min: number;
  readonly max: number;
}

/** Undefined of nothing. */
export function quantilesOf(times: readonly number[]): Quantiles | undefined {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => rounded(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  if (sorted.length === 0) return undefined;
  return { median: at(0.5), p99: at(0.99), min: rounded(sorted[0] ?? 0), max: at(1) };
}

/** To 10 µs: what is below that is the clock's. */
export function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
