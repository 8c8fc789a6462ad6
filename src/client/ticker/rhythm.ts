/** Of a period: how far a tick may be moved, so that no frame of the game is noticeably long or short. */
const SLEW = 1 / 16;

/** When ticks are due: at a fixed rate, moved a little with each until a hint is followed. Times in ms. */
export class Rhythm {
  dueAt: number;
  /** By how much all hints together have moved it. */
  movedMs = 0;
  readonly #period: number;
  #left = 0;

  constructor(period: number, now: number) {
    this.#period = period;
    this.dueAt = now + period;
  }

  /** Takes the place of what is left of the last hint: the relay has measured how far that was followed. */
  move(shift: number): void {
    this.#left = shift;
  }

  /** A tick was run. Those whose time has passed already, in a tab that slept, are not made up for. */
  next(now: number): void {
    const most = this.#period * SLEW;
    const slew = Math.max(-most, Math.min(most, this.#left));
    this.#left -= slew;
    this.movedMs += slew;
    this.dueAt += this.#period + slew;
    if (this.dueAt < now) this.dueAt += Math.ceil((now - this.dueAt) / this.#period) * this.#period;
  }
}
