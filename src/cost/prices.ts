/**
 * Published prices, in US dollars and without VAT. The one place to change when they change: the dashboard's panel,
 * `npm run cost` and docs/capacity.md all read it.
 */

/** What an account has before it pays, or what the paid plan includes; all Workers and objects of the account share it. */
export interface Allowance {
  readonly requests: number;
  readonly gigabyteSeconds: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

/** Durable Objects with SQLite storage, on the Workers paid plan. */
export const PRICES = {
  asOf: "2026-11-22",
  source: "developers.cloudflare.com/durable-objects/platform/pricing",
  /** The paid plan's fixed fee: the one figure of developers.cloudflare.com/workers/platform/pricing in here. */
  planPerMonth: 5,
  /** Requests, calls from object to object, alarms, upgrades to a WebSocket; and messages to the relay, twenty for one. */
  perMillionRequests: 0.15,
  /** WebSocket messages to an object. From it: free. */
  messagesPerRequest: 20,
  /** Memory times the time awake: every object counts as 128 MB. */
  perMillionGigabyteSeconds: 12.5,
  gigabytesPerObject: 0.128,
  perMillionRowsRead: 0.001,
  /** Also for rows that are deleted, and for each alarm that is set. */
  perMillionRowsWritten: 1,
  perGigabyteMonthStored: 0.2,
  /** Each month, in the paid plan. */
  included: {
    requests: 1_000_000,
    gigabyteSeconds: 400_000,
    rowsRead: 25_000_000_000,
    rowsWritten: 50_000_000,
    storedGigabytes: 5,
  },
  /** Each day, in the free plan. Beyond it objects answer with errors until the next day. */
  freePerDay: { requests: 100_000, gigabyteSeconds: 13_000, rowsRead: 5_000_000, rowsWritten: 100_000 },
} as const;

/** What one object is meant to take: a soft limit, beyond which it answers that it is overloaded. */
export const OBJECT_MESSAGES_PER_SECOND = 1_000;

/** Cloudflare's own TURN service, for comparison. */
export const TURN = {
  asOf: "2026-11-23",
  source: "developers.cloudflare.com/realtime/turn/faq",
  /** Of what goes from the edge to TURN clients, with TURN's own bytes. What comes from them is free. */
  perGigabyte: 0.05,
  includedGigabytesPerMonth: 1_000,
  /** ChannelData's header (RFC 8656, section 12.4): the least that TURN puts around a packet. */
  bytesPerPacket: 4,
} as const;

/** A rented machine in one place, for comparison: Hetzner CX33, 4 shared cores, 8 GB, in Europe. */
export const VPS = {
  asOf: "2026-05-27",
  source:
    "Hetzner Cloud Pricing API (€6.49 a month, €1.00 per TB beyond) at the ECB's $1.1637, as quoted in github.com/devantler-tech/platform, commit cb791c6f",
  name: "Hetzner CX33",
  perMonth: 7.55,
  includedGigabytesPerMonth: 20_000,
  perGigabyteBeyond: 0.00116,
  /**
   * Not a price: half of three cores at 6.2 µs a packet, as this relay takes on Bun at 10,000 packets a second
   * (docs/performance.md); the fourth core is the kernel's and TLS's. One process per core.
   */
  packetsPerSecond: 240_000,
} as const;
