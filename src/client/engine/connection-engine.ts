import type { Ack, DataHeader, Probe } from "../../protocol/index.ts";
import { type EngineCounters, zeroCounters } from "./counters.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { type EngineOptions, type EngineSettings, engineSettings } from "./options.ts";
import { Probes } from "./probes.ts";
import { type Message, Receiver, type Violation } from "./receiver.ts";
import { type SendOptions, type SendResult, Sender } from "./sender.ts";
import { SlidingSum } from "./sliding-sum.ts";
import type { EngineStatus, LaneStatus, Measured } from "./status.ts";

export type { EngineCounters } from "./counters.ts";
export type { EngineOptions } from "./options.ts";
export type { Message, Violation } from "./receiver.ts";
export type { SendFailure, SendOptions, SendResult } from "./sender.ts";
export type { EngineStatus, LaneStatus } from "./status.ts";

const RATE_WINDOW_MS = 1000;
/** Steam's default send rate: what an unmeasured way is believed to carry. */
const ASSUMED_RATE = 256 * 1024;

/**
 * One end of one connection: what `send` takes comes out of the other end's `onMessage`, whatever happens between.
 *
 * Pure: time is an argument (ms of any clock that never goes back, from 0), and nothing here waits. The owner gives it what
 * arrives (`receiveData`, `receiveAck`, `receiveProbe`), asks it for what is due (`pull`), and when to ask again
 * (`nextDeadline`, after every call that changed something). Nothing here throws on bytes from the wire.
 */
export class ConnectionEngine {
  /** The connection's number on the wire; must be set before `setConnected`. */
  handle: number;
  /** Takes each message as it arrives, in place of `read`. `consumed` has to be called when it has been read. */
  onMessage: ((message: Message) => void) | undefined;
  /** The other end broke the rules; the engine is closed, and the connection is to be. */
  onViolation: ((violation: Violation) => void) | undefined;
  readonly counters: EngineCounters;

  readonly #settings: EngineSettings;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #probes: Probes;
  readonly #out = { packets: new SlidingSum(RATE_WINDOW_MS), bytes: new SlidingSum(RATE_WINDOW_MS) };
  readonly #in = { packets: new SlidingSum(RATE_WINDOW_MS), bytes: new SlidingSum(RATE_WINDOW_MS) };
  #messages: Message[] = [];
  #isConnected = false;
  #isHeld = false;
  #isClosed = false;
  #sendRate = ASSUMED_RATE;

