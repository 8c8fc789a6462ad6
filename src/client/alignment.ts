import type { ControlValues } from "../protocol/index.ts";

export interface AlignmentOptions {
  /** How much later than it would a batch may leave to arrive with those of other peers; default 3. */
  readonly maxDelayMs?: number;
}

/** A hint of the relay: by how much later (earlier, if negative) to tick. */
export interface Pace {
  /** What the relay takes for the period of this client's ticks; 0: there is nobody to meet. */
  readonly periodMs: number;
  readonly shiftMs: number;
}

/** Follows the relay's hints (rules T3, T6): by delay, or by whoever moves the application's own loop. */
export class Alignment {
  /** ms by which what waits for others anyway (Nagle) leaves later. */
  holdMs = 0;
  readonly #maxMs: number;
  #follow: ((pace: Pace) => void) | undefined;

  constructor(options: AlignmentOptions | false = {}) {
    this.#maxMs = options ? Math.max(options.maxDelayMs ?? 3, 0) : 0;
  }

  hint({ periodUs, shiftUs }: ControlValues<"pace">): void {
    const [periodMs, shiftMs] = [periodUs / 1000, shiftUs / 1000];
    if (this.#follow) return this.#follow({ periodMs, shiftMs });
    const max = Math.min(this.#maxMs, periodMs / 2);
    // Those who are out of reach do not come to meet us, since a delay cannot make them earlier: waiting would gain nothing.
    this.holdMs = shiftMs > max ? 0 : Math.max(0, Math.min(max, this.holdMs + shiftMs));
  }

  /** Hints are for `follow` now, and nothing is held back. Returns what ends that. */
  follow(follow: (pace: Pace) => void): () => void {
    this.#follow = follow;
    this.holdMs = 0;
    return () => {
      if (this.#follow === follow) this.#follow = undefined;
    };
  }
}
