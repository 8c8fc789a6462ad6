/** Trunks between rooms of one process: two ends, and what one says is an event of the other's room (relay/trunk/). */
import type { TrunkSocket } from "../../relay/ports.ts";

/** A room's side of it. The room is entered anew with each event, since it may have been closed meanwhile. */
export interface TrunkRoom {
  receiveTrunk(socket: TrunkSocket, bytes: Uint8Array): void;
  trunkClosed(socket: TrunkSocket): void;
}

/** Runs an event of a room: after the one that caused it, and alone with its failure. */
export type Later = (event: () => void) => void;

export class PairedTrunk implements TrunkSocket {
  readonly #later: Later;
  readonly #room: () => TrunkRoom;
  #other: PairedTrunk | undefined;
  #isOver = false;

  private constructor(later: Later, room: () => TrunkRoom) {
    this.#later = later;
    this.#room = room;
  }

  /** Both ends of a trunk, each with the events of its room. */
  static pair(
    near: readonly [Later, () => TrunkRoom],
    far: readonly [Later, () => TrunkRoom],
  ): [PairedTrunk, PairedTrunk] {
    const ends: [PairedTrunk, PairedTrunk] = [new PairedTrunk(...near), new PairedTrunk(...far)];
    ends[0].#other = ends[1];
    ends[1].#other = ends[0];
    return ends;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** A copy: who reads it writes into it, and others may be sent the same bytes. */
  send(bytes: Uint8Array): void {
    const copy = bytes.slice();
    const other = this.#other;
    if (other) other.#happen((socket, room) => room.receiveTrunk(socket, copy));
  }

  close(): void {
    this.#isOver = true;
    this.#other?.lose();
  }

  bufferedAmount(): number {
    return 0;
  }

  /** The other end, or its room, is gone. */
  lose(): void {
    this.#happen((socket, room) => {
      this.#isOver = true;
      room.trunkClosed(socket);
    });
  }

  #happen(event: (socket: TrunkSocket, room: TrunkRoom) => void): void {
    this.#later(() => {
      if (!this.#isOver) event(this, this.#room());
    });
  }
}
