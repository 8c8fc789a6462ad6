/** One who watches a room, and what it has not been told because it reads slowly. */

/** A watcher's WebSocket. None of its methods may throw: those who watch must not disturb those who play. */
export interface TextSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Bytes that the platform was given and has not handed on; undefined where it cannot tell. */
  bufferedAmount(): number | undefined;
  /** When it last sent its keep-alive, in ms; 0 if never. */
  lastKeepAlive(): number;
}

/** What may wait for one watcher: a few hundred events. */
export const MAX_QUEUED_BYTES = 256 * 1024;
/** More than anybody reads. A room that is emptied has thousands at once. */
export const MAX_EVENTS_PER_SECOND = 500;
const SECOND_MS = 1_000;

export class Watcher {
  readonly socket: TextSocket;
  readonly #since: number;
  /** The second that `#sent` is of. */
  #second = -Infinity;
  #sent = 0;
  #skipped = 0;
  #hasMissedStatistics = false;
  /** ms since when its socket has been full, each time that it was looked at. */
  #fullSince = Infinity;

  constructor(socket: TextSocket, since: number) {
    this.socket = socket;
    this.#since = since;
  }

  /** It is owed something. */
  get isBehind(): boolean {
    return this.#skipped > 0 || this.#hasMissedStatistics;
  }

  get fullSince(): number {
    return this.#fullSince;
  }

  get lastHeard(): number {
    return Math.max(this.#since, this.socket.lastKeepAlive());
  }

  /** In order. `omitted`: how many more there were, which nobody is told. */
  tell(events: readonly string[], omitted: number, now: number): void {
    this.#catchUp(now);
    for (const event of events) {
      // Nothing may come between what was left out and the word of it.
      if (this.#skipped === 0 && this.#mayTake(now)) this.#send(event);
      else this.#skipped++;
    }
    this.#skipped += omitted;
  }

  /** `isNews`: others than it was last told. */
  tellStatistics(statistics: string, isNews: boolean, now: number): void {
    this.#catchUp(now);
    if (!isNews && !this.#hasMissedStatistics) return;
    this.#hasMissedStatistics = this.#isFull(now);
    if (!this.#hasMissedStatistics) this.socket.send(statistics);
  }

  #catchUp(now: number): void {
    if (this.#skipped === 0 || !this.#mayTake(now)) return;
    this.#send(JSON.stringify({ type: "skipped", at: now, events: this.#skipped }));
    this.#skipped = 0;
  }

  #send(event: string): void {
    this.#sent++;
    this.socket.send(event);
  }

  #mayTake(now: number): boolean {
    if (now - this.#second >= SECOND_MS || now < this.#second) {
      this.#second = now;
      this.#sent = 0;
    }
    return this.#sent < MAX_EVENTS_PER_SECOND && !this.#isFull(now);
  }

  #isFull(now: number): boolean {
    const isFull = (this.socket.bufferedAmount() ?? 0) > MAX_QUEUED_BYTES;
    this.#fullSince = isFull ? Math.min(this.#fullSince, now) : Infinity;
    return isFull;
  }
}
