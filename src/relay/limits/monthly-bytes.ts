/**
 * What a room has relayed in this calendar month, UTC. Kept as the total when the month began, so that relaying a packet
 * costs nothing more; a month begins at the first look in it, which the alarm takes within 10 s while data is relayed.
 */
export class MonthlyBytes {
  #start = 0;
  #totalBefore = 0;

  /** ms when the month began that was last looked at; 0 before the first look. */
  get start(): number {
    return this.#start;
  }

  /** `total`: what the room has relayed in its life. */
  used(total: number): number {
    return total - this.#totalBefore;
  }

  /** A look at the calendar. A clock that goes back begins no month. */
  look(now: number, total: number): void {
    const start = monthOf(now, 0);
    if (start <= this.#start) return;
    this.#start = start;
    this.#totalBefore = total;
  }

  restore(start: number, used: number, total: number): void {
    this.#start = start;
    this.#totalBefore = total - used;
  }
}

/** When the month of `now` begins, or one `later` months after it. */
export function monthOf(now: number, later: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + later);
}
