/** Rates as arithmetic: a few numbers per session, no timer, nothing allocated per message (rules L1, L2, C14). */
import type { PeerLimits } from "../settings.ts";

/** What a limit on messages or bytes lets through at once, in seconds' worth of it. */
export const BURST_SECONDS = 2;

/** A token bucket that may be overdrawn: who asks decides what debt means. */
export class Meter {
  readonly perSecond: number;
  readonly burst: number;
  #level: number;
  #filled: number;

  /** Full at `now`. */
  constructor(perSecond: number, burst: number, now: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.#level = burst;
    this.#filled = now;
  }

  /**
   * What is there at `now`; below zero it is owed. A clock that goes back gives nothing, and counts on from there: a meter
   * that waited for the old time to come again would end sessions as floods for as long.
   */
  level(now: number): number {
    const elapsed = Math.max(0, now - this.#filled);
    this.#level = Math.min(this.burst, this.#level + (elapsed * this.perSecond) / 1000);
    this.#filled = now;
    return this.#level;
  }

  /** Takes `amount` whether it is there or not, and says what is left. */
  spend(amount: number, now: number): number {
    this.#level = this.level(now) - amount;
    return this.#level;
  }

  /** Takes one if it is there. */
  takeOne(now: number): boolean {
    if (this.level(now) < 1) return false;
    this.#level--;
    return true;
  }

  /** ms from `now` until one is there. */
  waitForOne(now: number): number {
    return Math.max(0, Math.ceil(((1 - this.level(now)) * 1000) / this.perSecond));
  }
}

/** What a message, or a payload, is after it was charged for. */
export const Charge = {
  Within: 0,
  /** In debt: only what is reliable passes. */
  Beyond: 1,
  /** More than another burst in debt. */
  Far: 2,
} as const;
export type Charge = (typeof Charge)[keyof typeof Charge];

function chargeFor(level: number, burst: number): Charge {
  if (level >= 0) return Charge.Within;
  return level < -burst ? Charge.Far : Charge.Beyond;
}

/** A meter of BURST_SECONDS; undefined where the limit is 0. */
function meterFor(perSecond: number, now: number): Meter | undefined {
  return perSecond === 0 ? undefined : new Meter(perSecond, perSecond * BURST_SECONDS, now);
}

/** Refused connects in one minute that end a session: answering one costs more than asking. */
export const MAX_REFUSED_CONNECTS = 1_000;
const REFUSED_CONNECTS_MS = 60_000;

/**
 * What one socket has sent, against the limits of its ticket's class. Full again after an eviction, which takes a quiet
 * room, and on a new socket, of which an address has only so many (L3).
 */
export class SessionRates {
  readonly limits: PeerLimits;
  readonly #messages: Meter | undefined;
  readonly #bytes: Meter | undefined;
  /** Full until it is first taken from, and made then: most peers never ask for a connection. */
  #connects: Meter | undefined;
  /** Likewise: most peers are in no group. */
  #copies: Meter | undefined;
  #refusedConnects = 0;
  #refusedSince = -Infinity;

  constructor(limits: PeerLimits, now: number) {
    this.limits = limits;
    this.#messages = meterFor(limits.messagesPerSecond, now);
    this.#bytes = meterFor(limits.bytesPerSecond, now);
  }

  /** One inbound message of `size` bytes (L1). */
  message(size: number, now: number): Charge {
    const messages = this.#messages;
    const bytes = this.#bytes;
    const first = messages ? chargeFor(messages.spend(1, now), messages.burst) : Charge.Within;
    const second = bytes ? chargeFor(bytes.spend(size, now), bytes.burst) : Charge.Within;
    return first > second ? first : second;
  }

  /** Whether one more connect is within the rate (C14). */
  takeConnect(now: number): boolean {
    const { connectsPerSecond, connectBurst } = this.limits;
    this.#connects ??= new Meter(connectsPerSecond, connectBurst, now);
    return this.#connects.takeOne(now);
  }

  /** A message to a group that becomes so many copies (G6). In debt after a large one; nothing passes until it is paid. */
  takeCopies(count: number, now: number): boolean {
    const { groupCopiesPerSecond } = this.limits;
    if (groupCopiesPerSecond === 0) return true;
    this.#copies ??= new Meter(groupCopiesPerSecond, groupCopiesPerSecond * BURST_SECONDS, now);
    if (this.#copies.level(now) <= 0) return false;
    this.#copies.spend(count, now);
    return true;
  }

  /** One more connect was refused for its rate; false when that makes it a flood. */
  mayRefuseConnect(now: number): boolean {
    if (now - this.#refusedSince >= REFUSED_CONNECTS_MS) {
      this.#refusedSince = now;
      this.#refusedConnects = 0;
    }
    return ++this.#refusedConnects < MAX_REFUSED_CONNECTS;
  }
}

/** What each end has sent over one connection (L2): made on the first payload that a limit applies to. */
export interface ConnectionRates {
  from?: Meter;
  to?: Meter;
}

/** One payload of `size` bytes from one end, whose limit is `perSecond`. */
export function chargeConnection(
  rates: ConnectionRates,
  end: keyof ConnectionRates,
  perSecond: number,
  size: number,
  now: number,
): Charge {
  let meter = rates[end];
  // The peer may have come back with a ticket of another class.
  if (meter?.perSecond !== perSecond) rates[end] = meter = new Meter(perSecond, perSecond * BURST_SECONDS, now);
  return chargeFor(meter.spend(size, now), meter.burst);
}
