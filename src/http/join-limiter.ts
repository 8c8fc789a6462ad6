import { Meters } from "./meters.ts";
import { problem } from "./problem.ts";

const MINUTE_SECONDS = 60;

/**
 * Joins of one client address and app within a minute (rule L3), before any room is touched. Only joins with a good
 * ticket count, so a stranger at the same address cannot use them up. It bounds what one client costs, and is no
 * exact quota; what is shared and exact is the room's.
 */
export class JoinLimiter {
  readonly #meters: Meters;

  constructor(max?: number) {
    this.#meters = new Meters(max);
  }

  /** Takes one join, or says why not. An address that is not known is not limited; `perMinute` 0 is no limit. */
  check(app: number, address: string | undefined, perMinute: number, now: number): Response | undefined {
    if (address === undefined || perMinute === 0) return undefined;
    const meter = this.#meters.of(`${app} ${address}`, perMinute / MINUTE_SECONDS, perMinute, now);
    if (meter.takeOne(now)) return undefined;
    const seconds = Math.max(1, Math.ceil(meter.waitForOne(now) / 1000));
    const detail = `more than ${perMinute} joins a minute from one address; try again in ${seconds} s`;
    return problem("too_many_joins", detail, seconds);
  }
}
