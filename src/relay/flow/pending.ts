/**
 * Frames that leave together, as runs of bytes of what they came in: nothing is copied or made before they leave, and
 * frames that stood behind each other in the inbound message stay one run.
 */
export class Pending {
  readonly #sources: Uint8Array[] = [];
  /** Start and end of each run in its source. */
  readonly #bounds: number[] = [];
  #bytes = 0;

  /** What waits, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Nobody may change these bytes any more. */
  add(source: Uint8Array, start: number, end: number): void {
    const sources = this.#sources;
    const bounds = this.#bounds;
    this.#bytes += end - start;
    if (sources.length > 0 && sources[sources.length - 1] === source && bounds[bounds.length - 1] === start) {
      bounds[bounds.length - 1] = end;
    } else {
      sources.push(source);
      bounds.push(start, end);
    }
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
    this.#sources.length = this.#bounds.length = this.#bytes = 0;
  }

  #single(last: Uint8Array | undefined): Uint8Array | undefined {
    const source = this.#sources[0];
    if (!source || this.#sources.length > 1 || last) return undefined;
    return this.#bytes === source.length ? source : source.subarray(this.#bounds[0], this.#bounds[1]);
  }

  #joined(last: Uint8Array | undefined): Uint8Array {
    const bytes = new Uint8Array(this.#bytes + (last?.length ?? 0));
    let at = 0;
    for (let i = 0; i < this.#sources.length; i++) {
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
