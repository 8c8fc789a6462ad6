/** As many as the engine below tells apart: what is older has been dropped there already. */
export const WINDOW = 1024;

/** Which of the last 1024 counters were taken (RFC 4303, 3.4.3). */
export class ReplayWindow {
  readonly #taken = new Uint8Array(WINDOW);
  #highest = -1;

  /** The smallest counter that can still be fresh. */
  get oldest(): number {
    return Math.max(0, this.#highest - WINDOW + 1);
  }

  isFresh(counter: number): boolean {
    if (counter > this.#highest) return true;
    return counter >= this.oldest && this.#taken[counter % WINDOW] === 0;
  }

  /** False when it is not fresh. Only for counters that are authentic. */
  take(counter: number): boolean {
    if (!this.isFresh(counter)) return false;
    if (counter - this.#highest >= WINDOW) this.#taken.fill(0);
    else for (let skipped = this.#highest + 1; skipped <= counter; skipped++) this.#taken[skipped % WINDOW] = 0;
    this.#highest = Math.max(this.#highest, counter);
    this.#taken[counter % WINDOW] = 1;
    return true;
  }
}
