import { type Ack, DataFlag, type DataHeader, writeDataHeader } from "../../protocol/index.ts";
import type { Counters } from "./counters.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { LaneScheduler } from "./lane-scheduler.ts";
import { type EngineSettings, INITIAL_WINDOW, maxUnreliable } from "./options.ts";
import { Pacer } from "./pacer.ts";
import { RoundTrip } from "./round-trip.ts";
import type { LaneStatus } from "./status.ts";
import { NO_DELAY_MS, type Outgoing, SendLane, frameSize } from "./send-lane.ts";

export interface SendOptions {
  /** Bits of `DataFlag`: Reliable, NoNagle, NoDelay. */
  readonly flags?: number;
  readonly lane?: number;
  readonly channel?: number;
  /** The engine may keep the payload itself, which must then not be changed any more. Otherwise it takes a copy. */
  readonly isOwned?: boolean;
}

/**
 * - `LimitExceeded`: the send buffer is full; there will be room when the other end has acknowledged
 * - `TooLarge`: above `maxMessageSize`
 * - `InvalidLane`: not configured
 * - `Ignored`: had the flag NoDelay and could not have left about now; or the engine is closed
 */
export type SendFailure = "LimitExceeded" | "TooLarge" | "InvalidLane" | "Ignored";
export type SendResult =
  | { readonly ok: true; readonly number: number }
  | { readonly ok: false; readonly reason: SendFailure };

const SEND_FLAGS = DataFlag.Reliable | DataFlag.NoNagle | DataFlag.NoDelay;
/** With this much waiting there is no use in waiting for more: about one packet of the network below. */
const NAGLE_BYTES = 1200;
/** In one lane: bounds memory when messages are tiny or empty. */
const MAX_FRAMES = 65_536;
/** A segment is lost when one that left this many batches later has arrived (RFC 5681). In order, one is proof. */
const REORDERING = 3;

/** The sending half: what waits, what leaves next, and what leaves again. */
export class Sender {
  isConnected = false;
  #wasConnected = false;
  /** The last batch that had data of this connection in it. */
  batch = 0;
  readonly roundTrip = new RoundTrip();

  readonly #settings: EngineSettings;
  readonly #counters: Counters;
  readonly #scheduler: LaneScheduler;
  readonly #pacer: Pacer;
  readonly #header: DataHeader = { flags: 0, lane: 0, handle: 0, channel: 0, number: 0, sequence: 0 };
  #window = INITIAL_WINDOW;
  /** When the Nagle wait ends of what is queued. */
  #dueAt = Infinity;

  constructor(settings: EngineSettings, counters: Counters) {
    this.#settings = settings;
    this.#counters = counters;
    this.#scheduler = new LaneScheduler(() => new SendLane(settings.firstNumber, counters));
    this.#pacer = new Pacer(settings.sendRate);
  }

  get lanes(): readonly SendLane[] {
    return this.#scheduler.lanes;
  }

  /** What is unreliable and waits is dropped when it cannot leave any more. */
  setConnected(isConnected: boolean): void {
    this.isConnected = isConnected;
    this.#wasConnected ||= isConnected;
    if (!isConnected) for (const lane of this.lanes) lane.dropUnreliable();
  }

  configureLanes(priorities: readonly number[], weights: readonly number[]): boolean {
    return this.#scheduler.configure(priorities, weights);
  }

