import type { Link } from "../sessions/link.ts";
import { MARK_BYTES } from "./window.ts";

/** The size of a mark frame: header and number. */
const MARK_SIZE = 12;
/** Bytes that the platform has not handed on, below which it is not what holds a client up. */
const LOW_BUFFER = 64 * 1024;

export interface OutboxOptions {
  /** Bytes of one message. */
  readonly maxBatch: number;
  /** Bytes that one client may owe a credit for, those held back included (rule F2). */
  readonly maxQueued: number;
  /** A fresh mark frame, and its number. */
  newMark(): { readonly mark: number; readonly frame: Uint8Array };
}

/**
 * Gathers what one turn (an inbound message, an alarm) sends, so that everything for one peer leaves as one WebSocket
 * message. On workerd a message costs about 30 µs whatever is in it, a copied frame well under 1 µs
 * (docs/decisions.md): the number of messages is the price of relaying.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #touched: Link[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /**
   * Queues a whole frame. `bytes` may be a view into the inbound message: it is copied or handed on when the turn ends.
   * False when it does not fit what may be under way to this client: the caller holds it back (flow-control.ts).
   */
  add(link: Link, bytes: Uint8Array): boolean {
    if (link.state === "over") return true;
    if (link.backlog !== undefined || !this.fits(link, bytes.length)) return false;
    this.#push(link, bytes);
    return true;
  }

  /** Whether so many bytes more may be under way to this client. */
  fits(link: Link, size: number): boolean {
    const { window, pendingBytes } = link;
    if (link.inherited > 0) link.inherited = Math.min(link.inherited, link.socket.bufferedAmount() ?? 0);
    const owed = window.uncredited + pendingBytes + link.inherited;
    if (owed + size <= this.#options.maxQueued / 2) return true;
    // With no credit to wait for, a frame goes out however large it is: nothing else would let it.
    if (!window.isWaiting && pendingBytes < MARK_BYTES) return true;
    // It may be far away rather than slow when nothing waits here. The rest is for what its senders send until they are held.
    const buffered = link.socket.bufferedAmount();
    return buffered !== undefined && buffered <= LOW_BUFFER && owed + size <= (this.#options.maxQueued * 3) / 4;
  }

  /** Past what waits: a frame that was held, when its time has come, and the last words before a close. */
  addNow(link: Link, bytes: Uint8Array): void {
    if (link.state !== "over") this.#push(link, bytes);
  }

  flush(): void {
    for (const link of this.#touched) {
      this.flushLink(link);
      if (link.isUnsaved && link.isOpen) link.save();
    }
    this.#touched.length = 0;
  }

  /** Sends what is queued for one link at once: before its socket is closed. */
  flushLink(link: Link): void {
    const frames = link.pending;
    let first = 0;
    let size = 0;
    for (let i = 0; i < frames.length; i++) {
      const length = frames[i]?.length ?? 0;
      if (size > 0 && size + length > this.#options.maxBatch) {
        this.#send(link, frames, first, i, size);
        first = i;
        size = 0;
      }
      size += length;
    }
    if (size > 0) this.#send(link, frames, first, frames.length, size);
    frames.length = link.pendingBytes = 0;
  }

  #push(link: Link, bytes: Uint8Array): void {
    if (link.pending.length === 0) this.#touched.push(link);
    link.pending.push(bytes);
    link.pendingBytes += bytes.length;
  }

  #send(link: Link, frames: readonly Uint8Array[], from: number, to: number, size: number): void {
    const { window, socket } = link;
    window.sent(size);
    if (!window.isMarkDue) return socket.send(join(frames, from, to, size));
    const { mark, frame } = this.#options.newMark();
    window.sent(MARK_SIZE);
    window.marked(mark);
    const hasRoom = size + MARK_SIZE <= this.#options.maxBatch;
    socket.send(join(frames, from, to, size, hasRoom ? frame : undefined));
    if (!hasRoom) socket.send(frame);
  }
}

function join(frames: readonly Uint8Array[], from: number, to: number, size: number, last?: Uint8Array): Uint8Array {
  const single = frames[from];
  // One frame, or one run of the inbound message: the runtime takes a view as it is, nothing to copy here.
  if (to - from === 1 && single && !last) return single;
  const bytes = new Uint8Array(size + (last?.length ?? 0));
  let offset = 0;
  for (let i = from; i < to; i++) {
    const frame = frames[i];
    if (!frame) continue;
    bytes.set(frame, offset);
    offset += frame.length;
  }
  if (last) bytes.set(last, offset);
  return bytes;
}
