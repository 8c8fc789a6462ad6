/** What a room costs on Cloudflare, from what happened in it. An estimate: what it assumes is in ASSUMPTIONS. */
import type { HistoryBucket } from "../api/types.ts";
import { PRICES } from "../../cost/prices.ts";

/** Rows that the relay writes: `docs/architecture.md`, "What is kept where". */
const ROWS_PER_CONNECTION = 3;
const ROWS_PER_JOIN = 2;
/** A busy room writes its counters, and sets its alarm, each 10 s; history takes a row a minute. */
const ROWS_PER_AWAKE_MINUTE = 13;
const ALARMS_PER_AWAKE_MINUTE = 6;
/** Peers who say nothing are looked for each 19 to 34 s: an alarm that runs, and a row for the next one. */
export const ALARMS_PER_QUIET_MINUTE = 3.2;

export const HOURS_PER_MONTH = 730;

const QUIET_ALARMS = ALARMS_PER_QUIET_MINUTE * 60 * HOURS_PER_MONTH;
const QUIET_CENTS = Math.ceil((QUIET_ALARMS * (PRICES.perMillionRequests + PRICES.perMillionRowsWritten)) / 1e4);

export const ASSUMPTIONS: readonly string[] = [
  `Prices of ${PRICES.asOf}. What the account's plan includes is not taken off, nor is its fixed fee added.`,
  "The room is awake, and billed as 128 MB, for the whole of every minute in which a message came; otherwise it sleeps.",
  `A sleeping room with peers looks for those who are gone two or three times a minute. That is not in here: at most ${QUIET_CENTS} cents a month.`,
  "A join is one request, an alarm one, and 20 WebSocket messages from peers are one. Messages to peers are free.",
  `Rows written: ${ROWS_PER_CONNECTION} for a connection, ${ROWS_PER_JOIN} for a join, ${ROWS_PER_AWAKE_MINUTE} for a minute awake (counters, alarm, history).`,
  "Rows read and storage are left out: cents a year at this size. The Worker before the room, and this dashboard's own requests, too.",
];

export interface Usage {
  readonly requests: number;
  readonly gigabyteSeconds: number;
  readonly rowsWritten: number;
}

export interface Cost {
  readonly usage: Usage;
  /** Dollars, for the time that the buckets cover. */
  readonly requests: number;
  readonly duration: number;
  readonly rows: number;
  readonly total: number;
}

/** `awakeMinutes`: in how many minutes the room had something to do. */
export function estimate(buckets: readonly HistoryBucket[], awakeMinutes: number): Cost {
  const usage = usageOf(buckets, awakeMinutes);
  const requests = (usage.requests * PRICES.perMillionRequests) / 1e6;
  const duration = (usage.gigabyteSeconds * PRICES.perMillionGigabyteSeconds) / 1e6;
  const rows = (usage.rowsWritten * PRICES.perMillionRowsWritten) / 1e6;
  return { usage, requests, duration, rows, total: requests + duration + rows };
}

function usageOf(buckets: readonly HistoryBucket[], awakeMinutes: number): Usage {
  const sum = (field: "messages" | "joins" | "opened"): number =>
    buckets.reduce((total, bucket) => total + bucket[field], 0);
  const [messages, joins, opened] = [sum("messages"), sum("joins"), sum("opened")];
  return {
    requests: messages / PRICES.messagesPerRequest + joins + ALARMS_PER_AWAKE_MINUTE * awakeMinutes,
    gigabyteSeconds: awakeMinutes * 60 * PRICES.gigabytesPerObject,
    rowsWritten: ROWS_PER_CONNECTION * opened + ROWS_PER_JOIN * joins + ROWS_PER_AWAKE_MINUTE * awakeMinutes,
  };
}

export function awakeMinutesOf(minutes: readonly HistoryBucket[]): number {
  return minutes.filter(({ messages, joins, packets }) => messages + joins + packets > 0).length;
}

/** Scales what a stretch of time cost to a month of the same. */
export function perMonth(cost: number, hours: number): number {
  return hours > 0 ? (cost / hours) * HOURS_PER_MONTH : 0;
}
