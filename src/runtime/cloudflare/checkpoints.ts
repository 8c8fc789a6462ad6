import type { Room } from "../../relay/room.ts";
import type { Attachment, Checkpoint, HibernatableSocket } from "./hibernatable-socket.ts";

/** A socket's attachment holds 16,384 bytes; the link takes up to about 4,000, most of it closes and groups (relay/sessions/link.ts). */
const MAX_NUMBERS = 12_000 / Float64Array.BYTES_PER_ELEMENT;
const INTERVAL_MS = 50;
const QUIET_MS = 1_000;

/**
 * Keeps counters through an eviction that comes before their flush (promise 6), without a row written (promise 7).
 * An evicted object gets no warning, so the newest counters ride on the socket that spoke last. A quiet room writes
 * them at once; a busy one at most every 50 ms. What is too much for an attachment goes to disk early, once the room
 * has been quiet for a second: a busy one is not evicted. No timer is left pending longer than that.
 */
export class Checkpoints {
  readonly #room: Room;
  /** When the newest checkpoint was written; later ones are always above it, so that the newest can be told. */
  #last = -Infinity;
  #carrier: HibernatableSocket | undefined;
  #isPending = false;
  #isQuiet = true;

  constructor(room: Room) {
    this.#room = room;
  }

  /** The newest of the checkpoints that sockets carry. Each holds all that changed since the flush it names. */
  newest(attachments: readonly Attachment[]): Float64Array | undefined {
    let newest: Checkpoint | undefined;
    for (const { checkpoint: found } of attachments) {
      if (found && (!newest || found.at > newest.at)) newest = found;
    }
    if (newest) this.#last = newest.at;
    return newest?.counters;
  }

  /** After a message of `carrier` was handled. */
  touch(carrier: HibernatableSocket, now: number): void {
    if (!this.#room.counters.hasNews) return;
    this.#carrier = carrier;
    this.#isQuiet = false;
    if (this.#isPending) return;
    if (now - this.#last >= INTERVAL_MS) this.#write(now);
    else this.#later(INTERVAL_MS);
  }

  /** After a socket has gone, perhaps with the newest counters: another one carries them now, or the disk has them. */
  move(carrier: HibernatableSocket | undefined, now: number): void {
    this.#carrier = carrier;
    const { counters } = this.#room;
    if (carrier && counters.hasNews) this.#write(now);
    else if (counters.isDirty) this.#room.flush();
  }

  #write(now: number): void {
    const { counters, manager } = this.#room;
    if (counters.checkpointLength > MAX_NUMBERS) return this.#later(QUIET_MS);
    this.#last = Math.max(now, this.#last + 1);
    this.#carrier?.saveCheckpoint(this.#last, counters.checkpoint(manager));
  }

  #later(delayMs: number): void {
    if (this.#isPending) return;
    this.#isPending = true;
    this.#isQuiet = true;
    setTimeout(() => {
      this.#isPending = false;
      if (!this.#room.counters.hasNews) return;
      const wasQuiet = this.#isQuiet && delayMs === QUIET_MS;
      if (wasQuiet) this.#room.flush();
      else this.#write(Date.now());
    }, delayMs);
  }
}
