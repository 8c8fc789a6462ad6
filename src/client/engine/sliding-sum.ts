/** A sum over about the last `window` ms, in two numbers: what left the window fades out over its length. */
export class SlidingSum {
  readonly #window: number;
  #slot = 0;
  #current = 0;
  #previous = 0;

  constructor(window: number) {
    this.#window = window;
  }

  add(value: number, now: number): void {
    this.#roll(now);
    this.#current += value;
  }

  sum(now: number): number {
    this.#roll(now);
    return this.#current + this.#previous * (1 - (now / this.#window - this.#slot));
  }

  #roll(now: number): void {
    const slot = Math.floor(now / this.#window);
    if (slot === this.#slot) return;
    this.#previous = slot === this.#slot + 1 ? this.#current : 0;
    this.#current = 0;
    this.#slot = slot;
  }
}
