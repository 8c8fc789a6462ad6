import { ACK_SIZE, type Ack, DataFlag, type DataHeader, writeAck } from "../../protocol/index.ts";
import type { Counters } from "./counters.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { type EngineSettings, SEGMENT_OVERHEAD } from "./options.ts";
import { type EarlySegment, ReceiveLane } from "./receive-lane.ts";
import { advance, distance } from "./sequence.ts";
import { SlidingSum } from "./sliding-sum.ts";

export interface Message {
  readonly payload: Uint8Array;
  readonly number: number;
  readonly lane: number;
  readonly channel: number;
  readonly reliable: boolean;
  readonly receivedAt: number;
}

/** What the other end did that ends the connection: a message without end, above `maxReceivedSize`. */
export type Violation = "MessageTooLarge";

/** What the receiving half tells. */
export interface ReceiverHost {
  deliver(message: Message): void;
  violated(violation: Violation): void;
}

/** In order nothing hurries but the sender's buffer, of which this is a quarter by default. */
const ORDERED = { delayMs: 100, bytes: 128 * 1024, ridesWithinMs: 50 };
/** Where segments get lost, the sender learns of it by acknowledgements. */
const LOSSY = { delayMs: 25, bytes: 10 * 1024, ridesWithinMs: 25 };
type SegmentHeader = Omit<EarlySegment, "payload">;
const QUALITY_WINDOW_MS = 10_000;

/** The receiving half: order, repetition, what may still come, and what is acknowledged when. */
export class Receiver {
  /** When an acknowledgement is due. */
  ackAt = Infinity;
  readonly #settings: EngineSettings;
  readonly #counters: Counters;
  readonly #host: ReceiverHost;
  readonly #lanes = new Map<number, ReceiveLane>();
  readonly #pace: typeof ORDERED;
  readonly #ackBytes: number;
  readonly #ack: Ack = { handle: 0, lane: 0, cumulative: 0, selective: 0, window: 0 };
  #isOpen = true;
  /** Bytes received in order and not read, what arrived of unfinished messages included. */
  #held = 0;
  #unread = 0;
  /** Bytes of early segments. */
  #early = 0;
  /** Bytes since the last acknowledgement. */
  #unacknowledged = 0;
  #announced = Infinity;
  readonly #arrived = new SlidingSum(QUALITY_WINDOW_MS);
  readonly #missed = new SlidingSum(QUALITY_WINDOW_MS);
  #quality = -1;

  constructor(settings: EngineSettings, counters: Counters, host: ReceiverHost) {
    this.#settings = settings;
    this.#counters = counters;
    this.#host = host;
    this.#pace = settings.ordered ? ORDERED : LOSSY;
    this.#ackBytes = Math.min(this.#pace.bytes, settings.receiveBufferSize / 4);
  }

  /** Bytes that are held for the application or for order. */
  get held(): number {
    return this.#held + this.#early;
  }

  receive(header: DataHeader, payload: Uint8Array, now: number): void {
    this.#counters.framesReceived++;
    this.#counters.bytesReceived += payload.length;
    if (payload.length > this.#settings.maxReceivedSize) return this.#host.violated("MessageTooLarge");
    const lane = this.#lane(header.lane);
    const missed = lane.missedBefore(header);
    if (missed >= 0) {
      this.#arrived.add(1, now);
      this.#missed.add(missed, now);
    }
    if ((header.flags & DataFlag.Reliable) === 0) return this.#receiveUnreliable(lane, header, payload, now);
    const ahead = distance(header.sequence, lane.expected);
    if (ahead !== 0) {
      if (ahead < 0 || lane.early.has(header.sequence)) this.#counters.framesRepeated++;
      else this.#keepEarly(lane, header, payload);
      return this.#acknowledge(lane, 0);
    }
    this.#receiveNext(lane, header, payload, now);
  }

  /** A message of `bytes` bytes was read. */
  consumed(bytes: number): void {
    this.#held -= bytes + SEGMENT_OVERHEAD;
    this.#unread--;
    const half = this.#settings.receiveBufferSize / 2;
    const window = this.#window();
    // A sender that waits for room needs to hear of it; one that has half of the window still does not wait.
    if (this.#announced < half && (window >= half || this.#unread === 0)) this.#acknowledge(this.#lane(0), 0);
  }

  /**
   * Every lane is acknowledged in the next batch, whether it has news or not. Lanes without a reliable segment have nothing
   * to say: else 255 unreliable bytes would make every question 300 times as long an answer.
   */
  announce(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.expected !== this.#settings.firstNumber || lane.early.size > 0) lane.isAckPending = true;
    }
    this.#acknowledge(this.#lane(0), 0);
  }

  /** Whether acknowledgements leave in a batch at `now`, which is written anyway if `isWritten`. */
  isAckDue(now: number, isWritten: boolean): boolean {
    return this.ackAt <= (isWritten ? now + this.#pace.ridesWithinMs : now);
  }

  /** False when not all of them fit the batch. */
  writeAcks(writer: FrameWriter, handle: number, budget: number): boolean {
    const ack = this.#ack;
    ack.handle = handle;
    ack.window = this.#window();
    for (const [index, lane] of this.#lanes) {
      if (!lane.isAckPending) continue;
      if (writer.length > 0 && writer.length + ACK_SIZE > budget) return false;
      ack.lane = index;
      ack.cumulative = lane.expected - 1; // modulo 2^32 when written
      ack.selective = lane.selective();
      const at = writer.reserve(ACK_SIZE);
      writeAck(writer.view, at, ack);
      lane.isAckPending = false;
      this.#counters.acksSent++;
    }
    this.#announced = ack.window;
    this.#unacknowledged = 0;
    this.ackAt = Infinity;
    return true;
  }

  /** Share of frames that arrived in their order over the last 10 to 20 s, 0 to 1; the last known one when none came, or -1. */
  quality(now: number): number {
    const arrived = this.#arrived.sum(now);
    if (arrived > 0) this.#quality = arrived / (arrived + this.#missed.sum(now));
    return this.#quality;
  }

  clear(): void {
    this.#isOpen = false;
    this.#lanes.clear();
    this.#early = 0;
    this.ackAt = Infinity;
  }

  #lane(index: number): ReceiveLane {
    let lane = this.#lanes.get(index);
    if (!lane) this.#lanes.set(index, (lane = new ReceiveLane(this.#settings.firstNumber)));
    return lane;
  }

  #window(): number {
    return Math.max(0, this.#settings.receiveBufferSize - this.#held);
  }

  #acknowledge(lane: ReceiveLane, at: number): void {
    lane.isAckPending = true;
    this.ackAt = Math.min(this.ackAt, at);
  }

