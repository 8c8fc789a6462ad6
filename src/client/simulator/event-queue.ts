interface Event<T> {
  readonly at: number;
  readonly order: number;
  readonly value: T;
}

/** What happens when: earliest first, and in the order of adding when at the same time. A binary heap. */
export class EventQueue<T> {
  readonly #heap: Event<T>[] = [];
  #added = 0;

  get length(): number {
    return this.#heap.length;
  }

  /** When the next event is; Infinity for never. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  add(at: number, value: T): void {
    const event = { at, order: this.#added++, value };
    let index = this.#heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.#heap[parent];
      if (!above || isBefore(above, event)) break;
      this.#heap[index] = above;
      index = parent;
    }
    this.#heap[index] = event;
  }

  /** The next event, when it is not later than `now`. */
  take(now: number): T | undefined {
    const first = this.#heap[0];
    if (!first || first.at > now) return undefined;
    const last = this.#heap.pop();
    if (last && this.#heap.length > 0) this.#sink(last);
    return first.value;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #sink(event: Event<T>): void {
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const [a, b] = [this.#heap[left], this.#heap[left + 1]];
      const child = a && b && isBefore(b, a) ? b : a;
      if (!child || isBefore(event, child)) break;
      this.#heap[index] = child;
      index = child === b ? left + 1 : left;
    }
    this.#heap[index] = event;
  }
}

function isBefore<T>(a: Event<T>, b: Event<T>): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
