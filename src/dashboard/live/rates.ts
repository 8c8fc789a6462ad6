/** From counters to what happens in a second. */
import type { HistoryBucket, RoomStatistics } from "../api/types.ts";

export interface Sample {
  /** ms */
  readonly at: number;
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  readonly peers: number;
  readonly connections: number;
}

/** Shorter differences are noise: a room says how it is between two of its turns, not at even times. */
const SHORTEST_MS = 700;

export function sumOf(counts: Readonly<Record<string, number | undefined>>): number {
  return Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

interface Seen {
  readonly at: number;
  readonly statistics: RoomStatistics;
}

/** Undefined when they are too close together. Counters that fell are those of a relay that was started anew. */
export function sampleBetween(before: Seen, now: Seen): Sample | undefined {
  const elapsed = now.at - before.at;
  if (elapsed < SHORTEST_MS) return undefined;
  const perSecond = (later: number, earlier: number): number => (Math.max(0, later - earlier) * 1000) / elapsed;
  const { statistics } = now;
  return {
    at: now.at,
    bytes: perSecond(statistics.totalBytes, before.statistics.totalBytes),
    packets: perSecond(statistics.totalPackets, before.statistics.totalPackets),
    drops: perSecond(sumOf(statistics.drops), sumOf(before.statistics.drops)),
    peers: statistics.peers,
    connections: statistics.activeConnections,
  };
}

/** Nothing was heard: nothing was relayed, and everything else is as it was. */
export function quietSample(at: number, { peers, activeConnections }: RoomStatistics): Sample {
  return { at, bytes: 0, packets: 0, drops: 0, peers, connections: activeConnections };
}

/** The mean of a bucket, in its middle. */
export function sampleOfBucket(bucket: HistoryBucket, bucketMs: number): Sample {
  const perSecond = (value: number): number => (value * 1000) / bucketMs;
  return {
    at: bucket.at + bucketMs / 2,
    bytes: perSecond(bucket.bytes),
    packets: perSecond(bucket.packets),
    drops: perSecond(sumOf(bucket.drops)),
    peers: bucket.peers,
    connections: bucket.connections,
  };
}
