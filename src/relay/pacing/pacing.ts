/**
 * Hints that bring the ticks of connected clients together (rules T1 to T6): messages that arrive together leave
 * together, and a message is what relaying costs. No timer: a hint is an answer to a tick.
 */
import { ConnectionState } from "../../protocol/index.ts";
import type { Link } from "../sessions/link.ts";
import { type RoomState, otherLink } from "../room-state.ts";
import { tell } from "../telling.ts";
import { Cadence } from "./cadence.ts";
import { meeting } from "./meeting.ts";

/** ms, and of the spread of the client's own ticks: less is not worth a hint. */
const LEAST_MS = 0.5;
const LEAST_OF_SPREAD = 1 / 4;
/** How many connections of a client are looked at, which bounds the work. */
const MAX_OTHERS = 32;
/* In intervals of the settings, when to look again: */
/** Nobody ticks at the same rate, or has not done so for long enough. */
const ALONE = 1 / 4;
/** There is little to correct: two clocks of 100 ppm drift apart by 1 ms in 10 s. */
const CALM = 5;

/** A message with data has come over this link. */
export function paced(room: RoomState, link: Link, now: number): void {
  const { paceIntervalMs } = room.settings;
  if (paceIntervalMs === 0) return;
  const cadence = (link.cadence ??= new Cadence());
  if (!cadence.heard(now) || now < cadence.hintAt || !cadence.isMeasured) return;
  const met = meeting(cadence, counterparts(room, link), now);
  cadence.hintAt = now + paceIntervalMs * (met ? (met.isReached ? CALM : 1) : ALONE);
  if (!met) return release(room, link, cadence);
  const { shift } = met;
  if (Math.abs(shift) < Math.max(LEAST_MS, cadence.spread * LEAST_OF_SPREAD)) return;
  cadence.isLed = true;
  cadence.led();
  tell(room, link, "pace", { periodUs: Math.round(cadence.period * 1000), shiftUs: Math.round(shift * 1000) });
}

/** There is nobody to meet any more. */
function release(room: RoomState, link: Link, cadence: Cadence): void {
  if (!cadence.isLed) return;
  cadence.isLed = false;
  tell(room, link, "pace", { periodUs: 0, shiftUs: 0 });
}

function* counterparts(room: RoomState, link: Link): Generator<Cadence | undefined> {
  let seen = 0;
  for (const connection of room.manager.connectionsOf(link.peer)) {
    if (++seen > MAX_OTHERS) return;
    if (connection.state === ConnectionState.Connected) yield otherLink(room, connection, link.peer)?.cadence;
  }
}
