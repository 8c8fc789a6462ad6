/**
 * Frames that leave together, as runs of bytes of what they came in: nothing is copied or made before they leave, and
 * frames that stood behind each other in the inbound message stay one run.
 */
export class Pending {
  /** As many as `#count`: the arrays are used again, since emptying them would give their memory back each time. */
  readonly #sources: (Uint8Array | undefined)[] = [];
  /** Start and end of each run in its source. */
  readonly #bounds: number[] = [];
  #count = 0;
  #bytes = 0;

  /** What waits, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Nobody may change these bytes any more. */
  add(source: Uint8Array, start: number, end: number): void {
    const count = this.#count;
    const bounds = this.#bounds;
    this.#bytes += end - start;
    if (count > 0 && this.#sources[count - 1] === source && bounds[2 * count - 1] === start) {
      bounds[2 * count - 1] = end;
      return;
    }
    this.#sources[count] = source;
    bounds[2 * count] = start;
    bounds[2 * count + 1] = end;
    this.#count++;
  }

  /**
   * Takes everything as one message, with `last` behind it. A single run is a view of what came in, and a whole message
   * that message itself.
   */
  take(last?: Uint8Array): Uint8Array {
    const bytes = this.#single(last) ?? this.#joined(last);
    this.clear();
    return bytes;
  }

  clear(): void {
    for (let i = 0; i < this.#count; i++) this.#sources[i] = undefined; // inbound messages are not to be kept alive
    this.#count = this.#bytes = 0;
  }

  #single(last: Uint8Array | undefined): Uint8Array | undefined {
    const source = this.#sources[0];
    if (!source || this.#count > 1 || last) return undefined;
    return this.#bytes === source.length ? source : source.subarray(this.#bounds[0], this.#bounds[1]);
  }

  #joined(last: Uint8Array | undefined): Uint8Array {
    const bytes = new Uint8Array(this.#bytes + (last?.length ?? 0));
    let at = 0;
    for (let i = 0; i < this.#count; i++) {
      const source = this.#sources[i] as Uint8Array;
      const start = this.#bounds[2 * i] as number;
      const end = this.#bounds[2 * i + 1] as number;
      bytes.set(source.subarray(start, end), at);
      at += end - start;
    }
    if (last) bytes.set(last, at);
    return bytes;
  }
}
