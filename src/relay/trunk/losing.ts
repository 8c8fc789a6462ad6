/** A trunk that breaks, and what there is to do about it (rule X7). */
import { ConnectionState, EndReason, Path } from "../../protocol/index.ts";
import { discardBacklog, stallTime, tellPath } from "../flow/flow-control.ts";
import type { RoomState } from "../room-state.ts";
import type { Link } from "../sessions/link.ts";
import { nearLink, sendList, tellOpen } from "./links.ts";
import { isAskDue } from "./locating.ts";
import { endHere } from "./saying.ts";
import { nextClaimTime, sweepClaims } from "../shards/claiming.ts";
import { LONGEST_RETRY_MS, type Trunk, isRetryDue } from "./trunk.ts";

/** Who had not dialed waits for who had, which tries at once. */
const FIRST_RETRY_MS = 1_000;
/** So long the other room may not be reached before what leads to it ends. */
export const GIVE_UP_MS = 30_000;

/** Closes a socket that is of no more use, and takes it for lost. */
export function loseLink(room: RoomState, link: Link, why: string): void {
  const { use } = link;
  if (!use || link.state === "over") return;
  link.socket.close(1011, why);
  linkLost(room, link);
}

/** The socket is gone, whoever closed it. */
export function linkLost(room: RoomState, link: Link): void {
  const { use } = link;
  if (!use || link.state === "over") return;
  const { trunk } = use;
  const wasDialed = trunk.dialed === link;
  const wasUsed = wasDialed || trunk.accepted === link;
  dropTrunkLink(room, link);
  if (!wasUsed) return forget(room, trunk); // it was at rest: all had been said
  trunk.listing = undefined;
  trunk.arriving.clear();
  if (trunk.link) return goOn(room, trunk, trunk.link);
  trunk.lostAt ??= room.crossing.now;
  // The other room may have halves whose end it has not heard of: then it dials.
  if (trunk.halves.size === 0) return;
  tellLost(room, trunk);
  redialLater(room, trunk, wasDialed);
}

/**
 * Frames may have been lost on the one; the other room is told on the other what there is. It may have taken the one for
 * rested, and then has nothing to say: so the ends here are told without it.
 */
function goOn(room: RoomState, trunk: Trunk, link: Link): void {
  sendList(room, trunk, link);
  for (const half of trunk.halves) tellOpen(room, half);
}

/** Out of every list; its socket is the caller's concern. */
export function dropTrunkLink(room: RoomState, link: Link): void {
  const { use } = link;
  if (!use) return;
  discardBacklog(room, link);
  link.end();
  for (const [socket, other] of room.crossing.links) if (other === link) room.crossing.links.delete(socket);
  if (use.trunk.dialed === link) use.trunk.dialed = undefined;
  if (use.trunk.accepted === link) use.trunk.accepted = undefined;
}

function tellLost(room: RoomState, trunk: Trunk): void {
  for (const half of trunk.halves) {
    half.isFarConnected = false;
    if (half.state === ConnectionState.Connecting || half.farPath === Path.Away) continue;
    half.farPath = Path.Away;
    const link = nearLink(room, half);
    if (link) tellPath(room, link, half, Path.Away);
  }
}

/** The first time at once where it is ours to dial. */
function redialLater(room: RoomState, trunk: Trunk, wasDialed: boolean): void {
  const { now } = room.crossing;
  if (!wasDialed) trunk.attempts = Math.max(1, trunk.attempts);
  const { attempts } = trunk;
  const delay = attempts === 0 ? 0 : Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LONGEST_RETRY_MS);
  trunk.attempts++;
  trunk.retryAt = now + delay;
  if (delay === 0) room.dial(trunk);
  else room.wake(trunk.retryAt);
}

/** What is due: trunks to be dialed again, given up, or that take nothing in. */
export function sweepTrunks(room: RoomState): void {
  sweepClaims(room);
  const { trunks, links, now } = room.crossing;
  for (const link of [...links.values()]) if (now >= stallTime(link)) loseLink(room, link, "stalled");
  for (const trunk of [...trunks.values()]) {
    if (trunk.lostAt !== undefined) trunk.lostAt = Math.min(trunk.lostAt, now); // a clock that has gone back
    if (trunk.lostAt !== undefined && now >= trunk.lostAt + GIVE_UP_MS) giveUp(room, trunk);
    else if (isRetryDue(trunk, now) && !trunk.link && trunk.halves.size > 0) room.dial(trunk);
  }
}

/** When that is due next. */
export function nextTrunkTime(room: RoomState): number {
  const { crossing } = room;
  let next = nextClaimTime(room);
  for (const link of crossing.links.values()) next = Math.min(next, stallTime(link));
  for (const trunk of crossing.trunks.values()) {
    if (trunk.halves.size === 0) continue; // kept for what the other room may ask: no reason to wake
    const retryAt = isRetryDue(trunk, crossing.now) ? crossing.now : trunk.retryAt;
    next = Math.min(next, retryAt, trunk.lostAt === undefined ? Infinity : trunk.lostAt + GIVE_UP_MS);
  }
  for (const search of crossing.searches.values()) {
    next = Math.min(next, isAskDue(search, crossing.now) ? crossing.now : search.askAt);
  }
  return next;
}

function giveUp(room: RoomState, trunk: Trunk): void {
  room.log({ level: "warn", event: "trunk_given_up", to: trunk.room, connections: trunk.halves.size });
  for (const link of [trunk.dialed, trunk.accepted]) {
    if (!link) continue;
    link.socket.close(1011, "nothing was heard");
    dropTrunkLink(room, link);
  }
  trunk.lostAt = undefined;
  trunk.retryAt = Infinity;
  trunk.attempts = 0;
  trunk.farewells.clear();
  for (const half of [...trunk.halves]) endHere(room, half, EndReason.PeerLost);
  forget(room, trunk);
}

/** Not while the other room may still speak on a socket that is at rest: it would be heard for a trunk that nobody sweeps. */
export function forget({ crossing }: RoomState, trunk: Trunk): void {
  if (!trunk.isUnused) return;
  for (const { use } of crossing.links.values()) if (use?.trunk === trunk) return;
  crossing.trunks.delete(trunk.room);
}
