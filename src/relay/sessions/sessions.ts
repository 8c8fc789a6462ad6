/** Who is in the room: hello, the one session of each peer, and how sessions end (rules S1 to S7, R3, R9). */
import { CloseCode, ConnectionState, EndReason, FrameType, type PeerId } from "../../protocol/index.ts";
import { stallTime } from "../flow/flow-control.ts";
import { hostingConcerns } from "../hosting/hosting.ts";
import { forgetSession, keepSession } from "./keeping.ts";
import type { Link } from "./link.ts";
import { announce, isOrphan } from "../negotiation.ts";
import { presenceChanged } from "./presence.ts";
import { tellAway } from "./resume.ts";
import { type RoomState, arrive } from "../room-state.ts";
import { Session } from "./session.ts";
import { giveBack, withdraw } from "../trunk/saying.ts";
import { TIMES } from "../settings.ts";
import { closeLink, dropLink, refuse } from "../telling.ts";
import { welcome } from "./welcome.ts";

export function begin(room: RoomState, link: Link, now: number): void {
  supersede(room, link.peer);
  const session = new Session(link.peer, { session: room.newSessionId(), token: room.newToken() });
  room.sessions.set(link.peer, session);
  link.open(session);
  arrive(room);
  presenceChanged(room, link.peer, "joined");
  room.log({ level: "info", event: "session_opened", peer: String(link.peer), session: String(session.id) });
  welcome(room, link, session, now);
  // Who asked for this peer while it was away has waited for this moment (rule C3).
  for (const connection of room.manager.getConnectionsForPeer(link.peer)) {
    if (isOrphan(room, connection)) continue;
    if (connection.trunk && connection.farPeer === link.peer) withdraw(room, connection); // it is here now
    room.manager.markRefused(connection.connectionId, false);
    announce(room, link, connection);
  }
}

/** A fresh session ends the peer's older one, and whatever a lost one left behind (rule S4). */
function supersede(room: RoomState, peer: PeerId): void {
  const older = room.sessions.get(peer);
  if (older?.link) closeLink(room, older.link, CloseCode.Superseded, "superseded");
  if (older) endSession(room, older, "superseded", EndReason.PeerSuperseded);
  else closeConnections(room, peer, EndReason.PeerSuperseded);
}

/** The session is over, its socket closed already or none of the caller's concern. `reason` is for the other ends. */
export function endSession(room: RoomState, session: Session, why: string, reason: number = EndReason.PeerLeft): void {
  if (room.sessions.get(session.peer) !== session) return;
  room.sessions.delete(session.peer);
  forgetSession(room, session);
  closeConnections(room, session.peer, reason);
  // Who asked from another room looks elsewhere; one that comes back at once is asked here as before.
  if (reason !== EndReason.PeerSuperseded) giveBack(room, session.peer);
  presenceChanged(room, session.peer, "left");
  hostingConcerns(room, session);
  room.log({ level: "info", event: "session_closed", peer: String(session.peer), why });
}

/**
 * The socket is gone. Its session waits for its client, unless the client has said that it is leaving, or would find
 * nothing to come back to (rules S5, R3).
 */
export function loseSocket(room: RoomState, link: Link, now: number, why: string, isFarewell = false): void {
  if (link.state !== "over") dropLink(room, link);
  const { session } = link;
  if (!session || session.link || room.sessions.get(link.peer) !== session) return;
  const mayReturn = !isFarewell && room.settings.graceMs > 0 && hasToComeBackTo(room, session);
  if (!mayReturn) return endSession(room, session, why);
  const isNews = session.awayUntil === Infinity;
  session.awayUntil = Math.min(session.awayUntil, now + room.settings.graceMs);
  room.wake(session.awayUntil);
  if (!isNews) return;
  session.awaySince = now;
  goAway(room, session);
  room.log({ level: "info", event: "session_away", peer: String(session.peer), why });
}

