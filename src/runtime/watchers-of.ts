import type { Room } from "../relay/room.ts";
import { STATISTICS_MS, Watchers } from "../relay/watching/watchers.ts";

/**
 * The watchers of a room, with a timer for what they are told late. There is none while nothing happens, and it is never
 * set further than a second ahead: so it puts off the hibernation of an object by that at most.
 */
export function watchersOf(room: Room, name: string): Watchers {
  const watchers: Watchers = new Watchers({
    room,
    name,
    wake: (at) => {
      const delay = Math.min(Math.max(0, at - Date.now()), STATISTICS_MS);
      setTimeout(() => watchers.ring(Date.now()), delay);
    },
  });
  return watchers;
}
