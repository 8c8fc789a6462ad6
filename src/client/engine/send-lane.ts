import { DATA_PAYLOAD_OFFSET, DataFlag } from "../../protocol/index.ts";
import type { Counters } from "./counters.ts";
import { Fifo } from "./fifo.ts";
import { SEGMENT_OVERHEAD } from "./options.ts";
import { advance, distance } from "./sequence.ts";

/* What became of a frame. */
const WAITING = 0;
const IN_FLIGHT = 1;
const LOST = 2;
const ACKNOWLEDGED = 3;

/** The oldest segment and what the bits of an acknowledgement tell of. */
const VISIBLE = 33;

/** How long a message with the flag NoDelay may wait before it is dropped (Steam: "about 200 ms"). */
export const NO_DELAY_MS = 200;

/** One data frame: an unreliable message or a segment of a reliable one. */
export interface Outgoing {
  readonly payload: Uint8Array;
  readonly flags: number;
  readonly channel: number;
  readonly number: number;
  /** 0 when unreliable. */
  readonly sequence: number;
  readonly queuedAt: number;
  /** What this segment and the following ones of its message take of the receiver's window. */
  readonly rest: number;
  fate: number;
  /** The last batch it left in; batches count from 1. */
  batch: number;
  sentAt: number;
  wasResent: boolean;
}

export function frameSize(frame: Outgoing): number {
  return DATA_PAYLOAD_OFFSET + frame.payload.length;
}

function windowCost(segment: Outgoing): number {
  return segment.payload.length + SEGMENT_OVERHEAD;
}

/** What an acknowledgement told. */
export interface Acknowledged {
  /** Something was acknowledged that was not before. */
  isProgress: boolean;
  /** When the newest of these segments had left; -1 when that is not sure. It is the one that can be measured. */
  sentAt: number;
}

/** What waits in one lane, and what left it and is not acknowledged. */
export class SendLane {
  priority = 0;
  weight = 1;
  /** The scheduler's clock of this lane: bytes sent by weight. */
  served = 0;
  /** What leaves next; `select` sets it. */
  head: Outgoing | undefined;
  /** Payload bytes by state. What was lost is pending again. */
  pendingReliable = 0;
  pendingUnreliable = 0;
  sentUnacked = 0;
  /** Window that is taken by segments behind the last cumulative acknowledgement. */
  inFlight = 0;
  /** Window that the rest of a message will take whose first segments have left. */
  promised = 0;
  /** When the oldest segment counts as lost; Infinity while nothing is under way or the transport loses nothing. */
  expiresAt = Infinity;

  /** The newest batch that is known to have arrived. */
  arrivedBatch = 0;

  readonly #counters: Counters;
  /** The same, or one whose segments were acknowledged for an earlier time that they left. */
  #newestBatch = 0;
  #number: number;
  #sequence: number;
  /** The first `#sent` segments have left; the others wait for their first time. */
  #segments = new Fifo<Outgoing>();
  #sent = 0;
  #resends = new Fifo<Outgoing>();
  #unreliable = new Fifo<Outgoing>();

  constructor(firstNumber: number, counters: Counters) {
    this.#counters = counters;
    this.#number = this.#sequence = firstNumber;
  }

  /** Frames that wait or are not acknowledged. */
  get frames(): number {
    return this.#segments.length + this.#unreliable.length;
  }

  get hasReliable(): boolean {
    return this.#segments.length > 0;
  }

  get isUnderWay(): boolean {
    return this.#sent > 0;
  }

  /** Something waits for its first time to leave. */
  get isWaiting(): boolean {
    return this.frames > this.#sent;
  }

  /** A number for a message, which may then be queued or dropped. */
  takeNumber(): number {
    const number = this.#number;
    this.#number = advance(number);
    return number;
  }

  /** Queues a message in frames of at most `segmentSize` when it is reliable, and returns its number. */
  queue(payload: Uint8Array, flags: number, channel: number, now: number, segmentSize: number): number {
    const number = this.takeNumber();
    if ((flags & DataFlag.Reliable) === 0) {
      this.#unreliable.push(outgoing(payload, flags, channel, number, 0, now, 0));
      this.pendingUnreliable += payload.length;
      return number;
    }
    const count = Math.max(1, Math.ceil(payload.length / segmentSize));
    let rest = payload.length + count * SEGMENT_OVERHEAD;
    for (let at = 0, left = count; left > 0; at += segmentSize) {
      const part = payload.subarray(at, at + segmentSize);
      const more = --left > 0 ? DataFlag.More : 0;
      this.#segments.push(outgoing(part, flags | more, channel, number, this.#sequence, now, rest));
      this.#sequence = advance(this.#sequence);
      rest -= part.length + SEGMENT_OVERHEAD;
    }
    this.pendingReliable += payload.length;
    return number;
  }

