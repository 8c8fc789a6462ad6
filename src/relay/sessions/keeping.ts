/** Sessions on disk: what a client needs to come back after a crash, kept from its first connection on. */
import { describeError } from "../describe-error.ts";
import type { RoomState } from "../room-state.ts";
import type { Session } from "./session.ts";

/** Writes the session down as it is. */
export function keepSession(room: RoomState, session: Session): void {
  if (room.settings.graceMs === 0) return; // there is no coming back
  attempt(room, () => {
    room.store.saveSession(session.stored());
    session.isStored = true;
  });
}

export function forgetSession(room: RoomState, session: Session): void {
  if (session.isStored) attempt(room, () => room.store.deleteSession(session.peer));
}

/**
 * What is in memory stays right when the disk fails. A row that could not be written means that its client starts anew
 * after a crash; one that could not be deleted is taken for a session that nobody comes back to, and ends.
 */
function attempt(room: RoomState, write: () => void): void {
  try {
    write();
  } catch (error) {
    room.log({ level: "error", event: "store_failed", error: describeError(error) });
  }
}
