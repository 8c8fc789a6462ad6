/**
 * What Cloudflare would bill of one object, counted at the platform's doors and not by the relay: calls, messages, all
 * rows that SQL cursors report, alarms set, and for how long the object could not have hibernated.
 */

/** As the back door gives it away. */
export interface MeterReading {
  /** Upgrades, calls by other objects, alarms. Not those of operators. */
  readonly calls: number;
  readonly messages: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  /** ms with an event under way, or a timer pending: both keep an object in memory, and its time is billed. */
  readonly awakeMs: number;
  readonly storedBytes: number;
}

interface Cursor {
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

export class Meter {
  calls = 0;
  messages = 0;
  /** Each is billed as a row. */
  alarmsSet = 0;
  storedBytes: () => number = () => 0;
  #cursors: Cursor[] = [];
  #rowsRead = 0;
  #rowsWritten = 0;
  #reasons = 0;
  #awakeSince = 0;
  #awakeMs = 0;

  /** A reason to be awake begins. */
  enter(now: number): void {
    if (this.#reasons++ === 0) this.#awakeSince = now;
  }

  leave(now: number): void {
    if (--this.#reasons === 0) this.#awakeMs += now - this.#awakeSince;
  }

  /** A cursor knows what it has read when it has been read: so it is asked later. */
  executed(cursor: Cursor): void {
    this.#cursors.push(cursor);
    if (this.#cursors.length > 1_000) this.#settle();
  }

  read(now: number): MeterReading {
    this.#settle();
    return {
      calls: this.calls,
      messages: this.messages,
      rowsRead: this.#rowsRead,
      rowsWritten: this.#rowsWritten + this.alarmsSet,
      awakeMs: this.#awakeMs + (this.#reasons > 0 ? now - this.#awakeSince : 0),
      storedBytes: this.storedBytes(),
    };
  }

  #settle(): void {
    for (const { rowsRead, rowsWritten } of this.#cursors) {
      this.#rowsRead += rowsRead;
      this.#rowsWritten += rowsWritten;
    }
    this.#cursors = [];
  }
}
