import { Fifo } from "./fifo.ts";
import { ACKNOWLEDGED, IN_FLIGHT, LOST, type Outgoing, windowCost } from "./outgoing.ts";
import { advance, distance } from "./sequence.ts";

/** The oldest segment and those that the bits of an acknowledgement tell of. */
const VISIBLE = 33;

/** What an acknowledgement told. */
export interface Acknowledged {
  /** Something was acknowledged that was not before. */
  isProgress: boolean;
  /** When the newest of these segments had left; -1 when that is not sure. It is the one that can be measured. */
  sentAt: number;
}

/** The segments of one lane that have left and are not acknowledged, and which of them have to leave again. */
export class Flight {
  /** Payload bytes under way, and of what was lost and waits to leave again. */
  underWay = 0;
  lost = 0;
  /** What they take of the receiver's window. Those that arrived behind a gap count until it is filled. */
  window = 0;
  /** The newest batch that is known to have arrived. */
  arrivedBatch = 0;

  readonly #segments = new Fifo<Outgoing>();
  readonly #resends = new Fifo<Outgoing>();
  /** The sequence that leaves next for the first time. */
  #next: number;
  /** As `arrivedBatch`, or newer, when a segment left again and was acknowledged for the time before. */
  #newestBatch = 0;

  constructor(firstSequence: number) {
    this.#next = firstSequence;
  }

  get length(): number {
    return this.#segments.length;
  }

  /** The oldest segment that has to leave again. */
  get nextLost(): Outgoing | undefined {
    let segment = this.#resends.at(0);
    for (; segment && segment.fate !== LOST; segment = this.#resends.at(0)) this.#resends.shift();
    return segment;
  }

  /** A segment leaves: the next one for the first time, or `nextLost`. */
  add(segment: Outgoing, batch: number, now: number): void {
    if (segment.fate === LOST) {
      this.#resends.shift();
      this.lost -= segment.payload.length;
      segment.wasResent = true;
    } else {
      this.#segments.push(segment);
      this.#next = advance(segment.sequence);
      this.window += windowCost(segment);
    }
    this.underWay += segment.payload.length;
    segment.fate = IN_FLIGHT;
    segment.batch = batch;
    segment.sentAt = now;
  }

  /**
   * Undefined for an acknowledgement that is stale, or of what was never sent. A segment that left again after `plausible`
   * cannot have arrived that time: it was the time before (RFC 8985; RFC 6298 measures nothing that left twice).
   */
  acknowledge(cumulative: number, selective: number, plausible: number): Acknowledged | undefined {
    const count = distance(cumulative, this.#segments.at(0)?.sequence ?? this.#next) + 1;
    if (count < 0 || count > this.length) return undefined;
    const told: Acknowledged = { isProgress: false, sentAt: -1 };
    for (let i = 0; i < count; i++) {
      const segment = this.#segments.shift();
      if (!segment) break;
      this.window -= windowCost(segment);
      this.#settle(segment, plausible, told);
    }
    for (let bits = selective, i = 1; bits !== 0; bits >>>= 1, i++) {
      const segment = this.#segments.at(i);
      if (segment && (bits & 1) !== 0) this.#settle(segment, plausible, told);
    }
    return told;
  }

  /**
   * Takes segments for lost that left in `batch` or before, or at `time` or before, of those that an acknowledgement would
   * have told of: the cumulative one hides what lies beyond its bits. False when there are none.
   */
  lose(batch: number, time: number): boolean {
    let hasLost = false;
    for (let i = 0; i < VISIBLE; i++) {
      const segment = this.#segments.at(i);
      if (segment?.fate !== IN_FLIGHT || (segment.batch > batch && segment.sentAt > time)) continue;
      this.#lose(segment);
      hasLost = true;
    }
    return hasLost;
  }

  /** What left in a batch up to `batch` and is not acknowledged has to leave again, in its order. */
  loseThrough(batch: number): void {
    this.#resends.clear();
    for (let i = 0; i < this.length; i++) {
      const segment = this.#segments.at(i);
      if (segment?.fate === LOST) this.#resends.push(segment);
      else if (segment?.fate === IN_FLIGHT && segment.batch <= batch) this.#lose(segment);
    }
  }

  clear(): void {
    this.#segments.clear();
    this.#resends.clear();
    this.underWay = this.lost = this.window = 0;
  }

  #settle(segment: Outgoing, plausible: number, told: Acknowledged): void {
    if (segment.fate === ACKNOWLEDGED) return;
    if (segment.fate === LOST) this.lost -= segment.payload.length;
    else this.underWay -= segment.payload.length;
    segment.fate = ACKNOWLEDGED;
    told.isProgress = true;
    if (segment.batch < this.#newestBatch) return; // it may have arrived long ago
    const isSure = !segment.wasResent || segment.sentAt <= plausible;
    this.#newestBatch = segment.batch;
    told.sentAt = isSure ? segment.sentAt : -1;
    if (isSure) this.arrivedBatch = segment.batch;
  }

  #lose(segment: Outgoing): void {
    segment.fate = LOST;
    this.underWay -= segment.payload.length;
    this.lost += segment.payload.length;
    this.#resends.push(segment);
  }
}
