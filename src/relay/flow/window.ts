interface Mark {
  readonly mark: number;
  /** All that had been sent when the mark was, in bytes. */
  readonly position: number;
}

/**
 * What one socket was sent and has not been credited. The client credits by repeating a number that it can only know by
 * having read up to it, so it cannot claim to have taken in what it has not (rule F1).
 */
export class Window {
  #sent = 0;
  #credited = 0;
  #marked = 0;
  /** None until the first: idle clients get no marks. */
  #marks: Mark[] | undefined;

  /** Bytes. */
  get uncredited(): number {
    return this.#sent - this.#credited;
  }

  /** A mark is under way, so there will be a credit. */
  get isWaiting(): boolean {
    return this.#marks !== undefined && this.#marks.length > 0;
  }

  /** Bytes that were sent since the last mark. */
  get unmarked(): number {
    return this.#sent - this.#marked;
  }

  sent(bytes: number): void {
    this.#sent += bytes;
  }

  /** A mark was sent, behind all the rest. */
  marked(mark: number): void {
    this.#marked = this.#sent;
    (this.#marks ??= []).push({ mark, position: this.#sent });
  }

  /** False for a number that is none of the marks that are waited for. */
  credit(mark: number): boolean {
    const marks = this.#marks ?? [];
    const index = marks.findIndex((sent) => sent.mark === mark);
    const found = marks[index];
    if (!found) return false;
    this.#credited = found.position;
    marks.splice(0, index + 1);
    return true;
  }
}
