import type { Room } from "../relay/room.ts";

/** A timer that is so late has messages queued before it. */
const LATE_MS = 2;
/** For so long at most they go first. */
const MAX_LATE_MS = 15;

/**
 * Sends what waits for company (`Room.sendAt`): at most some milliseconds ahead, so that no timer keeps a quiet object from
 * hibernating, and one for all clients. Where a burst takes longer to read than frames may wait, what is queued is read
 * first: then it still leaves as one message for each client, which is what makes a loaded relay cheaper, not dearer.
 */
export class SendTimer {
  readonly #room: Room;
  #isSet = false;
  /** Turns so far, and how many there were when the timer last rang. */
  #turns = 0;
  #turnsBefore = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** To be called after every turn of the room. */
  turnEnded(): void {
    this.#turns++;
    this.#set();
  }

  #set(): void {
    const { sendAt } = this.#room;
    if (this.#isSet || sendAt === Infinity) return;
    this.#isSet = true;
    setTimeout(() => this.#ring(), Math.max(0, sendAt - Date.now()));
  }

  #ring(): void {
    this.#isSet = false;
    const now = Date.now();
    const late = now - this.#room.sendAt;
    const hasQueue = this.#turns !== this.#turnsBefore && late >= LATE_MS && late < MAX_LATE_MS;
    this.#turnsBefore = this.#turns;
    try {
      if (!hasQueue) this.#room.sendDue(now);
    } finally {
      this.#set();
    }
  }
}
