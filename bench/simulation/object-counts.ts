/** How many objects there are, by hint, as they come and go over the day. */
import { HINTS } from "./places.ts";

export class ObjectCounts {
  readonly #byHint = HINTS.map(() => 0);
  #objectMinutes = 0;
  #total = 0;
  #lastAt = 0;

  change(now: number, hint: number, by: number): void {
    this.#objectMinutes += this.#total * (now - this.#lastAt);
    this.#lastAt = now;
    this.#byHint[hint]! += by;
    this.#total += by;
  }

  get total(): number {
    return this.#total;
  }

  get byHint(): readonly number[] {
    return [...this.#byHint];
  }

  /** Minutes that objects have existed, until `now`. */
  minutes(now: number): number {
    return this.#objectMinutes + this.#total * (now - this.#lastAt);
  }
}
