import type { HostedRoom } from "./hosted-room.ts";
import { type Later, PairedTrunk } from "./trunks.ts";

/** How rooms of this process are reached, by name as in logs. */
export interface RoomAccess {
  enter(name: string): HostedRoom;
  laterIn(name: string): Later;
}

/** The trunks between rooms of this process. */
export class RoomTrunks {
  readonly #rooms: RoomAccess;
  /** Ends, by the room that they are in. */
  readonly #ends = new Map<string, Set<PairedTrunk>>();

  constructor(rooms: RoomAccess) {
    this.#rooms = rooms;
  }

  /** `from`: the room of this name as its app names it. The other one is entered when the event is over that dialed. */
  dial(name: string, from: string, to: string): PairedTrunk {
    const [near, far] = PairedTrunk.pair(this.#sideOf(name), this.#sideOf(to));
    this.#keep(name, near);
    this.#keep(to, far);
    this.#rooms.laterIn(to)(() => this.#openFar(to, from, near, far));
    return near;
  }

  /** The room is closed. */
  closeAll(name: string): void {
    for (const end of this.#ends.get(name) ?? []) end.close();
    this.#ends.delete(name);
  }

  #sideOf(name: string): [Later, () => HostedRoom] {
    return [this.#rooms.laterIn(name), () => this.#rooms.enter(name)];
  }

  #keep(name: string, end: PairedTrunk): void {
    const open = [...(this.#ends.get(name) ?? [])].filter(({ isOver }) => !isOver);
    this.#ends.set(name, new Set([...open, end]));
  }

  #openFar(to: string, from: string, near: PairedTrunk, far: PairedTrunk): void {
    try {
      this.#rooms.enter(to).trunkOpened(far, from);
    } catch (error) {
      near.lose();
      throw error;
    }
  }
}
