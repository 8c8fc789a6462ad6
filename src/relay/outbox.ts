import type { Link } from "./link.ts";

/**
 * Gathers what one turn (an inbound message, an alarm) sends, so that everything for one peer leaves as one WebSocket
 * message. On workerd a message costs about 30 µs whatever is in it, a copied frame well under 1 µs
 * (docs/decisions.md): the number of messages is the price of relaying.
 */
export class Outbox {
  readonly #maxBatch: number;
  readonly #touched: Link[] = [];

  constructor(maxBatch: number) {
    this.#maxBatch = maxBatch;
  }

  /** Queues a whole frame. `bytes` may be a view into the inbound message: it is copied or handed on when the turn ends. */
  add(link: Link, bytes: Uint8Array): void {
    if (link.status.state === "over") return;
    if (link.pending.length === 0) this.#touched.push(link);
    link.pending.push(bytes);
  }

  flush(): void {
    for (const link of this.#touched) this.flushLink(link);
    this.#touched.length = 0;
  }

  /** Sends what is queued for one link at once: before its socket is closed. */
  flushLink(link: Link): void {
    const frames = link.pending;
    let first = 0;
    let size = 0;
    for (let i = 0; i < frames.length; i++) {
      const length = frames[i]?.length ?? 0;
      if (size > 0 && size + length > this.#maxBatch) {
        link.socket.send(join(frames, first, i, size));
        first = i;
        size = 0;
      }
      size += length;
    }
    if (size > 0) link.socket.send(join(frames, first, frames.length, size));
    frames.length = 0;
  }
}

function join(frames: readonly Uint8Array[], from: number, to: number, size: number): Uint8Array {
  const single = frames[from];
  // One frame, or one run of the inbound message: the runtime takes a view as it is, nothing to copy here.
  if (to - from === 1 && single) return single;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (let i = from; i < to; i++) {
    const frame = frames[i];
    if (!frame) continue;
    bytes.set(frame, offset);
    offset += frame.length;
  }
  return bytes;
}
