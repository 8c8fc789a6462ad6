const INITIAL_CAPACITY = 4096;

/** Where a batch is built: grows as needed, and keeps its memory for the next one. */
export class FrameWriter {
  /** Bytes written so far. */
  length = 0;
  /** The buffer from its start. `reserve` may replace it: ask again after each call. */
  bytes = new Uint8Array(INITIAL_CAPACITY);
  view = new DataView(this.bytes.buffer);

  /** Room for `size` bytes; returns their offset. They hold what an earlier batch left there. */
  reserve(size: number): number {
    const offset = this.length;
    this.length += size;
    if (this.length > this.bytes.length) this.#grow();
    return offset;
  }

  append(frame: Uint8Array): void {
    const at = this.reserve(frame.length); // may move the buffer, so its bytes are asked for afterwards
    this.bytes.set(frame, at);
  }

  /** The batch, as bytes of its own. */
  take(): Uint8Array<ArrayBuffer> {
    const batch = this.bytes.slice(0, this.length);
    this.clear();
    return batch;
  }

  clear(): void {
    this.length = 0;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(this.length, this.bytes.length * 2));
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}
