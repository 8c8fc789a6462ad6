/** What happens next: a binary heap. Events at the same moment come in the order in which they were added. */
export class EventQueue {
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #events: number[] = [];
  #added = 0;

  get size(): number {
    return this.#times.length;
  }

  /** When the next event is; Infinity without one. */
  get nextAt(): number {
    return this.#times[0] ?? Infinity;
  }

  add(at: number, event: number): void {
    if (Number.isNaN(at)) throw new RangeError("an event needs a time");
    const order = this.#added++;
    let hole = this.#times.length;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#isBefore(at, order, parent)) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#put(hole, at, order, event);
  }

  /** The next event; undefined without one. */
  take(): number | undefined {
    const first = this.#events[0];
    const [at, order, event] = [this.#times.pop(), this.#orders.pop(), this.#events.pop()];
    if (at === undefined || order === undefined || event === undefined) return undefined;
    if (this.#times.length === 0) return event;
    this.#sink(at, order, event);
    return first;
  }

  #sink(at: number, order: number, event: number): void {
    const { length } = this.#times;
    let hole = 0;
    for (;;) {
      const left = 2 * hole + 1;
      if (left >= length) break;
      const right = left + 1;
      const child = right < length && this.#isBefore(this.#times[right]!, this.#orders[right]!, left) ? right : left;
      if (this.#isBefore(at, order, child)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#put(hole, at, order, event);
  }

  #isBefore(at: number, order: number, other: number): boolean {
    const time = this.#times[other]!;
    return at < time || (at === time && order < this.#orders[other]!);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from]!, this.#orders[from]!, this.#events[from]!);
  }

  #put(place: number, at: number, order: number, event: number): void {
    this.#times[place] = at;
    this.#orders[place] = order;
    this.#events[place] = event;
  }
}