  #receiveUnreliable(lane: ReceiveLane, header: DataHeader, payload: Uint8Array, now: number): void {
    const { receiveBufferMessages, receiveBufferSize } = this.#settings;
    const size = payload.length + SEGMENT_OVERHEAD;
    if (this.#unread >= receiveBufferMessages || this.#held + size > receiveBufferSize) {
      this.#counters.overflowed++;
    } else if (!lane.isFirst(header.number)) {
      this.#counters.framesRepeated++;
    } else {
      this.#held += size;
      this.#deliver(header.lane, header, payload.slice(), now);
    }
  }

  #keepEarly(lane: ReceiveLane, { flags, number, sequence, channel }: DataHeader, payload: Uint8Array): void {
    const size = payload.length + SEGMENT_OVERHEAD;
    const { receiveBufferSize } = this.#settings;
    if (this.#early + size > Math.min(receiveBufferSize, 2 * receiveBufferSize - this.#held)) {
      this.#counters.overflowed++;
      return;
    }
    this.#early += size;
    lane.early.set(sequence, { flags, number, channel, payload: payload.slice() });
  }

  #receiveNext(lane: ReceiveLane, header: DataHeader, payload: Uint8Array, now: number): void {
    // Unreliable messages can have taken room that was announced: what was announced is taken all the same.
    if (this.held + payload.length > 2 * this.#settings.receiveBufferSize) {
      this.#counters.overflowed++;
      return this.#acknowledge(lane, 0);
    }
    const hadGap = lane.early.size > 0;
    const index = header.lane;
    const isWhole = (header.flags & DataFlag.More) === 0 && lane.assembly.size === 0;
    this.#append(lane, index, header, isWhole ? payload.slice() : payload, now);
    while (this.#isOpen) {
      const early = lane.takeEarly();
      if (!early) break;
      this.#early -= early.payload.length + SEGMENT_OVERHEAD;
      this.#append(lane, index, early, early.payload, now);
    }
    this.#acknowledge(lane, hadGap || this.#unacknowledged >= this.#ackBytes ? 0 : now + this.#pace.delayMs);
  }

  /** `payload` is delivered itself when it is a whole message, and copied otherwise. */
  #append(lane: ReceiveLane, index: number, segment: SegmentHeader, payload: Uint8Array, now: number): void {
    const { assembly } = lane;
    if (assembly.size + payload.length > this.#settings.maxReceivedSize) return this.#host.violated("MessageTooLarge");
    lane.expected = advance(lane.expected);
    this.#held += payload.length;
    this.#unacknowledged += payload.length + SEGMENT_OVERHEAD;
    if ((segment.flags & DataFlag.More) !== 0) return assembly.append(payload);
    this.#held += SEGMENT_OVERHEAD;
    const isWhole = assembly.size === 0;
    if (!isWhole) assembly.append(payload);
    this.#deliver(index, segment, isWhole ? payload : assembly.take(), now);
  }

  #deliver(lane: number, { flags, number, channel }: SegmentHeader, payload: Uint8Array, receivedAt: number): void {
    this.#unread++;
    this.#host.deliver({ payload, number, lane, channel, reliable: (flags & DataFlag.Reliable) !== 0, receivedAt });
  }
}
