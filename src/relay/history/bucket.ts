import type { DropReason } from "../../protocol/index.ts";

export type HistoryResolution = "minute" | "hour";

/** What happened in a minute or an hour. Those in which nothing did are left out. */
export interface HistoryBucket {
  /** ms of its beginning. */
  readonly at: number;
  readonly packets: number;
  readonly bytes: number;
  /** WebSocket messages from peers. */
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
