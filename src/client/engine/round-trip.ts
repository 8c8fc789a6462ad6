const INITIAL_RTO_MS = 1000;
/** RFC 6298 says 1 s, which a game would notice. */
const MIN_RTO_MS = 100;
const MAX_RTO_MS = 10_000;
/** How far it backs off: after an outage, nobody wants to wait for longer. */
const MAX_BACKOFF_MS = 2000;
/** Acknowledgements are allowed to wait for that long. */
const MIN_SPREAD_MS = 25;

/** How long to wait for an acknowledgement before sending again: RFC 6298. */
export class RoundTrip {
  rto = INITIAL_RTO_MS;
  /** What an acknowledgement that comes now does not tell of is lost if it left longer ago than this (as RACK, RFC 8985). */
  late = INITIAL_RTO_MS;
  /** The shortest that was seen: nothing can be acknowledged sooner. */
  shortest = Infinity;
  #base = INITIAL_RTO_MS;
  #smoothed: number | undefined;
  #variation = 0;

  /** A measured round trip in ms. Ends a backoff. */
  sample(rtt: number): void {
    this.shortest = Math.min(this.shortest, rtt);
    if (this.#smoothed === undefined) {
      this.#smoothed = rtt;
      this.#variation = rtt / 2;
    } else {
      this.#variation += (Math.abs(this.#smoothed - rtt) - this.#variation) / 4;
      this.#smoothed += (rtt - this.#smoothed) / 8;
    }
    const spread = Math.max(MIN_SPREAD_MS, 4 * this.#variation);
    this.late = Math.max(rtt, this.#smoothed) + spread;
    this.rto = this.#base = Math.min(MAX_RTO_MS, Math.max(MIN_RTO_MS, this.#smoothed + spread));
  }

  /** A round trip of a probe. It is of now; if it is shorter, the queue that made the others long is gone. */
  probed(rtt: number): void {
    if (this.#smoothed !== undefined && rtt < this.#smoothed) {
      this.#smoothed = rtt;
      this.#variation = Math.min(this.#variation, rtt / 2);
    }
    this.sample(rtt);
  }

  /** Something was acknowledged: the way is open. As TCP does; RFC 6298 waits for a sample. */
  progress(): void {
    this.rto = this.#base;
  }

  backOff(): void {
    this.rto = Math.max(this.#base, Math.min(MAX_BACKOFF_MS, this.rto * 2));
  }
}
