/** Looked at again at least this often: timers run on a clock of their own, and deadlines on one that may be set. */
const MAX_DELAY_MS = 60_000;

/** One timer for whatever is due next in this process: the part that alarms play in a Durable Object. */
export class DeadlineTimer {
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at `at`, or before. */
  wake(at: number): void {
    if (at >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = at;
    const delay = Math.min(Math.max(0, at - Date.now()), MAX_DELAY_MS);
    this.#timer = setTimeout(() => {
      this.#at = Infinity;
      this.#ring();
    }, delay);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#at = -Infinity;
  }
}
