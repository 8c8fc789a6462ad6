/** From what was used to what it costs. Pure arithmetic over PRICES. */
import { type Allowance, PRICES } from "./prices.ts";

/** What Cloudflare bills of Durable Objects, over any stretch of time. */
export interface Usage {
  /** Upgrades, calls between objects, alarms: everything but WebSocket messages. */
  readonly calls: number;
  /** WebSocket messages to objects. */
  readonly messages: number;
  readonly gigabyteSeconds: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

export interface Bill {
  readonly requests: number;
  readonly duration: number;
  readonly rows: number;
  readonly total: number;
}

export const NOTHING: Usage = { calls: 0, messages: 0, gigabyteSeconds: 0, rowsRead: 0, rowsWritten: 0 };

export function requestsOf({ calls, messages }: Usage): number {
  return calls + messages / PRICES.messagesPerRequest;
}

export function plus(a: Usage, b: Usage): Usage {
  return combined(a, b, (x, y) => x + y);
}

export function minus(a: Usage, b: Usage): Usage {
  return combined(a, b, (x, y) => x - y);
}

export function times(usage: Usage, factor: number): Usage {
  return combined(usage, usage, (x) => x * factor);
}

function combined(a: Usage, b: Usage, of: (x: number, y: number) => number): Usage {
  return {
    calls: of(a.calls, b.calls),
    messages: of(a.messages, b.messages),
    gigabyteSeconds: of(a.gigabyteSeconds, b.gigabyteSeconds),
    rowsRead: of(a.rowsRead, b.rowsRead),
    rowsWritten: of(a.rowsWritten, b.rowsWritten),
  };
}

/** Dollars for the usage itself: nothing that a plan includes is taken off. */
export function priceOf(usage: Usage): Bill {
  return billed(allowanceLike(usage));
}

/** Dollars of one month: the plan's fee, and what is used beyond what it includes. Storage is `storedGigabytes` all month. */
export function monthlyBill(usage: Usage, storedGigabytes: number): Bill & { readonly storage: number } {
  const { included } = PRICES;
  const used = allowanceLike(usage);
  const beyond = billed({
    requests: Math.max(0, used.requests - included.requests),
    gigabyteSeconds: Math.max(0, used.gigabyteSeconds - included.gigabyteSeconds),
    rowsRead: Math.max(0, used.rowsRead - included.rowsRead),
    rowsWritten: Math.max(0, used.rowsWritten - included.rowsWritten),
  });
  const storage = Math.max(0, storedGigabytes - included.storedGigabytes) * PRICES.perGigabyteMonthStored;
  return { ...beyond, storage, total: beyond.total + storage + PRICES.planPerMonth };
}

function billed({ requests, gigabyteSeconds, rowsRead, rowsWritten }: Allowance): Bill {
  const bill = {
    requests: (requests * PRICES.perMillionRequests) / 1e6,
    duration: (gigabyteSeconds * PRICES.perMillionGigabyteSeconds) / 1e6,
    rows: (rowsRead * PRICES.perMillionRowsRead + rowsWritten * PRICES.perMillionRowsWritten) / 1e6,
  };
  return { ...bill, total: bill.requests + bill.duration + bill.rows };
}

export interface FreeTier {
  /** Which of its allowances is used up first. */
  readonly endsBy: keyof Allowance;
  /** How often the usage fits into one day of it; below 1: it does not. */
  readonly fits: number;
}

export function freeTierOf(usagePerDay: Usage): FreeTier {
  const used = allowanceLike(usagePerDay);
  const names = Object.keys(PRICES.freePerDay) as (keyof Allowance)[];
  const fits = names.map((name) => ({ endsBy: name, fits: PRICES.freePerDay[name] / used[name] }));
  return fits.reduce((least, one) => (one.fits < least.fits ? one : least));
}

function allowanceLike(usage: Usage): Allowance {
  const { gigabyteSeconds, rowsRead, rowsWritten } = usage;
  return { requests: requestsOf(usage), gigabyteSeconds, rowsRead, rowsWritten };
}
