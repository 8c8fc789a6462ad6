import { Meter } from "../relay/limits/rates.ts";
import { problem } from "./problem.ts";

/** Addresses that are remembered. One that is forgotten begins anew, so a flood of addresses loosens the limit. */
const MAX_ADDRESSES = 10_000;
const MINUTE_SECONDS = 60;

/**
 * Joins of one client address and app within a minute (rule L3), before any room is touched. Only joins with a good
 * ticket count, so a stranger at the same address cannot use them up. Each isolate counts for itself: a client that
 * reaches several, in several places, may join that many times as often. It bounds what one client costs, and is no
 * exact quota; what is shared and exact is the room's.
 */
export class JoinLimiter {
  readonly #max: number;
  /** In the order of their last use. */
  readonly #meters = new Map<string, Meter>();

  constructor(max = MAX_ADDRESSES) {
    this.#max = max;
  }

  /** Takes one join, or says why not. An address that is not known is not limited; `perMinute` 0 is no limit. */
  check(app: number, address: string | undefined, perMinute: number, now: number): Response | undefined {
    if (address === undefined || perMinute === 0) return undefined;
    const meter = this.#meterOf(`${app} ${address}`, perMinute, now);
    if (meter.takeOne(now)) return undefined;
    const seconds = Math.max(1, Math.ceil(meter.waitForOne(now) / 1000));
    const detail = `more than ${perMinute} joins a minute from one address; try again in ${seconds} s`;
    return problem("too_many_joins", detail, seconds);
  }

  #meterOf(key: string, perMinute: number, now: number): Meter {
    let meter = this.#meters.get(key);
    if (meter?.burst !== perMinute) meter = new Meter(perMinute / MINUTE_SECONDS, perMinute, now);
    this.#meters.delete(key);
    this.#meters.set(key, meter);
    const oldest = this.#meters.size > this.#max ? this.#meters.keys().next().value : undefined;
    if (oldest !== undefined) this.#meters.delete(oldest);
    return meter;
  }
}
