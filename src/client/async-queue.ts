/** Values on their way to one reader who waits for them: the bridge from events to `for await`. */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #isEnded = false;

  get length(): number {
    return this.#values.length;
  }

  push(value: T): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting({ value, done: false });
    else this.#values.push(value);
  }

  /** Takes what is there, at once. */
  shift(): T | undefined {
    return this.#values.shift();
  }

  remove(value: T): void {
    const index = this.#values.indexOf(value);
    if (index >= 0) this.#values.splice(index, 1);
  }

  /** What is queued can still be read; then iteration is done. */
  end(): void {
    this.#isEnded = true;
    for (const waiting of this.#waiting.splice(0)) waiting({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#values.length > 0) return Promise.resolve({ value: this.#values.shift() as T, done: false });
    if (this.#isEnded) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.next() };
  }
}
