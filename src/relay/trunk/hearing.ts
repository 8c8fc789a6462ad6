/** What becomes of a half when the other room says what has become of its own (rules X2, X4, X8). */
import {
  CloseFlag,
  ClosedBy,
  ConnectionState,
  EndReason,
  Path,
  type PeerId,
  isConnectionType,
  parsePeerId,
} from "../../protocol/index.ts";
import type { ConnectionRecord } from "../connection.ts";
import { describeError } from "../describe-error.ts";
import type { CreateOptions } from "../manager.ts";
import { tellPath } from "../flow/flow-control.ts";
import { announce } from "../negotiation.ts";
import type { RoomState } from "../room-state.ts";
import { TIMES } from "../settings.ts";
import { askThatMoved, followGone } from "../shards/rebinding.ts";
import { mayCross } from "../shards/sharding.ts";
import { tell } from "../telling.ts";
import { GoneFlag, NOWHERE, OpenFlag, type TrunkValues } from "./frames.ts";
import { isAsking, isGivenAway, nearLink, nearPeer, say, tellOpen } from "./links.ts";
import { seekLater } from "./locating.ts";
import { connectFar, endFar, endHere } from "./saying.ts";
import { type Trunk, bind, nameFar, unbind } from "./trunk.ts";

type Open = TrunkValues<"open">;
/** Numbers of another room, which has them from its own records. */
type Halves = { readonly mine: number; readonly yours: number };

/** By our own handle, where the other room knows it. It always knows its own, which is not 0. */
export function findHalf(room: RoomState, trunk: Trunk, { mine, yours }: Halves): ConnectionRecord | undefined {
  if (mine === 0) return undefined;
  const own = ownHalf(room, trunk, yours);
  if (!own) return trunk.byFarHandle.get(mine);
  return own.farHandle === undefined || own.farHandle === mine ? own : undefined;
}

function ownHalf({ manager }: RoomState, trunk: Trunk, handle: number): ConnectionRecord | undefined {
  const own = manager.getConnectionByHandle(handle) as ConnectionRecord | undefined;
  return own?.trunk === trunk ? own : undefined;
}

export function heardOpen(room: RoomState, trunk: Trunk, open: Open, flags: number): void {
  const known = trunk.byFarHandle.get(open.mine) ?? askThatMoved(room, trunk, open);
  // Both may have asked for it, so either may stand as who has (rule C5).
  const isSame = known && known.farPeer === open.from && nearPeer(known) === open.to;
  if (isSame) return askAgain(room, trunk, known, flags);
  if (known) endHere(room, known, EndReason.EndedWhileAway); // of a room that has begun anew
  const half = mayOpen(room, trunk, open) ? halfFor(room, trunk, open) : undefined;
  if (!half) return sayGone(room, trunk, open.mine, open.mine);
  trunk.listing?.add(half);
  half.isFarVisible = (flags & OpenFlag.Visible) !== 0;
  if (half.state === ConnectionState.Connected) return;
  const target = nearLink(room, half);
  if (target) announce(room, target, half);
}

/** Only for a peer of this room, and of one that is not, and may be (rule X8). A row of anything else could not be read again. */
function mayOpen(room: RoomState, trunk: Trunk, { mine, from, to, connectionType }: Open): boolean {
  const { sessions, bans, crossing } = room;
  const far = parsePeerId(from);
  if (!mayCross(room, trunk.room) || mine === 0 || far === undefined || !isConnectionType(connectionType)) return false;
  const isThere = sessions.has(to as PeerId) && !sessions.has(far) && from !== to;
  return isThere && !hasTooMany(room, far) && !bans.holdsPeer(far, crossing.now);
}

/** As many as the app lets any peer have (rule C10), from all rooms that it is in. Its class only its own room knows. */
function hasTooMany({ manager, settings }: RoomState, far: PeerId): boolean {
  const limits = [settings, ...(settings.classes?.values() ?? [])];
  const most = Math.max(...limits.map(({ maxConnectionsPerPeer }) => maxConnectionsPerPeer));
  return manager.countConnectionsForPeer(far) - manager.countUnansweredForPeer(far) >= most;
}

function askAgain(room: RoomState, trunk: Trunk, half: ConnectionRecord, flags: number): void {
  trunk.listing?.add(half);
  const isNews = !trunk.listing && (half.farPath !== Path.Open || half.isMoved);
  // Said by a room that has not heard of the accept, and so has no path to say: who asks is there.
  half.farPath = Path.Open;
  half.isMoved = false;
  if (half.state === ConnectionState.Connected) {
    connectFar(room, half); // before it had moved
    if (isNews) tellOpen(room, half);
    return;
  }
  if (half.state !== ConnectionState.Connecting || (flags & OpenFlag.Listed) !== 0) return;
  room.manager.markRefused(half.connectionId, false);
  const target = nearLink(room, half);
  if (target) announce(room, target, half);
}

/** The half here: the one that there is, if this peer has asked for the other too, or a new one. */
function halfFor(room: RoomState, trunk: Trunk, open: Open): ConnectionRecord | undefined {
  const { manager, crossing } = room;
  const type = open.connectionType as ConnectionRecord["type"];
  const [from, to] = [open.from as PeerId, open.to as PeerId];
  const existing = manager.getConnection(manager.findConnection(from, to, type, open.virtualPort));
  if (existing?.state === ConnectionState.Connecting && existing.fromPeerId === to) {
    return meet(room, trunk, existing as ConnectionRecord, open);
  }
  // Left over: its other half is over, or the peer is in yet another room now.
  if (existing) manager.closeConnection(existing.connectionId, EndReason.PeerSuperseded);
  const half = create(room, from, to, {
    type,
    now: crossing.now,
    virtualPort: open.virtualPort,
    channel: open.channel < 0 ? undefined : open.channel,
    connectTimeoutMs: open.timeoutMs,
    far: { peer: from, room: trunk.room, handle: open.mine },
    // Shards give out different ones, so both halves have the same wherever their peers move.
    ...(room.sharding.isSibling(trunk.room) && { handle: open.mine }),
  });
  if (!half) return undefined;
  bind(half, trunk, from, open.mine);
  room.wake(manager.staleTime(half));
  return half;
}

