/** A trunk on which nothing is said is closed by who dialed it, so that both objects may sleep (rule X5). */
import { CloseCode } from "../../protocol/index.ts";
import type { RoomState } from "../room-state.ts";
import type { Link } from "../sessions/link.ts";
import { encodeTrunk } from "./frames.ts";
import { dropTrunkLink, forget, loseLink } from "./losing.ts";
import type { Trunk, TrunkUse } from "./trunk.ts";

/** A dialed socket keeps its object in memory, and billed. */
export const REST_AFTER_MS = 5_000;
/** The answer to rest takes a round trip; without it the other room is taken for gone. */
const ANSWER_MS = 10_000;

/** To be asked about once a second for as long as a socket is open that was dialed from here (`hasDialed`). */
export function restTrunks(room: RoomState): void {
  const { now } = room.crossing;
  for (const { dialed: link } of [...room.crossing.trunks.values()]) {
    if (!link?.use) continue;
    const { use } = link;
    if (use.restedAt !== undefined && now - use.restedAt >= ANSWER_MS) loseLink(room, link, "nothing was heard");
    else if (use.restedAt === undefined && isSilent(link, use, now)) askForRest(room, link, use);
  }
}

export function hasDialed({ crossing }: RoomState): boolean {
  for (const { dialed } of crossing.trunks.values()) if (dialed) return true;
  return false;
}

function isSilent(link: Link, { sentAt }: TrunkUse, now: number): boolean {
  const quietSince = Math.max(sentAt, link.lastMessage);
  return !link.backlog && link.pending.bytes === 0 && now - quietSince >= REST_AFTER_MS;
}

function askForRest(room: RoomState, link: Link, use: TrunkUse): void {
  room.outbox.addNow(link, encodeTrunk("rest", {}));
  room.outbox.flushLink(link);
  use.restedAt = room.crossing.now;
  use.sentAtRest = use.sent;
}

/** The other room will say no more on its socket, unless it has to dial again. Neither do we, behind all that we have said. */
export function heardRest(room: RoomState, link: Link, trunk: Trunk): void {
  if (link.backlog) return; // what waits here is on its way still
  if (trunk.accepted === link) {
    trunk.accepted = undefined;
    if (!trunk.dialed) forgetSaid(trunk);
  }
  room.outbox.addNow(link, encodeTrunk("rested", {}));
}

/** All that the other room has said is here. What we have said since keeps the socket open. */
export function heardRested(room: RoomState, link: Link, trunk: Trunk): void {
  const { use } = link;
  if (use?.restedAt === undefined) return;
  use.restedAt = undefined;
  if (use.sent !== use.sentAtRest || link.pending.bytes > 0 || link.backlog) return;
  link.socket.close(CloseCode.Normal, "at rest");
  dropTrunkLink(room, link);
  if (!trunk.link) forgetSaid(trunk);
  forget(room, trunk);
}

/** It has all arrived. */
function forgetSaid(trunk: Trunk): void {
  trunk.farewells.clear();
  trunk.taken.clear();
}
