/** Milliseconds, counted in buckets of half of one: a million samples take no more room than one. */
const PER_MS = 2;
const MAX_MS = 2_000;

export interface Quantiles {
  readonly samples: number;
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export class Histogram {
  readonly #buckets = new Uint32Array(MAX_MS * PER_MS);
  #samples = 0;

  add(ms: number): void {
    const bucket = Math.min(Math.floor(ms * PER_MS), this.#buckets.length - 1);
    this.#buckets[bucket]!++;
    this.#samples++;
  }

  get samples(): number {
    return this.#samples;
  }

  /** The least ms that so large a share of the samples does not exceed; 0 without samples. */
  at(share: number): number {
    let left = Math.ceil(share * this.#samples);
    if (left === 0) return 0;
    const bucket = this.#buckets.findIndex((count) => (left -= count) <= 0);
    return (bucket + 1) / PER_MS;
  }

  quantiles(): Quantiles {
    return { samples: this.#samples, p10: this.at(0.1), p50: this.at(0.5), p90: this.at(0.9), p99: this.at(0.99) };
  }
}
