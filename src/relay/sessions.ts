/** Who is in the room: hello, the one session of each peer, and how sessions end (rules S1 to S7). */
import {
  CloseCode,
  ConnectionState,
  type ControlValues,
  EndReason,
  FrameType,
  PROTOCOL_VERSION,
  type PeerId,
  type SessionId,
} from "../protocol/index.ts";
import type { Link } from "./link.ts";
import { announce, isOrphan } from "./negotiation.ts";
import { type RoomState, closeLink, refuse, tell } from "./room-state.ts";
import { BATCH_LIMIT, TIMES } from "./settings.ts";

export function hello(room: RoomState, link: Link, values: ControlValues<"hello">, now: number): void {
  if (values.version !== PROTOCOL_VERSION) {
    const message = `this relay speaks version ${PROTOCOL_VERSION} of the protocol, not ${values.version}`;
    return refuse(room, link, "unsupported_version", { frame: FrameType.Hello }, message);
  }
  supersede(room, link.peer);
  const session = room.newSessionId() as SessionId;
  link.status = { state: "open", session };
  link.save();
  room.sessions.set(link.peer, link);
  room.wake(now + TIMES.ghostMs);
  room.log({ level: "info", event: "session_opened", peer: String(link.peer), session: String(session) });
  welcome(room, link, session, now);
  // Who asked for this peer while it was away has waited for this moment (rule C3).
  for (const connection of room.manager.getConnectionsForPeer(link.peer)) {
    if (isOrphan(room, connection)) continue;
    room.manager.markRefused(connection.connectionId, false);
    announce(room, link, connection);
  }
}

function welcome(room: RoomState, link: Link, session: SessionId, now: number): void {
  const { maxPayload, connectTimeoutMs, idleTimeoutMs } = room.settings;
  const { maxConnectionsPerPeer, messagesPerSecond, bytesPerSecond, connectionBytesPerSecond } = link.rates.limits;
  tell(room, link, "welcome", {
    version: PROTOCOL_VERSION,
    session,
    peer: link.peer,
    now: BigInt(Math.floor(now)),
    heartbeatMs: TIMES.heartbeatMs,
    graceMs: 0,
    maxPayload,
    maxBatch: BATCH_LIMIT,
    maxConnections: maxConnectionsPerPeer,
    connectTimeoutMs,
    idleTimeoutMs,
    token: new Uint8Array(),
    messagesPerSecond,
    bytesPerSecond,
    connectionBytesPerSecond,
  });
}

/** A fresh session ends the peer's older one, and whatever a lost one left behind (rule S4). */
function supersede(room: RoomState, peer: PeerId): void {
  const older = room.sessions.get(peer);
  if (older) {
    room.sessions.delete(peer);
    closeLink(room, older, CloseCode.Superseded, "superseded");
    logEnd(room, older, "superseded");
  }
  closeConnections(room, peer, EndReason.PeerSuperseded);
}

/** Ends the session of a link that still holds it. `reason` is what the other ends are told. */
export function endSession(room: RoomState, link: Link, why: string, reason: number = EndReason.PeerLeft): void {
  room.links.delete(link);
  const isSession = room.sessions.get(link.peer) === link;
  link.status = { state: "over" };
  if (!isSession) return;
  room.sessions.delete(link.peer);
  closeConnections(room, link.peer, reason);
  logEnd(room, link, why);
}

/**
 * Connections that somebody asked for and this peer has not answered stay until their timeout: ending them now would
 * tell a stranger that the peer was here (rule C6).
 */
function closeConnections(room: RoomState, peer: PeerId, reason: number): void {
  for (const { connectionId, state, toPeerId } of room.manager.getConnectionsForPeer(peer)) {
    const isUnanswered = state === ConnectionState.Connecting && toPeerId === peer;
    if (!isUnanswered) room.manager.closeConnection(connectionId, reason);
  }
}

/** Removes a peer: told, closed, and its connections ended with `reason`. False when it has no session. */
export function expel(room: RoomState, peer: PeerId, code: number, reason: number, why: string): boolean {
  const link = room.sessions.get(peer);
  if (!link) return false;
  closeLink(room, link, code, why);
  endSession(room, link, why, reason);
  return true;
}

/** Guests that never said hello, and sockets whose other end is gone without a word (workerd#1187). */
export function sweepLinks(room: RoomState, now: number): void {
  for (const link of [...room.links]) {
    if (link.status.state === "awaiting-hello") {
      if (now < link.since + TIMES.helloMs) continue;
      const message = `no hello within ${TIMES.helloMs} ms of the upgrade`;
      refuse(room, link, "hello_timeout", { frame: FrameType.Hello }, message);
    } else if (now >= link.lastHeard + TIMES.ghostMs) {
      closeLink(room, link, CloseCode.HeartbeatLost, "nothing was heard");
      endSession(room, link, "heartbeat_lost");
    }
  }
}

/** When the next guest and the next session are due for sweepLinks; Infinity when none is. */
export function nextSweepTimes(room: RoomState): { hello: number; ghost: number } {
  let hello = Infinity;
  let ghost = Infinity;
  for (const link of room.links) {
    if (link.isOpen) ghost = Math.min(ghost, link.lastHeard + TIMES.ghostMs);
    else hello = Math.min(hello, link.since + TIMES.helloMs);
  }
  return { hello, ghost };
}

function logEnd(room: RoomState, link: Link, why: string): void {
  room.log({ level: "info", event: "session_closed", peer: String(link.peer), why });
}
