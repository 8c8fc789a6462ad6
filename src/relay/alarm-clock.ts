import { TIMES } from "./settings.ts";

/** Whether a wait is over that was never longer than `longest`. One that ends later was begun before the clock went back. */
export function isOver(until: number, longest: number, now: number): boolean {
  return until <= now || (until !== Infinity && until - now > longest);
}

/** When the room must be looked at again; a platform's alarm is set to it. */
export class AlarmClock {
  #at = Infinity;
  /** ms when everything that may be due was last looked at */
  #lookedAt = -Infinity;

  /** ms; Infinity when nothing is due. */
  get at(): number {
    return this.#at;
  }

  /** Something is due at `due`. */
  wake(due: number): void {
    this.#at = Math.min(this.#at, this.#ringTime(due));
  }

  /** Everything was looked at `now`, and the next of it is due at `due`. */
  looked(now: number, due: number): void {
    this.#lookedAt = now;
    this.#at = this.#ringTime(due);
  }

  /** Everything was looked at later than `now`: time has gone back. */
  isAhead(now: number): boolean {
    return now < this.#lookedAt;
  }

  /** Nothing is due any more. */
  stop(): void {
    this.#at = Infinity;
  }

  /**
   * Alarms ring at whole seconds, and look at what was due then. So they are never closer together, and when a
   * connect times out does not depend on what else goes on in the room, such as the peer being there (rule C6).
   */
  #ringTime(due: number): number {
    const second = Math.max(Math.ceil(due / TIMES.promptMs), Math.floor(this.#lookedAt / TIMES.promptMs) + 1);
    return second * TIMES.promptMs;
  }
}
