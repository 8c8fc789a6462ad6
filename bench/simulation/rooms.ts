/** Rooms that players are put into: those of one area, and some for who plays with people anywhere. */
import { AREAS, type Area } from "./places.ts";

export const ROOM_SIZE = 8;
/** A room takes nobody in after this: the match is under way. */
const OPEN_MINUTES = 5;

export interface GameRoom {
  readonly createdAt: number;
  /** The match ends, and everybody goes. */
  readonly endsAt: number;
  /** The one nearest to its first player. It never moves. */
  readonly hint: number;
  readonly isWorldwide: boolean;
  /** Numbers of players. */
  readonly members: number[];
}

/** The rooms that still take players in, filled in the order in which they were opened. */
export class Lobby {
  readonly #open = new Map<Area | "world", GameRoom[]>([...AREAS, "world" as const].map((pool) => [pool, []]));

  /** A room with a free seat; undefined where one has to be opened. */
  find(pool: Area | "world", now: number): GameRoom | undefined {
    const rooms = this.#open.get(pool) ?? [];
    for (;;) {
      const room = rooms[0];
      if (!room) return undefined;
      const isClosed = room.members.length === 0 || now - room.createdAt > OPEN_MINUTES;
      if (!isClosed && room.members.length < ROOM_SIZE) return room;
      rooms.shift();
    }
  }

  opened(pool: Area | "world", room: GameRoom): void {
    this.#open.get(pool)?.push(room);
  }
}
