/** A client that has lost its socket comes back to its session (rules R1 to R8). */
import { CloseCode, CloseFlag, ClosedBy, ConnectionState, EndReason, Path, PathFlag } from "../../protocol/index.ts";
import type { P2PConnection } from "../connection.ts";
import { isHeld, send, tellPath } from "../flow/flow-control.ts";
import { hostingConcerns } from "../hosting/hosting.ts";
import { keepSession } from "./keeping.ts";
import type { Link } from "./link.ts";
import { announce } from "../negotiation.ts";
import { presenceChanged } from "./presence.ts";
import { type RoomState, arrive, otherLink } from "../room-state.ts";
import type { Session } from "./session.ts";
import { closeLink, tell } from "../telling.ts";
import { seek } from "../trunk/locating.ts";
import { welcome } from "./welcome.ts";

/** `shown`: the token that was presented, which stays good until the new one is known to have arrived (R7). */
export function resume(room: RoomState, link: Link, session: Session, shown: Uint8Array, now: number): void {
  if (session.link) closeLink(room, session.link, CloseCode.Superseded, "resumed on another socket");
  session.token = room.newToken();
  session.previousToken = shown;
  const { farewells } = session;
  const wasAway = session.awayUntil !== Infinity;
  link.open(session);
  arrive(room);
  if (wasAway) presenceChanged(room, session.peer, "back");
  hostingConcerns(room, session);
  if (session.isStored) keepSession(room, session);
  room.log({ level: "info", event: "session_resumed", peer: String(session.peer), session: String(session.id) });
  welcome(room, link, session, now);
  if (farewells.length > 0) send(room, link, farewells);
  let connections = 0;
  for (const connection of room.manager.getConnectionsForPeer(session.peer)) {
    if (listConnection(room, link, connection)) connections++;
  }
  tell(room, link, "resumed", { connections });
}

/** What this end must know of a connection to go on with it. False when that is nothing. */
function listConnection(room: RoomState, link: Link, connection: P2PConnection): boolean {
  const { state } = connection;
  if (state === ConnectionState.Connecting && connection.toPeerId === link.peer) {
    if (connection.isRefused) return false;
    announce(room, link, connection);
    return true;
  }
  tell(room, link, "state", { handle: connection.handle, state, previous: state });
  if (state === ConnectionState.Connecting) {
    seek(room, connection.toPeerId); // after a crash nobody has, on behalf of who was not back
    return true;
  }
  repeatClose(room, link, connection);
  tellPaths(room, link, connection);
  return true;
}

/** A graceful close by the other end, which this one may not have heard and has to answer (rule C8). */
function repeatClose(room: RoomState, link: Link, { handle, state, pendingBy, pendingReason }: P2PConnection): void {
  if (state !== ConnectionState.Disconnecting || pendingBy === link.peer) return;
  const reason = pendingReason ?? EndReason.AppGeneric;
  tell(room, link, "close", { handle, reason, closedBy: ClosedBy.Peer, debug: "" }, CloseFlag.Graceful);
}

function tellPaths(room: RoomState, link: Link, connection: P2PConnection): void {
  const target = otherLink(room, connection, link.peer);
  if (!target) return tellPath(room, link, connection, Path.Away);
  if (connection.farPath !== Path.Open) tellPath(room, link, connection, connection.farPath);
  if (isHeld(target, connection)) tellPath(room, link, connection, Path.Held);
  tellPath(room, target, connection, Path.Open, PathFlag.Lost);
}

/** The other ends of a session's connections learn that it has no socket just now (rule R4). */
export function tellAway(room: RoomState, session: Session): void {
  for (const connection of room.manager.getConnectionsForPeer(session.peer)) {
    if (connection.state === ConnectionState.Connecting) continue;
    const target = otherLink(room, connection, session.peer);
    if (target) tellPath(room, target, connection, Path.Away);
  }
}
