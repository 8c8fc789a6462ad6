/**
 * A session leaves for the shard that its peer belongs to now. Until that says that it has it, nothing changes here but that its
 * client is not let in (rule SH5); then its halves are that room's, and the other ends are told where they are.
 */
import { CloseCode, EndReason, Path, type PeerId, frameEnd } from "../../protocol/index.ts";
import { type P2PConnection, otherEnd } from "../connection.ts";
import { hostingConcerns } from "../hosting/hosting.ts";
import type { RoomState } from "../room-state.ts";
import { forgetSession } from "../sessions/keeping.ts";
import type { Link } from "../sessions/link.ts";
import { presenceChanged } from "../sessions/presence.ts";
import type { Session } from "../sessions/session.ts";
import { endSession, loseSocket } from "../sessions/sessions.ts";
import { closeLink } from "../telling.ts";
import { GoneFlag, type TrunkValues } from "../trunk/frames.ts";
import { say } from "../trunk/links.ts";
import { seek } from "../trunk/locating.ts";
import { giveBack } from "../trunk/saying.ts";
import { type Trunk, trunkTo } from "../trunk/trunk.ts";
import { claimBack } from "./claiming.ts";
import { movesOf } from "./moves.ts";
import { letGo, split } from "./rebinding.ts";

/** What was said of a session that may be elsewhere by now. */
export interface Moving {
  readonly to: string;
  /** Of the connections that were named. */
  readonly handles: ReadonlySet<number>;
  /** How many closes that its client has missed were. */
  readonly missed: number;
}

const NO_TOKEN = new Uint8Array();

export function heardClaim(room: RoomState, trunk: Trunk, claim: TrunkValues<"claim">): void {
  const { peer: id, session: wanted, token } = claim;
  const peer = id as PeerId;
  const session = room.sessions.get(peer);
  if (!room.sharding.isSibling(trunk.room)) return sayUnclaimed(room, trunk, peer, wanted);
  if (wanted === 0n) return session && supersedeHere(room, session);
  const isMeant = session?.id === wanted && session.accepts(token);
  if (!session || !isMeant) return sayUnclaimed(room, trunk, peer, wanted);
  // Another one may have it already. Whoever asks now asks again in a second.
  if (session.moving && session.moving.to !== trunk.room) return claimBack(room, session);
  leaveSocket(room, session);
  if (room.sessions.get(peer) !== session) return sayUnclaimed(room, trunk, peer, wanted);
  yieldSession(room, trunk, session);
}

function sayUnclaimed(room: RoomState, trunk: Trunk, peer: PeerId, session: bigint): void {
  const link = trunk.link ?? room.dial(trunk);
  if (link) say(room, link, "unclaimed", { peer, session });
}

/** The peer has a fresh session in another shard (rule S4). */
function supersedeHere(room: RoomState, session: Session): void {
  if (session.link) closeLink(room, session.link, CloseCode.Superseded, "superseded");
  endSession(room, session, "superseded", EndReason.PeerSuperseded);
}

/** Its client has come back elsewhere, so this socket is gone (rule R8). */
function leaveSocket(room: RoomState, { link }: Session): void {
  if (!link) return;
  closeLink(room, link, CloseCode.Superseded, "resumed on another socket");
  loseSocket(room, link, room.crossing.now, "moved");
}

function yieldSession(room: RoomState, trunk: Trunk, session: Session): void {
  const link = trunk.link ?? room.dial(trunk);
  if (!link) return;
  const { peer, id, token, previousToken = NO_TOKEN } = session;
  const missed = framesOf(session.farewells);
  for (const { taken } of room.crossing.trunks.values()) taken.delete(peer);
  const handles = new Set<number>();
  say(room, link, "yield", { peer, session: id, token, previousToken });
  for (const close of missed) say(room, link, "missed", { peer, close });
  for (const connection of room.manager.getConnectionsForPeer(peer)) {
    if (connection.farPeer === peer) continue;
    handles.add(connection.handle);
    sayBring(room, link, connection, peer);
  }
  say(room, link, "yielded", { peer, session: id });
  session.moving = { to: trunk.room, handles, missed: missed.length };
}

