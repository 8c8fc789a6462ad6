/** A session comes from another shard, with its halves: it is this room's from now on (rule SH5). */
import {
  ClosedBy,
  type ConnectionId,
  ConnectionState,
  type ConnectionType,
  EndReason,
  type Handle,
  Path,
  type PeerId,
  type SessionId,
  decodeControl,
  encodeControl,
} from "../../protocol/index.ts";
import { type ConnectionRecord, type P2PConnection, otherEnd } from "../connection.ts";
import { portOf } from "../connection-index.ts";
import { send } from "../flow/flow-control.ts";
import type { StoredConnection } from "../ports.ts";
import type { RoomState } from "../room-state.ts";
import { keepSession } from "../sessions/keeping.ts";
import { presenceChanged } from "../sessions/presence.ts";
import { resume } from "../sessions/resume.ts";
import { Session } from "../sessions/session.ts";
import { NOWHERE, type TrunkValues, encodeTrunk } from "../trunk/frames.ts";
import { askHow, say } from "../trunk/links.ts";
import { endHere, withdraw } from "../trunk/saying.ts";
import { type Trunk, bind, trunkTo } from "../trunk/trunk.ts";
import { due, isClose, isSound, isWanted, past } from "./believing.ts";
import { claimed, supersedeElsewhere } from "./claiming.ts";
import { meetHere } from "./meeting.ts";
import { letGo } from "./rebinding.ts";

export type Brought = TrunkValues<"bring">;

/** A session that is being told. */
export interface Arrival {
  readonly head: TrunkValues<"yield">;
  readonly missed: Uint8Array[];
  readonly brought: Brought[];
}

export function heardYield(trunk: Trunk, head: TrunkValues<"yield">): void {
  trunk.arriving.set(head.peer, { head, missed: [], brought: [] });
}

export function heardMissed(room: RoomState, trunk: Trunk, { peer, close }: TrunkValues<"missed">): void {
  const arrival = trunk.arriving.get(peer);
  if (!isClose(close)) return;
  if (arrival) arrival.missed.push(close);
  else if (trunk.taken.has(peer)) endMissed(room, trunk, peer as PeerId, close);
}

export function heardBring(trunk: Trunk, values: Brought): void {
  if (isSound(values)) trunk.arriving.get(values.peer)?.brought.push(values);
}

export function heardYielded(room: RoomState, trunk: Trunk, peer: PeerId, session: bigint): void {
  const arrival = trunk.arriving.get(peer);
  trunk.arriving.delete(peer);
  if (arrival?.head.session !== session || !room.sharding.isSibling(trunk.room)) return;
  const known = room.sessions.get(peer);
  if (known && known.id !== session) return supersedeElsewhere(room, peer, [trunk.room]);
  const isNew = isWanted(room, trunk, peer, session);
  if (!known && !isNew) return; // nobody waits for it any more: it stays there, and can be claimed again
  const link = trunk.link ?? room.dial(trunk);
  if (!link) return; // it is claimed again
  const own = known && !isNew ? known : adopt(room, trunk, arrival, known);
  const took = encodeTrunk("took", { peer, session, token: arrival.head.token });
  if (isNew) trunk.taken.set(peer, took);
  send(room, link, took);
  const waiting = claimed(room, own);
  if (waiting?.link?.state === "awaiting-hello") resume(room, waiting.link, own, waiting.token, room.crossing.now);
}

/** `given`: what was here, when it was given away and has come back. */
function adopt(room: RoomState, trunk: Trunk, { head, missed, brought }: Arrival, given: Session | undefined): Session {
  const { now } = room.crossing;
  const peer = head.peer as PeerId;
  const previousToken = head.previousToken.length > 0 ? head.previousToken : undefined;
  const secrets = { session: head.session as SessionId, token: head.token, previousToken };
  const session = given ?? new Session(peer, secrets);
  session.takeOver(secrets);
  session.moving = undefined;
  session.awayUntil = now + room.settings.graceMs;
  session.awaySince = now;
  room.sessions.set(peer, session);
  for (const close of missed) session.addFarewell(close);
  for (const each of brought) adoptHalf(room, trunk, session, each);
  for (const connection of room.manager.getConnectionsForPeer(peer)) {
    if (connection.trunk && connection.farPeer === peer) leftOver(room, connection);
  }
  keepSession(room, session);
  room.wake(session.awayUntil);
  if (!given) presenceChanged(room, peer, "joined");
  presenceChanged(room, peer, "away");
  room.log({
    level: "info",
    event: "session_adopted",
    peer: String(peer),
    session: String(session.id),
    shard: trunk.room,
  });
  return session;
}

/** Its other half has not come: it was asked for elsewhere, and is here now, or is over. */
function leftOver(room: RoomState, connection: P2PConnection): void {
  if (connection.state === ConnectionState.Connecting) withdraw(room, connection);
  else endHere(room, connection, EndReason.EndedWhileAway);
}

