import type { Link } from "../sessions/link.ts";
import { Gathering, RoomLoad } from "./coalescing.ts";

/** A mark is sent after an eighth of what a client may owe, within these bounds in bytes (rule F1). */
const MARK_SHARE = 1 / 8;
const LEAST_MARK = 64 * 1024;
const MOST_MARK = 128 * 1024;
/** The size of a mark frame: header and number. */
const MARK_SIZE = 12;
/** Bytes that the platform has not handed on, below which it is not what holds a client up. */
const LOW_BUFFER = 64 * 1024;
/** A message of this size gains nothing by waiting to grow: its bytes cost more than its being one. */
const FULL_MESSAGE = 16 * 1024;
/** How much later than due frames leave at the latest, in ms, where the timer does not get its turn (runtime/send-timer.ts). */
const MAX_LATE_MS = 15;

/** What of it may change while it is used. */
export interface OutboxLimits {
  /** Bytes that one client may owe a credit for, those held back included (rule F2). */
  readonly maxQueued: number;
  /** How long frames may wait for others to leave with, in ms; 0: not beyond their turn. */
  readonly coalesceMs: number;
}

export interface OutboxOptions extends OutboxLimits {
  /** Bytes of one message. */
  readonly maxBatch: number;
  /** A fresh mark frame, and its number. */
  newMark(): { readonly mark: number; readonly frame: Uint8Array };
}

/**
 * Gathers what leaves for each client, so that it leaves in few WebSocket messages: always what one turn (an inbound
 * message, an alarm) sends, and under load what comes within a few milliseconds (coalescing.ts). On workerd a message
 * costs about 30 µs whatever is in it, a copied frame well under 1 µs (docs/performance.md): the number of messages is
 * the price of relaying. Frames for one client leave in the order in which they were added, control frames too.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #load: RoomLoad;
  #maxQueued = 0;
  #markBytes = 0;
  /** What this turn has added to. */
  readonly #touched: Link[] = [];
  /** What waits beyond its turn, about in the order in which it is due. */
  #waiting: Link[] = [];
  /** Of those, how many are done with. */
  #done = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#load = new RoomLoad(options.coalesceMs);
    this.setLimits(options);
  }

  /** What waits already leaves when it was to leave. */
  setLimits({ maxQueued, coalesceMs }: OutboxLimits): void {
    this.#maxQueued = maxQueued;
    this.#markBytes = Math.min(MOST_MARK, Math.max(LEAST_MARK, maxQueued * MARK_SHARE));
    this.#load.maxDelayMs = coalesceMs;
  }

  /** ms at which `sendDue` has to be called, or soon after; Infinity while nothing waits. */
  get dueAt(): number {
    for (; this.#done < this.#waiting.length; this.#done++) {
      const link = this.#waiting[this.#done] as Link;
      if (link.gathering?.isWaiting) return link.gathering.dueAt;
    }
    this.#waiting.length = this.#done = 0;
    return Infinity;
  }

  /**
   * Queues a frame, which may be a part of an inbound message: nobody may change its bytes any more.
   * False when it does not fit what may be under way to this client: the caller holds it back (flow-control.ts).
   */
  add(link: Link, source: Uint8Array, start: number, end: number): boolean {
    if (link.state === "over") return true;
    if (link.backlog !== undefined || !this.fits(link, end - start)) return false;
    this.#push(link, source, start, end);
    return true;
  }

  /** Whether so many bytes more may be under way to this client. */
  fits(link: Link, size: number): boolean {
    const { window } = link;
    const pending = link.pending.bytes;
    if (link.inherited > 0) link.inherited = Math.min(link.inherited, link.socket.bufferedAmount() ?? 0);
    const owed = window.uncredited + pending + link.inherited;
    if (owed + size <= this.#maxQueued / 2) return true;
    // With no credit to wait for, a frame goes out however large it is: nothing else would let it.
    if (!window.isWaiting && pending < this.#markBytes) return true;
    // It may be far away rather than slow when nothing waits here. The rest is for what its senders send until they are held.
    const buffered = link.socket.bufferedAmount();
    return buffered !== undefined && buffered <= LOW_BUFFER && owed + size <= (this.#maxQueued * 3) / 4;
  }

  /** Past what waits: a frame that was held, when its time has come, and the last words before a close. */
  addNow(link: Link, frame: Uint8Array): void {
    if (link.state !== "over") this.#push(link, frame, 0, frame.length);
  }

  /** The turn is over: what gains nothing by waiting leaves. */
  endTurn(now: number): void {
    if (this.#touched.length > 0) {
      this.#load.add(this.#touched.length, now);
      const delayMs = this.#load.delayMs;
      for (const link of this.#touched) this.#endTurnOf(link, now, delayMs);
      this.#touched.length = 0;
    }
    if (this.#isDue(now - MAX_LATE_MS)) this.sendDue(now);
  }

  /**
   * Sends what has waited long enough.
   */
  sendDue(now: number): void {
    while (this.#isDue(now)) {
      const link = this.#waiting[this.#done++] as Link;
      link.gathering?.end(now);
      this.flushLink(link);
    }
  }

  /** Sends what is queued for one link at once: before its socket is closed. */
  flushLink(link: Link): void {
    const size = link.pending.bytes;
    if (size === 0) return;
    const { window, socket, pending } = link;
    window.sent(size);
    if (window.unmarked < this.#markBytes) return socket.send(pending.take());
    const { mark, frame } = this.#options.newMark();
    window.sent(MARK_SIZE);
    window.marked(mark);
    const hasRoom = size + MARK_SIZE <= this.#options.maxBatch;
    socket.send(pending.take(hasRoom ? frame : undefined));
    if (!hasRoom) socket.send(frame);
  }

  /** Also when the clock has gone back: else frames would wait until it is as late as it was. */
  #isDue(now: number): boolean {
    const { dueAt } = this;
    return dueAt <= now || (dueAt !== Infinity && dueAt > now + MAX_LATE_MS + this.#load.maxDelayMs);
  }

  #push(link: Link, source: Uint8Array, start: number, end: number): void {
    if (link.pending.bytes + end - start > this.#options.maxBatch) this.flushLink(link);
    if (!link.isTouched) {
      link.isTouched = true;
      this.#touched.push(link);
    }
    link.pending.add(source, start, end);
  }

  #endTurnOf(link: Link, now: number, delayMs: number): void {
    link.isTouched = false;
    if (!this.#waits(link, now, delayMs)) this.flushLink(link);
    if (link.isUnsaved && link.isOpen) link.save();
  }

  #waits(link: Link, now: number, delayMs: number): boolean {
    if (delayMs === 0 && !link.gathering?.isWaiting) return false;
    const gathering = (link.gathering ??= new Gathering());
    if (gathering.isWaiting) {
      gathering.join();
      if (link.pending.bytes < FULL_MESSAGE) return true;
      gathering.end(now);
      return false;
    }
    if (link.pending.bytes >= FULL_MESSAGE || !gathering.begin(now, delayMs)) return false;
    this.#waiting.push(link);
    return true;
  }
}
