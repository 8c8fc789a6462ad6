/** What may be made up for after a pause, in ms of the rate. */
const BURST_MS = 20;
/** What has to come together before anything leaves again, so that frames share batches. */
const QUANTUM_MS = 5;

/** A token bucket: how many bytes may leave now at a given rate. A frame may overdraw it, and is paid off by waiting. */
export class Pacer {
  readonly #bytesPerMs: number;
  #allowance = Infinity;
  #needed = 0;
  #filledAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** When the next frame may leave; not later than `now` when it is now. */
  readyAt(now: number): number {
    if (this.#bytesPerMs === Infinity) return now;
    const filled = this.#allowance + (now - this.#filledAt) * this.#bytesPerMs;
    this.#allowance = Math.min(BURST_MS * this.#bytesPerMs, filled);
    this.#filledAt = now;
    const missing = this.#needed - this.#allowance;
    this.#needed = missing < 0 ? 0 : QUANTUM_MS * this.#bytesPerMs;
    return missing < 0 ? now : now + (1 + this.#needed - this.#allowance) / this.#bytesPerMs;
  }

  spend(bytes: number): void {
    this.#allowance -= bytes;
  }
}
