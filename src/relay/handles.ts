import type { Handle } from "../protocol/index.ts";
import { ALL_HANDLES, type HandleRange } from "./shards/names.ts";

/**
 * Which handle a connection gets: the next one of those that this room gives out, and after the last of them from the first
 * again. The count goes on through restarts, so that a stale frame never meets a new owner.
 */
export class Handles {
  readonly #range: HandleRange;
  #next: number;

  constructor(range: HandleRange = ALL_HANDLES) {
    this.#range = range;
    this.#next = range.first;
  }

  /** The one that is given out next. */
  get next(): number {
    return this.#next;
  }

  restore(next: number): void {
    this.#next = next;
  }

  /** Past those that are still open. `wanted`: another shard's, which both halves are to have. */
  take(open: ReadonlyMap<number, unknown>, wanted?: number): Handle {
    if (wanted !== undefined && !open.has(wanted)) return wanted as Handle;
    while (open.has(this.#next)) this.#next = this.#after(this.#next);
    const handle = this.#next as Handle;
    this.#next = this.#after(handle);
    return handle;
  }

  /** This one was given out. True when that was after the count was saved. */
  taken(handle: Handle): boolean {
    const { first, last } = this.#range;
    if (handle < first || handle > last) return false; // by another shard, and counted when it came
    // "After" in serial arithmetic, because the count wraps.
    const isLater = (handle - this.#next) >>> 0 < 0x8000_0000;
    if (isLater) this.#next = this.#after(handle);
    return isLater;
  }

  skip(count: number): void {
    const { first, last } = this.#range;
    this.#next = first + ((this.#next - first + count) % (last - first + 1));
  }

  #after(handle: number): number {
    return handle >= this.#range.last ? this.#range.first : handle + 1;
  }
}
