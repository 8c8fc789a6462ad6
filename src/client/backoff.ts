const FIRST_MS = 100;
const LONGEST_MS = 5000;

/** How long to wait before dialing: a random part of a time that doubles, so that a room full of clients does not come at once. */
export class Backoff {
  #limit = FIRST_MS;
  #openedAt = -Infinity;

  /** A socket that lasts has done its part; one that is lost at once is another failure. */
  opened(now: number): void {
    this.#openedAt = now;
  }

  next(now: number): number {
    if (now - this.#openedAt >= LONGEST_MS) this.#limit = FIRST_MS;
    this.#openedAt = Infinity; // until there is another
    const waitMs = Math.random() * this.#limit;
    this.#limit = Math.min(LONGEST_MS, this.#limit * 2);
    return waitMs;
  }
}
