/** What the charts show: a stretch of time, from history, and for the last minutes from the live feed. */
import type { HistoryBucket, HistoryResolution } from "../api/types.ts";
import { type Sample, sampleOfBucket } from "./rates.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export interface Range {
  readonly name: string;
  readonly text: string;
  readonly ms: number;
  readonly resolution: HistoryResolution;
  readonly bucketMs: number;
}

export const LIVE: Range = { name: "live", text: "5 min", ms: 5 * MINUTE, resolution: "minute", bucketMs: MINUTE };
export const RANGES: readonly Range[] = [
  LIVE,
  { name: "hour", text: "1 h", ms: HOUR, resolution: "minute", bucketMs: MINUTE },
  { name: "day", text: "24 h", ms: 24 * HOUR, resolution: "minute", bucketMs: MINUTE },
  { name: "month", text: "30 d", ms: 720 * HOUR, resolution: "hour", bucketMs: HOUR },
];

/** Columns, as charts want them; times in seconds. */
export interface Columns {
  readonly times: readonly number[];
  readonly bytes: readonly (number | null)[];
  readonly packets: readonly (number | null)[];
  readonly drops: readonly (number | null)[];
  readonly peers: readonly (number | null)[];
  readonly connections: readonly (number | null)[];
}

export function columnsOf(samples: readonly (Sample | { readonly at: number; readonly isQuiet: true })[]): Columns {
  const column = (field: "bytes" | "packets" | "drops"): number[] =>
    samples.map((sample) => ("isQuiet" in sample ? 0 : sample[field]));
  // Of a stretch in which nothing happened it is not said how many were there: as many as before, and the line goes on.
  const level = (field: "peers" | "connections"): (number | null)[] =>
    samples.map((sample) => ("isQuiet" in sample ? null : sample[field]));
  return {
    times: samples.map(({ at }) => at / 1000),
    bytes: column("bytes"),
    packets: column("packets"),
    drops: column("drops"),
    peers: level("peers"),
    connections: level("connections"),
  };
}

/** Every bucket of the stretch, also those that were left out because nothing happened. */
export function historySamples(buckets: readonly HistoryBucket[], { ms, bucketMs }: Range, now: number) {
  const found = new Map(buckets.map((bucket) => [bucket.at, bucket]));
  const first = Math.floor((now - ms) / bucketMs - 1) * bucketMs;
  const samples: (Sample | { at: number; isQuiet: true })[] = [];
  for (let at = first; at + bucketMs <= now; at += bucketMs) {
    const bucket = found.get(at);
    samples.push(bucket ? sampleOfBucket(bucket, bucketMs) : { at: at + bucketMs / 2, isQuiet: true });
  }
  return samples;
}

/** The feed's own, and before them the minutes that came before the page was opened. */
export function liveSamples(
  live: readonly Sample[],
  buckets: readonly HistoryBucket[],
  now: number,
): (Sample | { at: number; isQuiet: true })[] {
  const begin = live[0]?.at ?? now;
  const earlier = historySamples(buckets, LIVE, now).filter(({ at }) => at < begin);
  return [...earlier, ...live.filter(({ at }) => at >= now - LIVE.ms)];
}
