import type { RoomAddress } from "./gateway.ts";

/** A room's name to its runtime, its log and its operators: `app/480`, or `app/480/room/lobby`. */
export function roomName({ app, room }: RoomAddress): string {
  return room === undefined ? `app/${app}` : `app/${app}/room/${room}`;
}
