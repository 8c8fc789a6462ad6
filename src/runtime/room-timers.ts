import { PEERS_MS, type Reporter } from "../relay/directory/reporting.ts";
import type { Room } from "../relay/room.ts";

/** How often what was dialed is looked at, to be closed when nothing is said any more. */
const REST_LOOK_MS = 1_000;

export interface RoomTimerEvents {
  /** `Room.restTrunks` is to be called. */
  rest(): void;
  /** `Reporter.turnEnded` is to be called. */
  peers(): void;
}

/**
 * For what no alarm is set: trunks to be closed, and who is here to be told. Timers of a second at most, and only while there
 * is something of the kind: an object with one does not hibernate.
 */
export class RoomTimers {
  readonly #events: RoomTimerEvents;
  #hasRest = false;
  #hasPeers = false;

  constructor(events: RoomTimerEvents) {
    this.#events = events;
  }

  /** To be called after every turn of the room. */
  set(room: Room, { peersDueAt }: Reporter): void {
    if (!this.#hasRest && room.hasDialed) this.#setRest();
    if (!this.#hasPeers && peersDueAt !== Infinity) this.#setPeers(peersDueAt - Date.now());
  }

  #setRest(): void {
    this.#hasRest = true;
    setTimeout(() => {
      this.#hasRest = false;
      this.#events.rest();
    }, REST_LOOK_MS);
  }

  #setPeers(delay: number): void {
    this.#hasPeers = true;
    setTimeout(
      () => {
        this.#hasPeers = false;
        this.#events.peers();
      },
      Math.max(0, Math.min(PEERS_MS, delay)),
    );
  }
}