  constructor(options: EngineOptions) {
    const settings = engineSettings(options);
    const counters = zeroCounters();
    this.#settings = settings;
    this.handle = settings.handle;
    this.counters = counters;
    this.#sender = new Sender(settings, counters);
    this.#probes = new Probes(settings.seed, settings.ordered);
    this.#receiver = new Receiver(settings, counters, {
      deliver: (message) => (this.onMessage ? this.onMessage(message) : this.#messages.push(message)),
      violated: (violation) => {
        this.close();
        this.onViolation?.(violation);
      },
    });
  }

  /** Nothing is waiting, and everything reliable is acknowledged: a lingering close may end. */
  get drained(): boolean {
    return !this.#sender.lanes.some((lane) => lane.frames > 0);
  }

  /** Something reliable is not acknowledged, sent or not. */
  get hasUnacked(): boolean {
    return this.#sender.lanes.some((lane) => lane.hasReliable);
  }

  /** Bytes held of what was received: unread messages, unfinished ones, and segments that came early. */
  get bytesHeld(): number {
    return this.#receiver.held;
  }

  /**
   * Whether frames can reach the other end. While not, reliable messages wait and unreliable ones are dropped. After an
   * interruption that may have lost something, call `resync` as well.
   */
  setConnected(isConnected: boolean): void {
    if (isConnected && !this.#isConnected) this.#announce();
    this.#isConnected = isConnected;
    this.#sender.setConnected(isConnected && !this.#isHeld);
  }

  /** While held, messages fare as when not connected, and only acknowledgements and probes leave (rule F3). */
  setHeld(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.setConnected(this.#isConnected);
  }

  /** Queues a message; see `SendFailure` for when it does not. The payload is copied unless `isOwned`. */
  send(payload: Uint8Array, options: SendOptions, now: number): SendResult {
    return this.#isClosed ? { ok: false, reason: "Ignored" } : this.#sender.send(payload, options, now);
  }

  /** Ends the Nagle wait of everything queued. */
  flush(now: number): void {
    this.#sender.flush(now);
  }

  /** Asks the other end to acknowledge at once what it has, instead of when it is convenient: for a lingering close. */
  hastenAck(): void {
    this.#probes.hasten();
  }

  /**
   * Lane i gets `priorities[i]` (lower is strictly first) and `weights[i]` (shares within one priority). At most 255; lanes
   * can be added, not removed. False when refused. The other end needs no configuration.
   */
  configureLanes(priorities: readonly number[], weights: readonly number[]): boolean {
    return this.#sender.configureLanes(priorities, weights);
  }

  /**
   * Writes what is due while the batch stays within `budget` bytes, those already in it included. A frame that is larger
   * than that is written alone into an empty batch. True when more could leave at once in another batch.
   */
  pull(writer: FrameWriter, now: number, budget: number): boolean {
    if (!this.#isLive) return false;
    const sender = this.#sender;
    if (sender.expire(now)) this.#probes.hasten(); // the answer tells what else is missing, and how long to wait
    const hasData = sender.isReady(now);
    if (hasData) this.#probes.touch(now); // a question that has waited for traffic shares its message
    const hasCompany = hasData || writer.length > 0;
    const hasProbe = this.#probeDeadline(now, hasCompany) <= now;
    // Acknowledgements go before the answer, so that the asker knows what is lost, and how large the window is.
    if (hasProbe && this.#probes.owesAnswer) this.#receiver.announce();
    if (this.#receiver.isAckDue(now, hasProbe || hasData)) {
      if (!this.#receiver.writeAcks(writer, this.handle, budget)) return true;
    }
    if (hasProbe && !this.#writeProbes(writer, now, budget, hasCompany)) return true;
    return hasData && this.#writeData(writer, now, budget);
  }

  /** When `pull` is to be called next, `now` or earlier meaning at once; Infinity when only an event can change that. */
  nextDeadline(now: number): number {
    if (!this.#isLive) return Infinity;
    return Math.min(this.#receiver.ackAt, this.#probeDeadline(now, false), this.#sender.nextDeadline(now));
  }

  /** `payload` is copied where it is kept; header and payload may be reused after the call. */
  receiveData(header: DataHeader, payload: Uint8Array, now: number): void {
    if (this.#isClosed) return;
    this.#in.packets.add(1, now);
    this.#in.bytes.add(payload.length, now);
    this.#receiver.receive(header, payload, now);
  }

  receiveAck(ack: Ack, now: number): void {
    if (!this.#isClosed) this.#sender.acknowledge(ack, now);
  }

  receiveProbe(probe: Probe, now: number): void {
    if (this.#isClosed) return;
    const answered = this.#probes.receive(probe, now);
    if (!answered) return;
    if (this.#settings.ordered) this.#sender.loseThrough(answered.batch);
    else this.#sender.roundTrip.probed(answered.rtt);
  }

  /** Takes up to `max` messages when there is no `onMessage`. */
  read(max = Infinity): Message[] {
    const messages = this.#messages.splice(0, max);
    for (const { payload } of messages) this.consumed(payload.length);
    return messages;
  }

  /** A message of `bytes` bytes that `onMessage` took has been read: there is room for others. */
  consumed(bytes: number): void {
    this.#receiver.consumed(bytes);
  }

  /** After a reconnect: frames may have been lost either way. What is not acknowledged is sent again, in order. */
  resync(): void {
    this.#sender.loseThrough(Infinity);
    this.#announce();
  }

  /** For good: discards what was to be sent and what was received of unfinished messages. Complete ones can still be read. */
  close(): void {
    this.#isClosed = true;
    this.#sender.clear();
    this.#receiver.clear();
  }

  /** What is known of the way to the other end. */
  measured(now: number): Measured {
    const { ping, qualityRemote } = this.#probes;
    const pingMs = ping === undefined ? -1 : Math.round(ping);
    return { pingMs, qualityLocal: this.#receiver.quality(now), qualityRemote };
  }

  status(now: number): EngineStatus {
    const jitter = this.#probes.takeMaxJitter();
    const queues = this.#sender.queues(now);
    const outBytesPerSecond = this.#out.bytes.sum(now);
    const isSaturated = queues.pendingReliable + queues.pendingUnreliable > 0;
    return {
      ...queues,
      ...this.measured(now),
      outPacketsPerSecond: this.#out.packets.sum(now),
      outBytesPerSecond,
      inPacketsPerSecond: this.#in.packets.sum(now),
      inBytesPerSecond: this.#in.bytes.sum(now),
      sendRateBytesPerSecond: Math.round(this.#estimateRate(outBytesPerSecond, isSaturated)),
      maxJitterUs: jitter < 0 ? -1 : Math.round(jitter * 1000),
    };
  }

  laneStatus(now: number): LaneStatus[] {
    return this.#sender.lanes.map((lane) => this.#sender.queues(now, [lane]));
  }

  get #isLive(): boolean {
    return this.#isConnected && !this.#isClosed;
  }

  #announce(): void {
    this.#receiver.announce();
    this.#probes.restart();
  }

  #probeDeadline(now: number, hasCompany: boolean): number {
    const isUrgent = !this.#settings.ordered && (this.#probes.ping === undefined || this.#sender.isStalled(now));
    return this.#probes.nextDeadline(isUrgent, this.hasUnacked, hasCompany);
  }

  #writeProbes(writer: FrameWriter, now: number, budget: number, hasCompany: boolean): boolean {
    const view = { handle: this.handle, quality: this.#receiver.quality(now), batch: this.#sender.batch };
    // Once for the answer that is owed, and once more for a question if that is due too.
    while (this.#probeDeadline(now, hasCompany) <= now) {
      if (!this.#probes.write(writer, budget, now, view)) return false;
      (this.counters as { probesSent: number }).probesSent++;
    }
    return true;
  }

  #writeData(writer: FrameWriter, now: number, budget: number): boolean {
    const { framesSent, bytesSent } = this.counters;
    const hasMore = this.#sender.write(writer, this.handle, now, budget);
    this.#probes.touch(now);
    this.#out.packets.add(this.counters.framesSent - framesSent, now);
    this.#out.bytes.add(this.counters.bytesSent - bytesSent, now);
    return hasMore;
  }

  /** Where the transport sets the pace: what left while more was waiting is what it carries; otherwise, at least that. */
  #estimateRate(outBytesPerSecond: number, isSaturated: boolean): number {
    const { sendRate } = this.#settings;
    if (sendRate < Infinity) return sendRate;
    this.#sendRate = isSaturated ? outBytesPerSecond : Math.max(this.#sendRate, outBytesPerSecond);
    return this.#sendRate;
  }
}