function sayBring(room: RoomState, link: Link, connection: P2PConnection, peer: PeerId): void {
  const { fromPeerId: from, toPeerId: to, handle, connectionId: id, type: connectionType, state } = connection;
  const { farRoom = room.sharding.name, farPeer, farPath } = connection;
  const moves = { fromMoves: connection.fromMoves, toMoves: connection.toMoves };
  if (from === peer) moves.fromMoves++;
  else moves.toMoves++;
  const other = otherEnd(connection, peer) as PeerId;
  const isOtherHere = room.sessions.get(other)?.link !== undefined;
  say(room, link, "bring", {
    peer,
    handle,
    id,
    from,
    to,
    connectionType,
    state,
    ...times(connection),
    virtualPort: connection.virtualPort ?? -1,
    channel: connection.channel ?? -1,
    pendingReason: connection.pendingReason ?? 0,
    pendingBy: connection.pendingBy ?? 0n,
    isRefused: Number(connection.isRefused),
    ...moves,
    path: farPeer === undefined ? (isOtherHere ? Path.Open : Path.Away) : farPath,
    farHandle: farPeer === undefined ? handle : (connection.farHandle ?? 0),
    farRoom,
  });
}

/** 0 is none. */
function ms(at: number | undefined): bigint {
  return BigInt(Math.floor(at ?? 0));
}

function times({ created, connectedAt, disconnectingAt, lastActivity, deadline }: P2PConnection) {
  return {
    created: ms(created),
    connectedAt: ms(connectedAt),
    disconnectingAt: ms(disconnectingAt),
    lastActivity: ms(lastActivity),
    deadline: ms(deadline),
  };
}

export function heardTook(room: RoomState, trunk: Trunk, { peer: of, session: id, token }: TrunkValues<"took">): void {
  const peer = of as PeerId;
  const session = room.sessions.get(peer);
  // Whoever has asked for it may have said so to a room that has crashed since; that it was told of it, its token shows.
  if (session?.id !== id || session.link || !session.accepts(token)) return;
  if (session.moving && session.moving.to !== trunk.room) return;
  const link = trunk.link ?? room.dial(trunk);
  const { handles, missed = 0 } = session.moving ?? {};
  // What has ended since is told first: it is not to be looked for.
  if (link) for (const close of framesOf(session.farewells).slice(missed)) say(room, link, "missed", { peer, close });
  for (const connection of room.manager.getConnectionsForPeer(peer)) {
    if (connection.farPeer !== peer && (handles?.has(connection.handle) ?? true)) handOn(room, trunk, connection, peer);
  }
  forget(room, session, trunk.room);
}

function handOn(room: RoomState, trunk: Trunk, connection: P2PConnection, peer: PeerId): void {
  const moves = movesOf(connection, peer) + 1;
  if (connection.farPeer === undefined) return split(room, connection, trunk, peer, moves);
  const { farRoom, farHandle: yours, handle: theirs } = connection;
  room.sharding.handOn(theirs, { peer, room: trunk.room, moves });
  const other = otherEnd(connection, peer) as PeerId;
  // Its new room asks here when it was told of it before the other end had moved.
  if (farRoom !== undefined)
    room.sharding.handOn(theirs, { peer: other, room: farRoom, moves: movesOf(connection, other) });
  if (farRoom !== trunk.room && farRoom !== undefined && yours !== undefined) {
    const way = trunkTo(room.crossing, farRoom);
    const link = way.link ?? room.dial(way);
    if (link) say(room, link, "gone", { yours, theirs, moves, room: trunk.room }, GoneFlag.Moved);
  }
  letGo(room, connection);
}

function forget(room: RoomState, session: Session, to: string): void {
  const { peer } = session;
  room.sessions.delete(peer);
  forgetSession(room, session);
  giveBack(room, peer);
  if (room.manager.countUnansweredForPeer(peer) > 0) seek(room, peer);
  presenceChanged(room, peer, "left");
  hostingConcerns(room, session);
  room.log({ level: "info", event: "session_moved", peer: String(peer), session: String(session.id), to });
}

/** A run of close frames, one by one. */
export function framesOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = frameEnd(view, at);
    if (end < 0) break;
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}
