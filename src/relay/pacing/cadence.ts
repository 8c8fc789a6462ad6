/** Messages within so many ms of the first of them are one tick (rule T2). */
const SAME_TICK_MS = 2;
const MIN_PERIOD_MS = 4;
const MAX_PERIOD_MS = 1_000;
/** Ticks that the estimates look back on, and how many it takes to trust them. */
const MEMORY = 32;
const ENOUGH = 24;
/** After a hint: what came before it is soon forgotten, and the period is not. */
const FRESH = 6;
/** Of the period: how far ticks may be off to count as steady, and when they no longer do. */
const STEADY = 1 / 6;
const UNSTEADY = 1 / 4;
/** A tick may be left out now and then; beyond so many of all, the period was mistaken for a fraction of itself. */
const MISSED = 1 / 2;
/** Ticks without a message after which a sender counts as one that has stopped. */
const SILENT = 4;

/**
 * When one client's ticks arrive, and how far apart. The times are whole ms and shake with the network, so a line is
 * fitted to them (least squares over a growing, then fading memory): after 32 ticks it knows both to a fraction of a ms.
 * A few additions per message, and nothing is kept of it.
 */
export class Cadence {
  /** ms between ticks. */
  period = 0;
  /** ms of the last tick, as the line has it. */
  tickAt = 0;
  /* What became of hints (hint.ts): ms before which there is none, */
  hintAt = 0;
  /** the client follows one, for all the relay knows, */
  isLed = false;
  /** ms that the last one asked for, and the intervals that there were to be after it. */
  asked = Infinity;
  pause = 1;
  /** The ticks are regular enough to be met. */
  isSteady = false;
  /** ms by which ticks are off the line, on average. */
  spread = 0;
  #first = 0;
  #ticks = 0;
  #missed = 0;

  /** A message with data has come. False when it belongs to a tick that has begun. */
  heard(now: number): boolean {
    const since = now - this.#first;
    if (this.#ticks > 0 && since >= 0 && since <= SAME_TICK_MS) return false;
    this.#first = now;
    if (this.#ticks === 0 || since < 0 || since > SILENT * MAX_PERIOD_MS) this.#restart(now);
    else if (this.#ticks === 1) this.#begin(now, since);
    else this.#fit(now);
    return true;
  }

  /** Enough was measured since the last hint to judge by. */
  get isMeasured(): boolean {
    return this.isSteady && this.#ticks >= ENOUGH;
  }

  /** Still ticking at `now`. */
  isHeard(now: number): boolean {
    return this.isSteady && now - this.tickAt <= SILENT * this.period;
  }

  /** The client has been told to move. */
  led(): void {
    this.isLed = true;
    this.#ticks = FRESH;
  }

  #restart(now: number): void {
    this.#ticks = 1;
    this.tickAt = now;
    this.hintAt = Math.min(this.hintAt, now); // a clock that has gone back
    this.isSteady = false;
  }

  #begin(now: number, since: number): void {
    if (since > MAX_PERIOD_MS) return this.#restart(now);
    this.period = since;
    this.tickAt = now;
    this.#ticks = 2;
    this.spread = this.#missed = 0;
  }

  #fit(now: number): void {
    const steps = Math.max(1, Math.round((now - this.tickAt) / this.period));
    const expected = this.tickAt + steps * this.period;
    const off = now - expected;
    const n = (this.#ticks = Math.min(this.#ticks + 1, MEMORY));
    this.tickAt = expected + (off * (4 * n - 2)) / (n * (n + 1));
    const m = this.isSteady ? MEMORY : n; // a client that moves is not to be taken for one of another period
    this.period += (off * 6) / (m * (m + 1)) / steps;
    this.spread += (Math.abs(off) - this.spread) / 8;
    this.#missed += (steps - 1 - this.#missed) / 8;
    this.#judge(now);
  }

  #judge(now: number): void {
    if (this.#ticks < ENOUGH && !this.isSteady) return;
    const { period, spread } = this;
    const isInRange = period >= MIN_PERIOD_MS && period <= MAX_PERIOD_MS && this.#missed <= MISSED;
    if (!isInRange || spread > period * UNSTEADY) this.#restart(now);
    else if (spread <= period * STEADY) this.isSteady = true;
  }
}
