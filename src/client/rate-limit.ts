import type { ControlValues } from "../protocol/index.ts";

type Limits = Pick<ControlValues<"welcome">, "messagesPerSecond" | "bytesPerSecond">;

/** What may be made up for after a pause. The relay allows two seconds' worth: what the network bunches up is in between. */
const BURST_MS = 1000;
/** How far control frames may run ahead of the rate: data waits until that is paid off. */
const CONTROL_MS = 500;
/** Of the rate that is allowed, since no two clocks are alike. */
const SHARE = 0.98;
/** A frame may overdraw what is left, so a batch may as well be this large. */
const MIN_BYTES = 16 * 1024;

/** Keeps what this client sends below the rates of the welcome (rule L1). Each rate is a time up to which it is used up. */
export class RateLimit {
  #messagesUntil = -Infinity;
  #bytesUntil = -Infinity;

  /** When the next message may leave: at `now` or earlier, now. */
  readyAt(isControl: boolean): number {
    return Math.max(this.#messagesUntil, this.#bytesUntil) - (isControl ? CONTROL_MS : 0);
  }

  /** How large that message may be, at the most `max`. */
  budget(max: number, now: number, { bytesPerSecond }: Limits): number {
    const left = ((now - Math.max(this.#bytesUntil, now - BURST_MS)) * bytesPerSecond) / 1000;
    return bytesPerSecond === 0 ? max : Math.min(max, Math.max(left, MIN_BYTES));
  }

  spend(bytes: number, now: number, { messagesPerSecond, bytesPerSecond }: Limits): void {
    this.#messagesUntil = usedUntil(this.#messagesUntil, 1, messagesPerSecond, now);
    this.#bytesUntil = usedUntil(this.#bytesUntil, bytes, bytesPerSecond, now);
  }
}

function usedUntil(until: number, count: number, perSecond: number, now: number): number {
  return perSecond === 0 ? -Infinity : Math.max(until, now - BURST_MS) + (count * 1000) / (perSecond * SHARE);
}
