import { DataFlag } from "../../protocol/index.ts";
import type { Counters } from "./counters.ts";
import { Fifo } from "./fifo.ts";
import { Flight } from "./flight.ts";
import { SEGMENT_OVERHEAD } from "./options.ts";
import { LOST, type Outgoing, WAITING, windowCost } from "./outgoing.ts";
import { advance, distance } from "./sequence.ts";

/** How long a message with the flag NoDelay may wait before it is dropped (Steam: "about 200 ms"). */
export const NO_DELAY_MS = 200;

/** What waits in one lane, and what leaves next. */
export class SendLane {
  priority = 0;
  weight = 1;
  /** The scheduler's clock of this lane: bytes sent by weight. */
  served = 0;
  /** What leaves next; `select` sets it. */
  head: Outgoing | undefined;
  /** Window that the rest of a message will take whose first segments have left. */
  promised = 0;
  /** When the oldest segment under way counts as lost; Infinity while there is none or the transport loses nothing. */
  expiresAt = Infinity;
  /** Payload bytes. */
  pendingUnreliable = 0;
  readonly flight: Flight;

  readonly #counters: Counters;
  readonly #reliable = new Fifo<Outgoing>();
  readonly #unreliable = new Fifo<Outgoing>();
  #unsent = 0;
  #number: number;
  #sequence: number;

  constructor(firstNumber: number, counters: Counters) {
    this.#counters = counters;
    this.#number = this.#sequence = firstNumber;
    this.flight = new Flight(firstNumber);
  }

  /** Payload bytes; what was lost is pending again. */
  get pendingReliable(): number {
    return this.#unsent + this.flight.lost;
  }

  /** Something reliable is not acknowledged. */
  get hasReliable(): boolean {
    return this.#reliable.length + this.flight.length > 0;
  }

  /** Frames that wait for their first time to leave. */
  get waiting(): number {
    return this.#reliable.length + this.#unreliable.length;
  }

  /** How long, in ms, the oldest of them has been waiting. */
  waitingTime(now: number): number {
    return now - Math.min(this.#reliable.at(0)?.queuedAt ?? now, this.#unreliable.at(0)?.queuedAt ?? now);
  }

  /** A number for a message, which may then be queued or dropped. */
  takeNumber(): number {
    const number = this.#number;
    this.#number = advance(number);
    return number;
  }

  /** Queues a message, in segments of at most `segmentSize` when it is reliable, and returns its number. */
  queue(payload: Uint8Array, flags: number, channel: number, now: number, segmentSize: number): number {
    const number = this.takeNumber();
    const frame = { channel, number, queuedAt: now, fate: WAITING, batch: 0, sentAt: 0, wasResent: false };
    if ((flags & DataFlag.Reliable) === 0) {
      this.#unreliable.push({ ...frame, payload, flags, sequence: 0, rest: 0 });
      this.pendingUnreliable += payload.length;
      return number;
    }
    const count = Math.max(1, Math.ceil(payload.length / segmentSize));
    for (let i = 0; i < count; i++) {
      const at = i * segmentSize;
      const rest = payload.length - at + (count - i) * SEGMENT_OVERHEAD;
      const more = i < count - 1 ? DataFlag.More : 0;
      const part = payload.subarray(at, at + segmentSize);
      this.#reliable.push({ ...frame, payload: part, flags: flags | more, sequence: this.#sequence, rest });
      this.#sequence = advance(this.#sequence);
    }
    this.#unsent += payload.length;
    return number;
  }

  /**
   * Chooses what leaves next: what was lost, then in the order of sending. Unreliable messages pass a reliable one that the
   * receiver has no room for.
   */
  select(now: number, isDue: boolean, room: number, promisedElsewhere: number): void {
    this.head = this.flight.nextLost;
    if (this.head || !isDue) return;
    const unreliable = this.#freshUnreliable(now);
    const reliable = this.#reliable.at(0);
    const isNext = reliable && (!unreliable || distance(reliable.number, unreliable.number) < 0);
    this.head = isNext && this.#fits(reliable, room, promisedElsewhere) ? reliable : unreliable;
  }

  /** `frame`, which was the head, has been written into a batch. */
  sent(frame: Outgoing, batch: number, now: number): void {
    const size = frame.payload.length;
    this.#counters.framesSent++;
    this.#counters.bytesSent += size;
    if ((frame.flags & DataFlag.Reliable) === 0) {
      this.#unreliable.shift();
      this.pendingUnreliable -= size;
      return;
    }
    if (frame.fate === LOST) this.#counters.framesResent++;
    else {
      this.#reliable.shift();
      this.#unsent -= size;
      this.promised = frame.rest - windowCost(frame);
    }
    this.flight.add(frame, batch, now);
  }

  clear(): void {
    this.#reliable.clear();
    this.#unreliable.clear();
    this.flight.clear();
    this.#unsent = this.pendingUnreliable = 0;
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
}