  send(payload: Uint8Array, options: SendOptions, now: number): SendResult {
    const lane = this.lanes[options.lane ?? 0];
    if (!lane) return { ok: false, reason: "InvalidLane" };
    if (payload.length > this.#settings.maxMessageSize) return { ok: false, reason: "TooLarge" };
    const flags = this.#effectiveFlags(options.flags ?? 0, payload.length);
    const isReliable = (flags & DataFlag.Reliable) !== 0;
    if (!isReliable && (flags & DataFlag.NoDelay) !== 0 && !this.#canLeaveSoon(lane, now)) {
      return { ok: false, reason: "Ignored" };
    }
    const { pendingReliable, pendingUnreliable, sentUnackedReliable } = this.queues(now);
    const pending = pendingReliable + pendingUnreliable + payload.length;
    if (pending + sentUnackedReliable > this.#settings.sendBufferSize || lane.frames >= MAX_FRAMES) {
      return { ok: false, reason: "LimitExceeded" };
    }
    if (!isReliable && !this.isConnected) {
      this.#counters.unsent++;
      return { ok: true, number: lane.takeNumber() };
    }
    const own = options.isOwned ? payload : payload.slice();
    const number = lane.queue(own, flags, options.channel ?? 0, now, this.#settings.segmentSize);
    const isWorthABatch = (flags & DataFlag.NoNagle) !== 0 || pending >= NAGLE_BYTES;
    const { nagleMs, alignment } = this.#settings;
    const waitMs = isWorthABatch || nagleMs === 0 ? 0 : nagleMs + alignment.holdMs;
    this.#dueAt = Math.min(this.#dueAt, now + waitMs);
    return { ok: true, number };
  }

  /** Ends the Nagle wait of everything queued. */
  flush(now: number): void {
    if (this.#dueAt < Infinity) this.#dueAt = Math.min(this.#dueAt, now);
  }

  /** Takes for lost what has been under way for too long; false when nothing has. Never on a transport that loses nothing. */
  expire(now: number): boolean {
    const { rto } = this.roundTrip;
    let hasExpired = false;
    for (const lane of this.lanes) {
      if (lane.expiresAt > now) continue;
      const hasLost = lane.lose(0, now - rto);
      lane.expiresAt = hasLost || !lane.isUnderWay ? Infinity : now + rto; // what is lost starts it when it leaves again
      hasExpired ||= hasLost;
    }
    if (hasExpired) this.roundTrip.backOff();
    return hasExpired;
  }

  /** Something may leave now. */
  isReady(now: number): boolean {
    return this.isConnected && this.#select(now) !== undefined && this.#pacer.readyAt(now) <= now;
  }

  /** Writes data frames while the batch stays within `budget` bytes. True when more could leave now. */
  write(writer: FrameWriter, handle: number, now: number, budget: number): boolean {
    this.batch++;
    this.#header.handle = handle;
    let lane = this.#select(now);
    while (lane?.head && this.#pacer.readyAt(now) <= now) {
      if (writer.length > 0 && writer.length + frameSize(lane.head) > budget) return true;
      this.#scheduler.charge(lane);
      this.#pacer.spend(frameSize(lane.head));
      this.#writeFrame(writer, this.lanes.indexOf(lane), lane.head);
      lane.sent(this.batch, now);
      if (!this.#settings.ordered && lane.isUnderWay)
        lane.expiresAt = Math.min(lane.expiresAt, now + this.roundTrip.rto);
      lane = this.#select(now);
    }
    if (!this.lanes.some((each) => each.isWaiting)) this.#dueAt = Infinity;
    return false;
  }

  acknowledge(ack: Ack, now: number): void {
    const { ordered } = this.#settings;
    const { roundTrip } = this;
    const lane = this.lanes[ack.lane];
    const told = lane?.acknowledge(ack.cumulative, ack.selective, ordered ? -Infinity : now - roundTrip.shortest);
    if (!lane || !told) return;
    this.#window = ack.window;
    if (ordered) {
      lane.lose(lane.arrivedBatch - 1, -Infinity);
      return;
    }
    if (told.sentAt >= 0) roundTrip.sample(now - told.sentAt);
    if (told.isProgress) {
      roundTrip.progress();
      lane.expiresAt = lane.isUnderWay ? now + roundTrip.rto : Infinity;
    }
    lane.lose(lane.arrivedBatch - REORDERING, now - roundTrip.late);
  }

  /** All that left in a batch up to `batch` and is not acknowledged leaves again. */
  loseThrough(batch: number): void {
    for (const lane of this.lanes) lane.loseThrough(batch);
  }

  /** Only a larger window can make it go on; if the news of one was lost, no acknowledgement will bring it again. */
  isStalled(now: number): boolean {
    if (this.#dueAt > now || this.#select(now)) return false;
    return this.lanes.some((lane) => lane.isWaiting) && !this.lanes.some((lane) => lane.isUnderWay);
  }

  nextDeadline(now: number): number {
    if (!this.isConnected) return Infinity;
    let at = this.#dueAt > now ? this.#dueAt : Infinity;
    for (const lane of this.lanes) at = Math.min(at, lane.expiresAt);
    return this.#select(now) ? Math.min(at, this.#pacer.readyAt(now)) : at;
  }

  /** What is in these lanes, and how long a message that is sent now is expected to wait behind it. */
  queues(now: number, lanes = this.lanes): LaneStatus {
    let [pendingReliable, pendingUnreliable, sentUnackedReliable, waiting] = [0, 0, 0, 0];
    for (const lane of lanes) {
      pendingReliable += lane.pendingReliable;
      pendingUnreliable += lane.pendingUnreliable;
      sentUnackedReliable += lane.sentUnacked;
      waiting = Math.max(waiting, lane.waiting(now));
    }
    const paced = ((pendingReliable + pendingUnreliable) * 1000) / this.#settings.sendRate;
    const queueTimeUs = Math.round(Math.max(waiting, paced) * 1000);
    return { pendingReliable, pendingUnreliable, sentUnackedReliable, queueTimeUs };
  }

  /** Forgets everything that was to be sent. */
  clear(): void {
    for (const lane of this.lanes) lane.clear();
    this.#dueAt = Infinity;
  }

  #effectiveFlags(flags: number, size: number): number {
    if (!this.#wasConnected && this.#settings.forceReliable) return DataFlag.Reliable;
    return (flags & SEND_FLAGS) | (size > maxUnreliable(this.#settings) ? DataFlag.Reliable : 0);
  }

  #canLeaveSoon(lane: SendLane, now: number): boolean {
    return this.isConnected && this.queues(now, [lane]).queueTimeUs <= NO_DELAY_MS * 1000;
  }

  /** The lane that is next, its `head` being what leaves. */
  #select(now: number): SendLane | undefined {
    let room = this.#window;
    let promised = 0;
    for (const lane of this.lanes) {
      room -= lane.inFlight;
      promised += lane.promised;
    }
    for (const lane of this.lanes) lane.select(now, this.#dueAt <= now, room, promised - lane.promised);
    return this.#scheduler.next();
  }

  #writeFrame(writer: FrameWriter, lane: number, frame: Outgoing): void {
    const { payload } = frame;
    const header = this.#header;
    header.flags = frame.flags;
    header.lane = lane;
    header.channel = frame.channel;
    header.number = frame.number;
    header.sequence = frame.sequence;
    const at = writer.reserve(frameSize(frame));
    writer.bytes.set(payload, writeDataHeader(writer.view, at, header, payload.length));
  }
}