  /**
   * Chooses what leaves next: what was lost, then in the order of sending. Unreliable messages pass a reliable one that the
   * receiver has no room for.
   */
  select(now: number, isDue: boolean, room: number, promisedElsewhere: number): void {
    let lost = this.#resends.at(0);
    for (; lost && lost.fate !== LOST; lost = this.#resends.at(0)) this.#resends.shift();
    this.head = lost;
    if (lost || !isDue) return;
    const unreliable = this.#freshUnreliable(now);
    const reliable = this.#segments.at(this.#sent);
    const isNext = reliable && (!unreliable || distance(reliable.number, unreliable.number) < 0);
    this.head = isNext && this.#fits(reliable, room, promisedElsewhere) ? reliable : unreliable;
  }

  /** `head` has been written into a batch. */
  sent(batch: number, now: number): void {
    const frame = this.head;
    if (!frame) return;
    const size = frame.payload.length;
    this.#counters.framesSent++;
    this.#counters.bytesSent += size;
    if ((frame.flags & DataFlag.Reliable) === 0) {
      this.#unreliable.shift();
      this.pendingUnreliable -= size;
      return;
    }
    if (frame.fate === WAITING) {
      this.#sent++;
      this.inFlight += windowCost(frame);
      this.promised = frame.rest - windowCost(frame);
    } else {
      this.#resends.shift();
      frame.wasResent = true;
      this.#counters.framesResent++;
    }
    frame.fate = IN_FLIGHT;
    frame.batch = batch;
    frame.sentAt = now;
    this.pendingReliable -= size;
    this.sentUnacked += size;
  }

  /**
   * Undefined for an acknowledgement that is stale, or of what was never sent. A segment that left again after `plausible`
   * cannot have arrived that time: it was the time before (RFC 8985; RFC 6298 measures nothing that left twice).
   */
  acknowledge(cumulative: number, selective: number, plausible: number): Acknowledged | undefined {
    const first = this.#segments.at(0)?.sequence ?? this.#sequence;
    const count = distance(cumulative, first) + 1;
    if (count < 0 || count > this.#sent) return undefined;
    const told: Acknowledged = { isProgress: false, sentAt: -1 };
    for (let i = 0; i < count; i++) {
      const segment = this.#segments.shift();
      if (!segment) break;
      this.inFlight -= windowCost(segment);
      this.#settle(segment, plausible, told);
    }
    this.#sent -= count;
    for (let bits = selective, i = 1; bits !== 0; bits >>>= 1, i++) {
      const segment = i < this.#sent && this.#segments.at(i);
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
    for (let i = 0; i < VISIBLE && i < this.#sent; i++) {
      const segment = this.#segments.at(i);
      if (segment?.fate !== IN_FLIGHT || (segment.batch > batch && segment.sentAt > time)) continue;
      this.#lose(segment);
      hasLost = true;
    }
    return hasLost;
  }

  /** What left in a batch up to `batch` and is not acknowledged leaves again, in its order. */
  loseThrough(batch: number): void {
    this.#resends.clear();
    for (let i = 0; i < this.#sent; i++) {
      const segment = this.#segments.at(i);
      if (segment?.fate === LOST) this.#resends.push(segment);
      else if (segment?.fate === IN_FLIGHT && segment.batch <= batch) this.#lose(segment);
    }
    this.expiresAt = Infinity;
  }

  dropUnreliable(): void {
    this.#counters.unsent += this.#unreliable.length;
    this.#unreliable.clear();
    this.pendingUnreliable = 0;
  }

  clear(): void {
    this.#segments.clear();
    this.#resends.clear();
    this.#unreliable.clear();
    this.#sent = this.pendingReliable = this.pendingUnreliable = this.sentUnacked = this.inFlight = this.promised = 0;
    this.expiresAt = Infinity;
  }

  /** How long, in ms, the oldest frame that has not left yet has been waiting. */
  waiting(now: number): number {
    const reliable = this.#segments.at(this.#sent)?.queuedAt ?? now;
    return now - Math.min(reliable, this.#unreliable.at(0)?.queuedAt ?? now);
  }

  #freshUnreliable(now: number): Outgoing | undefined {
    let frame = this.#unreliable.at(0);
    while (frame && (frame.flags & DataFlag.NoDelay) !== 0 && now - frame.queuedAt > NO_DELAY_MS) {
      this.#unreliable.shift();
      this.pendingUnreliable -= frame.payload.length;
      this.#counters.unsent++;
      frame = this.#unreliable.at(0);
    }
    return frame;
  }

  /**
   * A message of several segments starts only when all of it fits beside what other lanes have started, so that several
   * half-received messages can never fill the window with none of them able to finish. One alone always may.
   */
  #fits(segment: Outgoing, room: number, promisedElsewhere: number): boolean {
    if (windowCost(segment) > room) return false;
    const isStart = this.promised === 0 && (segment.flags & DataFlag.More) !== 0;
    return !isStart || promisedElsewhere === 0 || segment.rest + promisedElsewhere <= room;
  }

  #settle(segment: Outgoing, plausible: number, told: Acknowledged): void {
    if (segment.fate === ACKNOWLEDGED) return;
    if (segment.fate === IN_FLIGHT) this.sentUnacked -= segment.payload.length;
    else this.pendingReliable -= segment.payload.length;
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
    this.sentUnacked -= segment.payload.length;
    this.pendingReliable += segment.payload.length;
    this.#resends.push(segment);
  }
}

function outgoing(
  payload: Uint8Array,
  flags: number,
  channel: number,
  number: number,
  sequence: number,
  queuedAt: number,
  rest: number,
): Outgoing {
  return {
    payload,
    flags,
    channel,
    number,
    sequence,
    queuedAt,
    rest,
    fate: WAITING,
    batch: 0,
    sentAt: 0,
    wasResent: false,
  };
}
