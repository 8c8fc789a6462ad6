import type { Room } from "../../relay/room.ts";
import type { HibernatableSocket } from "./hibernatable-socket.ts";

/** A socket's attachment holds 16,384 bytes; the link takes a few hundred. */
const MAX_NUMBERS = 14_000 / Float64Array.BYTES_PER_ELEMENT;
const INTERVAL_MS = 50;

/**
 * Keeps counters through an eviction that comes before their flush (promise 6), without a row written (promise 7).
 * An evicted object gets no warning, so the newest counters ride on the socket that spoke last. A quiet room writes
 * them at once; a busy one at most every 50 ms, through a timer that is never left pending longer than that.
 */
export class Checkpoints {
  readonly #room: Room;
  #last = -Infinity;
  #carrier: HibernatableSocket | undefined;
  #isPending = false;

  constructor(room: Room) {
    this.#room = room;
  }

  /** After a message of `carrier` was handled. */
  touch(carrier: HibernatableSocket, now: number): void {
    if (!this.#room.counters.isDirty) return;
    this.#carrier = carrier;
    if (now - this.#last >= INTERVAL_MS) return this.#write(now);
    if (this.#isPending) return;
    this.#isPending = true;
    setTimeout(() => {
      this.#isPending = false;
      this.#write(Date.now());
    }, INTERVAL_MS);
  }

  #write(now: number): void {
    const { counters, manager } = this.#room;
    if (!counters.isDirty || !this.#carrier) return;
    this.#last = now;
    // Too much for an attachment: the row on disk takes it now instead of at the next flush.
    if (counters.checkpointLength > MAX_NUMBERS) this.#room.flush();
    else this.#carrier.saveCheckpoint(now, counters.checkpoint(manager));
  }
}

/** The newest of the checkpoints that sockets carry. Each holds all that changed since the flush it names. */
export function newestCheckpoint(sockets: readonly HibernatableSocket[]): Float64Array | undefined {
  let newest: { readonly at: number; readonly counters: Float64Array } | undefined;
  for (const { attachment } of sockets) {
    const found = attachment?.checkpoint;
    if (found && (!newest || found.at >= newest.at)) newest = found;
  }
  return newest?.counters;
}
