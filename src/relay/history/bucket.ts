import { DROP_REASONS, type DropReason } from "../../protocol/index.ts";

export type HistoryResolution = "minute" | "hour";

/** What happened in a minute or an hour. Those in which nothing did are left out. */
export interface HistoryBucket {
  /** ms of its beginning. */
  readonly at: number;
  readonly packets: number;
  readonly bytes: number;
  /** WebSocket messages from peers. Such as brought nothing are in the next minute in which something happened. */
  readonly messages: number;
  readonly joins: number;
  /** Connections opened. */
  readonly opened: number;
  /** The most at once. */
  readonly peers: number;
  readonly connections: number;
  /** Reasons that occurred. */
  readonly drops: Partial<Readonly<Record<DropReason, number>>>;
}

export interface HistoryQuery {
  readonly resolution: HistoryResolution;
  /** ms; buckets that begin from here on, */
  readonly from: number;
  /** ms; and before here. */
  readonly to: number;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export function beginningOf(ms: number, span: number): number {
  return Math.floor(ms / span) * span;
}

/** Both as one that begins at `at`. */
export function merged(at: number, a: HistoryBucket, b: HistoryBucket): HistoryBucket {
  const reasons = DROP_REASONS.filter((reason) => a.drops[reason] || b.drops[reason]);
  return {
    at,
    packets: a.packets + b.packets,
    bytes: a.bytes + b.bytes,
    messages: a.messages + b.messages,
    joins: a.joins + b.joins,
    opened: a.opened + b.opened,
    peers: Math.max(a.peers, b.peers),
    connections: Math.max(a.connections, b.connections),
    drops: Object.fromEntries(reasons.map((reason) => [reason, (a.drops[reason] ?? 0) + (b.drops[reason] ?? 0)])),
  };
}

/** One bucket for each `span` in which there are any, in order of time. */
export function gathered(buckets: Iterable<HistoryBucket>, span: number): HistoryBucket[] {
  const byTime = new Map<number, HistoryBucket>();
  for (const bucket of buckets) {
    const at = beginningOf(bucket.at, span);
    const found = byTime.get(at);
    byTime.set(at, found ? merged(at, found, bucket) : { ...bucket, at });
  }
  return [...byTime.values()].toSorted((a, b) => a.at - b.at);
}