/** Sockets that an eviction has left have been taken over; sessions on disk without one wait for their client (R10). */
export function settleSessions(room: RoomState, now: number): void {
  for (const session of room.sessions.values()) {
    if (session.link) {
      if (!session.isStored && hasToComeBackTo(room, session)) keepSession(room, session);
      continue;
    }
    const isNews = session.awayUntil === Infinity;
    if (isNews) session.awayUntil = now + room.settings.graceMs;
    room.wake(session.awayUntil);
    if (isNews) goAway(room, session);
  }
}

/** `awayUntil` has just been set. */
function goAway(room: RoomState, session: Session): void {
  keepSession(room, session);
  tellAway(room, session);
  presenceChanged(room, session.peer, "away");
  hostingConcerns(room, session);
}

/** Connections of its own, or a place among those who may host. */
function hasToComeBackTo({ manager }: RoomState, { peer, offeredAt }: Session): boolean {
  return offeredAt !== undefined || manager.countConnectionsForPeer(peer) > manager.countUnansweredForPeer(peer);
}

/**
 * Connections that somebody asked for and this peer has not answered stay until their timeout: ending them now would
 * tell a stranger that the peer was here (rule C6).
 */
function closeConnections(room: RoomState, peer: PeerId, reason: number): void {
  for (const { connectionId, state, toPeerId, farPeer } of room.manager.getConnectionsForPeer(peer)) {
    const isUnanswered = state === ConnectionState.Connecting && toPeerId === peer;
    // Its end of that one has moved, and what has ended here is only what was left of the session.
    const isElsewhere = farPeer === peer && reason !== EndReason.PeerSuperseded;
    if (!isUnanswered && !isElsewhere) room.manager.closeConnection(connectionId, reason);
  }
}

/** Removes a peer: told, closed, and its connections ended with `reason`. False when it has no session. */
export function expel(room: RoomState, peer: PeerId, code: number, reason: number, why: string): boolean {
  const session = room.sessions.get(peer);
  if (!session) return false;
  if (session.link) closeLink(room, session.link, code, why);
  endSession(room, session, why, reason);
  return true;
}

/**
 * Guests that never said hello, sockets whose other end is gone without a word (workerd#1187) or does not read, and
 * sessions whose client has not come back in time.
 */
export function sweepSessions(room: RoomState, now: number): void {
  for (const link of [...room.links]) sweepLink(room, link, now);
  for (const session of [...room.sessions.values()]) {
    if (now >= session.awayUntil) endSession(room, session, "grace_over", EndReason.PeerLost);
  }
  if (now >= room.hosting.dueAt) room.hosting.isUnsettled = true;
}

function sweepLink(room: RoomState, link: Link, now: number): void {
  if (link.state === "awaiting-hello") {
    if (now < link.since + TIMES.helloMs) return;
    const message = `no hello within ${TIMES.helloMs} ms of the upgrade`;
    refuse(room, link, "hello_timeout", { frame: FrameType.Hello }, message);
  } else if (now >= link.lastHeard + TIMES.ghostMs) {
    closeLink(room, link, CloseCode.HeartbeatLost, "nothing was heard");
    loseSocket(room, link, now, "heartbeat_lost");
  } else if (now >= stallTime(link)) {
    closeStalled(room, link, now);
  }
}

export function closeStalled(room: RoomState, link: Link, now: number): void {
  closeLink(room, link, CloseCode.Stalled, "what was sent was not taken in");
  loseSocket(room, link, now, "stalled");
}

/** When the next of what sweepSessions looks at is due. `prompt` must not wait for the cleanup's pace. */
export function nextSweepTimes(room: RoomState): { prompt: number; ghost: number } {
  let prompt = Infinity;
  let ghost = Infinity;
  for (const link of room.links) {
    if (!link.isOpen) prompt = Math.min(prompt, link.since + TIMES.helloMs);
    else ghost = Math.min(ghost, link.lastHeard + TIMES.ghostMs);
    prompt = Math.min(prompt, stallTime(link));
  }
  for (const { awayUntil } of room.sessions.values()) prompt = Math.min(prompt, awayUntil);
  prompt = Math.min(prompt, room.hosting.dueAt);
  return { prompt, ghost };
}
