import { Meter } from "../relay/limits/rates.ts";

/** Those that are remembered. One that is forgotten begins anew, so a flood of them loosens the limit. */
const MAX_REMEMBERED = 10_000;

/**
 * A meter for each of many who ask. Each isolate counts for itself: a client that reaches several, in several places, may
 * ask that many times as often.
 */
export class Meters {
  readonly #max: number;
  /** In the order of their last use. */
  readonly #meters = new Map<string, Meter>();

  constructor(max = MAX_REMEMBERED) {
    this.#max = max;
  }

  of(key: string, perSecond: number, burst: number, now: number): Meter {
    let meter = this.#meters.get(key);
    if (meter?.burst !== burst) meter = new Meter(perSecond, burst, now);
    this.#meters.delete(key);
    this.#meters.set(key, meter);
    const oldest = this.#meters.size > this.#max ? this.#meters.keys().next().value : undefined;
    if (oldest !== undefined) this.#meters.delete(oldest);
    return meter;
  }
}
