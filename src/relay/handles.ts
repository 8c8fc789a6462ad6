import type { Handle } from "../protocol/index.ts";

/**
 * Which handle a connection gets: the next one, and after 2^32 connections from 1 again. The count goes on through restarts,
 * so that a stale frame never meets a new owner.
 */
export class Handles {
  #next = 1;

  /** The one that is given out next. */
  get next(): number {
    return this.#next;
  }

  restore(next: number): void {
    this.#next = next;
  }

  /** Past those that are still open. */
  take(open: ReadonlyMap<number, unknown>): Handle {
    while (open.has(this.#next)) this.#next = after(this.#next);
    const handle = this.#next as Handle;
    this.#next = after(handle);
    return handle;
  }

  /** This one was given out. True when that was after the count was saved. */
  taken(handle: Handle): boolean {
    // "After" in serial arithmetic, because the count wraps.
    const isLater = (handle - this.#next) >>> 0 < 0x8000_0000;
    if (isLater) this.#next = after(handle);
    return isLater;
  }

  skip(count: number): void {
    this.#next = (this.#next + count) >>> 0 || 1;
  }
}

function after(handle: number): number {
  return handle >= 0xffff_ffff ? 1 : handle + 1;
}