/** One that cannot be written down is asked for again later, and is no trouble of others on this trunk. */
function create(
  { manager, app, log }: RoomState,
  from: PeerId,
  to: PeerId,
  { type, ...options }: CreateOptions & Pick<ConnectionRecord, "type">,
): ConnectionRecord | undefined {
  try {
    return manager.getConnection(manager.createOrGetConnection(from, to, app, type, options)) as ConnectionRecord;
  } catch (error) {
    log({ level: "error", event: "store_failed", error: describeError(error) });
    return undefined;
  }
}

/** Both ends have asked for the same connection: that is an accept (rule C5). */
function meet(room: RoomState, trunk: Trunk, half: ConnectionRecord, { from, mine }: Open): ConnectionRecord {
  if (half.trunk && half.trunk !== trunk) endFar(room, half, { reason: EndReason.AppGeneric, by: half.fromPeerId });
  if (half.trunk) nameFar(half, mine);
  else bind(half, trunk, from as PeerId, mine);
  room.manager.updateConnectionState(half.connectionId, ConnectionState.Connected, { now: room.crossing.now });
  return half;
}

export function heardConnected(room: RoomState, trunk: Trunk, halves: Halves): void {
  const half = findHalf(room, trunk, halves);
  if (!half) return sayGone(room, trunk, halves.mine, halves.yours);
  raise(room, half, halves.mine);
}

/** The other half is Connected. */
export function raise(room: RoomState, half: ConnectionRecord, farHandle: number): void {
  half.isFarConnected = true;
  const isNews = half.farHandle !== farHandle;
  nameFar(half, farHandle);
  const now = room.crossing.now;
  if (half.state === ConnectionState.Connecting) {
    room.manager.updateConnectionState(half.connectionId, ConnectionState.Connected, { now });
  } else if (isNews) room.store.updateConnection(half);
}

export function heardGone(room: RoomState, trunk: Trunk, gone: TrunkValues<"gone">, flags: number): void {
  const half = ownHalf(room, trunk, gone.yours);
  if (!half || isGivenAway(room, half) || (!isUnanswered(half) && followGone(room, half, gone, flags))) return;
  if (!isAsking(half)) return endHere(room, half, EndReason.EndedWhileAway);
  unbind(half);
  const { toPeerId } = half;
  half.farPeer = half.farRoom = half.farHandle = undefined;
  room.store.updateConnection(half);
  seekLater(room, toPeerId);
}

export function heardEnd(room: RoomState, trunk: Trunk, end: TrunkValues<"end">, flags: number): void {
  const half = findHalf(room, trunk, end);
  if (!half?.farPeer) return;
  const [near, far] = [nearPeer(half), half.farPeer];
  const by = end.closedBy === ClosedBy.Relay ? undefined : end.closedBy === ClosedBy.Peer ? far : near;
  const isGraceful = (flags & CloseFlag.Graceful) !== 0 && half.state === ConnectionState.Connected;
  if (!isGraceful) return endHere(room, half, end.reason, by, end.debug);
  disconnect(room, half, end.reason, far, end.debug);
}

/** The far end closes gracefully, and waits for this one (rule C8). */
export function disconnect(room: RoomState, half: ConnectionRecord, reason: number, by: PeerId, debug: string): void {
  const { now } = room.crossing;
  room.manager.beginDisconnect(half.connectionId, reason, by, now + TIMES.disconnectMs, now);
  room.wake(now + TIMES.disconnectMs);
  const target = nearLink(room, half);
  const { handle } = half;
  if (target && by === half.farPeer) {
    tell(room, target, "close", { handle, reason, closedBy: ClosedBy.Peer, debug }, CloseFlag.Graceful);
  }
}

export function heardPath(room: RoomState, trunk: Trunk, farHandle: number, path: number, flags: number): void {
  const half = trunk.byFarHandle.get(farHandle);
  if (!half || half.state === ConnectionState.Connecting) return;
  half.farPath = path as Path;
  const target = nearLink(room, half);
  if (target) return tellPath(room, target, half, half.farPath, flags);
  // It was told to a room that had forgotten, or has not heard, that this end is away.
  const link = trunk.link ?? room.dial(trunk);
  if (path === Path.Open && link) tellPath(room, link, half, Path.Away);
}

/** It was asked for, and no room has said that it has the other half. */
function isUnanswered(half: ConnectionRecord): boolean {
  return isAsking(half) && half.farHandle === undefined;
}

/** `theirs`: the handle that the half has, or had, here. */
export function sayGone(room: RoomState, trunk: Trunk, yours: number, theirs: number): void {
  const link = trunk.link ?? room.dial(trunk);
  const to = room.sharding.isSibling(trunk.room) ? room.sharding.whereIs(theirs, trunk.room) : undefined;
  if (link && to) say(room, link, "gone", { yours, theirs, moves: to.moves, room: to.room }, GoneFlag.Moved);
  else if (link) say(room, link, "gone", { yours, ...NOWHERE });
}
