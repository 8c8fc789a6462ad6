/**
 * When the frames for one client leave: when the turn ends that brought them, or a few milliseconds later together with
 * what comes meanwhile. On workerd a message costs about 30 µs whatever is in it, so a loaded room carries several times
 * as much when it waits; a quiet one would gain nothing and only be late. So a room waits by its load, and for each
 * client only as long as that saves messages.
 */

/** Messages a second, in and as they would go out one by one, up to which nothing waits: some 5 % of a core. */
const QUIET_LOAD = 2_000;
/** From here on frames wait as long as the room's setting lets them. */
const FULL_LOAD = 6_000;
const LOAD_WINDOW_MS = 100;

/** How loaded a room is, and so how long its frames may wait. */
export class RoomLoad {
  /** How long frames wait under full load. */
  maxDelayMs: number;
  #count = 0;
  #since = -Infinity;
  /** Messages a second. */
  #rate = 0;

  constructor(maxDelayMs: number) {
    this.maxDelayMs = maxDelayMs;
  }

  /** One turn has brought frames for `clients` clients. */
  add(clients: number, now: number): void {
    this.#count += 1 + clients;
    const elapsed = now - this.#since;
    if (elapsed >= 0 && elapsed < LOAD_WINDOW_MS) return;
    // A window that was left open through a silence says how little there was; the first of all, and a clock that went
    // back, say nothing.
    const rate = elapsed > 0 ? (this.#count * 1000) / elapsed : 0;
    this.#rate = (this.#rate + rate) / 2;
    this.#count = 0;
    this.#since = now;
  }

  /** How long frames may wait just now, in whole ms; 0: not at all. */
  get delayMs(): number {
    if (this.#rate <= QUIET_LOAD) return 0;
    const share = Math.min(1, (this.#rate - QUIET_LOAD) / (FULL_LOAD - QUIET_LOAD));
    return Math.ceil(share * this.maxDelayMs);
  }
}

/** Turns that a message must gather on average for the wait to be worth it. */
const WORTHWHILE = 1.3;
/** After a vain attempt a client's frames go out at once for this long, and ever longer. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 30_000;
/** What comes after so long a silence goes out at once. */
const SILENCE_MS = 250;

/**
 * Whether waiting saves messages for one client. It does where several others send to it at about the same time. It
 * does not where it plays ping-pong with one: then the answer waits, and nothing comes meanwhile.
 */
export class Gathering {
  /** ms at which what waits has to leave; Infinity while nothing does. */
  dueAt = Infinity;
  /** Turns whose frames wait. */
  #turns = 0;
  /** Turns in a message, on average; optimistic at first. */
  #average = 2;
  #lastSent = -Infinity;
  #retryAt = -Infinity;
  #retryMs = FIRST_RETRY_MS;

  get isWaiting(): boolean {
    return this.dueAt !== Infinity;
  }

  /** A first frame for an idle client: whether it waits for more, at most `delayMs`. */
  begin(now: number, delayMs: number): boolean {
    const isSilent = now - this.#lastSent > SILENCE_MS;
    this.#lastSent = now;
    if (isSilent || delayMs === 0 || now < this.#retryAt) return false;
    this.dueAt = now + delayMs;
    this.#turns = 1;
    return true;
  }

  /** Frames of another turn have joined what waits. */
  join(): void {
    this.#turns++;
  }

  /** What waited leaves. */
  end(now: number): void {
    this.dueAt = Infinity;
    this.#average += (this.#turns - this.#average) / 8;
    if (this.#average >= WORTHWHILE) {
      if (this.#turns > 1) this.#retryMs = FIRST_RETRY_MS;
      return;
    }
    this.#retryAt = now + this.#retryMs;
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
    this.#average = WORTHWHILE; // the next attempt may be a short one
  }
}
