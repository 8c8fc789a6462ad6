/**
 * Published prices of Cloudflare Workers (paid plan), as of 2026-11-22, in US dollars. The one place to change when they
 * change. Not in here: the plan's fixed fee, and what a plan includes, which all Workers of an account share.
 */
export const PRICES = {
  asOf: "2026-11-22",
  source: "developers.cloudflare.com/durable-objects/platform/pricing",
  /** Requests, alarms, upgrades to a WebSocket; and WebSocket messages to the relay, twenty for one. From it: free. */
  perMillionRequests: 0.15,
  messagesPerRequest: 20,
  /** Memory times the time awake: every object counts as 128 MB. */
  perMillionGigabyteSeconds: 12.5,
  gigabytesPerObject: 0.128,
  perMillionRowsWritten: 1,
  /** What the paid plan includes each month, for all Workers of an account together. */
  included: { requests: 1_000_000, gigabyteSeconds: 400_000, rowsWritten: 50_000_000 },
} as const;
