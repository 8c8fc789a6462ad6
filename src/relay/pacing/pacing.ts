/**
 * Hints that bring the ticks of connected clients together (rules T1 to T6): messages that arrive together leave
 * together, and a message is what relaying costs. No timer: a hint is an answer to a tick.
 */
import { ConnectionState } from "../../protocol/index.ts";
import type { Link } from "../sessions/link.ts";
import { type RoomState, otherLink } from "../room-state.ts";
import { tell } from "../telling.ts";
import { Cadence } from "./cadence.ts";
import { hintFor } from "./hint.ts";

/** How many connections of a client are looked at, which bounds the work. */
const MAX_OTHERS = 32;

/** A message with data has come over this link. */
export function paced(room: RoomState, link: Link, now: number): void {
  const { paceIntervalMs } = room.settings;
  if (paceIntervalMs === 0) return;
  const cadence = (link.cadence ??= new Cadence());
  if (!cadence.heard(now) || now < cadence.hintAt || !cadence.isMeasured) return;
  if (link.backlog) return; // behind what waits, a hint would arrive when it is not true any more
  const shift = hintFor(cadence, counterparts(room, link), now, paceIntervalMs);
  if (shift === undefined) return;
  const periodUs = shift === 0 ? 0 : Math.round(cadence.period * 1000);
  tell(room, link, "pace", { periodUs, shiftUs: Math.round(shift * 1000) });
}

function* counterparts(room: RoomState, link: Link): Generator<Cadence | undefined> {
  let seen = 0;
  for (const connection of room.manager.connectionsOf(link.peer)) {
    if (++seen > MAX_OTHERS) return;
    if (connection.state === ConnectionState.Connected) yield otherLink(room, connection, link.peer)?.cadence;
  }
}
