const EMPTY = new Uint8Array();

/** A message of several segments while it arrives. */
export class Assembly {
  size = 0;
  #bytes: Uint8Array = EMPTY;

  append(part: Uint8Array): void {
    const end = this.size + part.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(part, this.size);
    this.size = end;
  }

  /** The message; the next one begins. */
  take(): Uint8Array {
    const whole = this.size === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.size);
    this.#bytes = EMPTY;
    this.size = 0;
    return whole;
  }

  #grow(size: number): void {
    const larger = new Uint8Array(Math.max(size, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