function adoptHalf(room: RoomState, trunk: Trunk, session: Session, told: Brought): void {
  const { manager, sharding } = room;
  const { peer } = session;
  const existing = manager.getConnectionByHandle(told.handle);
  sharding.takeBack(told.handle, peer);
  if (existing && isOfSameEnds(existing, told)) {
    const isGivenAway = existing.farPeer !== undefined && existing.farPeer !== peer;
    if (!isGivenAway) return meetHere(room, existing as ConnectionRecord, told);
    letGo(room, existing); // this end of it was given away, and comes back
  }
  const brought = whereNow(room, told);
  const isHere = brought.farRoom === sharding.name;
  const half = isHere
    ? undefined
    : manager.adopt(storedOf(room, brought), past(brought.lastActivity, room.crossing.now) ?? 0);
  if (!half) return refuse(room, trunk, session, brought);
  room.store.insertConnection(half);
  room.counters.opened(half);
  follow(room, trunk, half as ConnectionRecord, brought);
}

/** The other half was here, and has left while this one was under way: it is where it was handed on to, or belongs. */
function whereNow({ sharding, manager }: RoomState, brought: Brought): Brought {
  const { handle, peer, from, to, farRoom, farHandle, fromMoves, toMoves } = brought;
  if (farRoom !== sharding.name || manager.getConnectionByHandle(farHandle)) return brought;
  const other = (from === peer ? to : from) as PeerId;
  const left = sharding.whereIs(handle, sharding.name);
  const next = left?.room ?? sharding.homeOf(other) ?? farRoom;
  const moves = left?.moves ?? 0;
  const moved = from === peer ? { toMoves: Math.max(toMoves, moves) } : { fromMoves: Math.max(fromMoves, moves) };
  return { ...brought, ...moved, farRoom: next, farHandle: handle };
}

function isOfSameEnds({ fromPeerId, toPeerId }: P2PConnection, { from, to }: Brought): boolean {
  return fromPeerId === from && toPeerId === to;
}

/** On the way that leads to its other half, which is told where this one is now. */
function follow(room: RoomState, from: Trunk, half: ConnectionRecord, { path, farRoom, farHandle }: Brought): void {
  const trunk = trunkTo(room.crossing, farRoom);
  half.farPath = path as Path;
  half.isFarConnected = half.state !== ConnectionState.Connecting;
  room.wake(room.manager.staleTime(half));
  logMoved(room, half, from.room);
  bind(half, trunk, half.farPeer as PeerId, farHandle === 0 ? undefined : farHandle);
  if (trunk === from) half.isMoved = true; // it knows, and says how its half is
  else askHow(room, trunk, half);
}

function storedOf(room: RoomState, brought: Brought): StoredConnection {
  const { now } = room.crossing;
  const { farHandle, farRoom, peer, from, to, virtualPort, channel, pendingReason, pendingBy } = brought;
  const type = brought.connectionType as ConnectionType;
  return {
    connectionId: brought.id as ConnectionId,
    handle: brought.handle as Handle,
    fromPeerId: from as PeerId,
    toPeerId: to as PeerId,
    appId: room.app,
    type,
    state: brought.state as ConnectionState,
    created: past(brought.created, now) ?? now,
    connectedAt: past(brought.connectedAt, now),
    disconnectingAt: past(brought.disconnectingAt, now),
    virtualPort: portOf(type, virtualPort < 0 ? undefined : virtualPort),
    channel: channel < 0 ? undefined : channel,
    deadline: due(brought.deadline, now),
    pendingReason: pendingReason === 0 ? undefined : pendingReason,
    pendingBy: pendingBy === 0n ? undefined : (pendingBy as PeerId),
    isRefused: brought.isRefused !== 0,
    farPeer: (from === peer ? to : from) as PeerId,
    farRoom,
    farHandle: farHandle === 0 ? undefined : farHandle,
    fromMoves: brought.fromMoves,
    toMoves: brought.toMoves,
  };
}

/** Its handle is another connection's here, or its other half has ended: it is over. */
function refuse(room: RoomState, trunk: Trunk, session: Session, { handle, farRoom, farHandle }: Brought): void {
  const reason = EndReason.EndedWhileAway;
  session.addFarewell(encodeControl("close", { handle, reason, closedBy: ClosedBy.Relay, debug: "" }));
  if (farRoom === room.sharding.name) {
    const other = room.manager.getConnectionByHandle(farHandle);
    if (other?.farPeer === session.peer) endHere(room, other, reason);
    return;
  }
  const far = farRoom === trunk.room ? trunk : trunkTo(room.crossing, farRoom);
  const link = far.link ?? room.dial(far);
  if (link) say(room, link, "gone", { yours: farHandle, ...NOWHERE });
}

/** What has ended where the session was, after that had told of it. */
function endMissed(room: RoomState, trunk: Trunk, peer: PeerId, close: Uint8Array): void {
  const frame = decodeControl(new DataView(close.buffer, close.byteOffset, close.byteLength), 0);
  if (frame?.frame !== "close") return;
  const { handle, reason, closedBy, debug } = frame.values;
  const connection = room.manager.getConnectionByHandle(handle);
  const other = connection && otherEnd(connection, peer);
  if (!connection || other === undefined || connection.farPeer === peer) return;
  const by = closedBy === ClosedBy.Relay ? undefined : closedBy === ClosedBy.Peer ? other : peer;
  if (connection.trunk === trunk) endHere(room, connection, reason, by, debug);
  else room.manager.closeConnection(connection.connectionId, reason, { peer: by, debug });
}

function logMoved(room: RoomState, { connectionId, fromPeerId, toPeerId }: P2PConnection, from: string): void {
  const ends = { from: String(fromPeerId), to: String(toPeerId) };
  room.log({ level: "info", event: "connection_moved", connection: String(connectionId), ...ends, shard: from });
}
