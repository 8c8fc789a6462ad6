/** The other half of a connection is in another room than before, since its peer has moved (rule SH6). */
import { Path, type PeerId } from "../../protocol/index.ts";
import { type ConnectionRecord, type P2PConnection, otherEnd } from "../connection.ts";
import type { RoomState } from "../room-state.ts";
import { type TrunkValues, GoneFlag } from "../trunk/frames.ts";
import { askHow, nearPeer, say } from "../trunk/links.ts";
import { type Trunk, bind, trunkTo, unbind } from "../trunk/trunk.ts";
import { mayBeGone } from "./believing.ts";
import { movesOf, setMoves } from "./moves.ts";

type Half = Pick<TrunkValues<"half">, "mine" | "yours" | "peer" | "moves">;

/**
 * A room has a half whose other is here and leads elsewhere, or is the whole still. "older": it is the room that knows less,
 * and will hear of it.
 */
export function halfThatMoved(
  room: RoomState,
  trunk: Trunk,
  { mine, yours, peer: id, moves }: Half,
): ConnectionRecord | "older" | undefined {
  if (!room.sharding.isSibling(trunk.room)) return undefined;
  const peer = id as PeerId;
  const own = room.manager.getConnectionByHandle(yours === 0 ? mine : yours) as ConnectionRecord | undefined;
  if (!own || otherEnd(own, peer) === undefined) return undefined;
  const session = own.farPeer === peer ? undefined : room.sessions.get(peer);
  const isPresent = session !== undefined && !mayBeGone(session);
  if (isPresent || moves <= movesOf(own, peer)) return "older";
  if (own.farPeer === undefined) split(room, own, trunk, peer, moves);
  else if (own.farPeer === peer) rebind(room, own, { to: trunk.room, farHandle: mine, moves });
  else {
    pointOn(room, trunk, own, mine);
    return "older";
  }
  return own;
}

/** Both rooms have the same end, and what is here is what a crash has left of it: the other end is told of instead. */
function pointOn(room: RoomState, trunk: Trunk, own: ConnectionRecord, yours: number): void {
  const { farPeer, farRoom = "", farHandle: theirs = own.handle } = own;
  const moves = farPeer === undefined ? 0 : movesOf(own, farPeer);
  if (trunk.link) say(room, trunk.link, "gone", { yours, theirs, moves, room: farRoom }, GoneFlag.Moved);
  letGo(room, own);
}

/** The other room has none. True when the half leads elsewhere now, and is asked for there. */
export function followGone(room: RoomState, half: ConnectionRecord, gone: TrunkValues<"gone">, flags: number): boolean {
  const { farPeer, farRoom, handle, farHandle = handle } = half;
  if (farPeer === undefined || farRoom === undefined || !room.sharding.isSibling(farRoom)) return false;
  const isNews = (flags & GoneFlag.Moved) !== 0 && gone.moves > movesOf(half, farPeer);
  if (isNews && room.sharding.isSibling(gone.room)) {
    rebind(room, half, { to: gone.room, farHandle: gone.theirs, moves: gone.moves });
    return true;
  }
  // It may have moved, and the news of it been lost: then it is where its peer belongs.
  const home = room.sharding.homeOf(farPeer);
  if (home === undefined || home === farRoom || home === room.sharding.name) return false;
  rebind(room, half, { to: home, farHandle, moves: movesOf(half, farPeer) });
  return true;
}

interface Place {
  readonly to: string;
  readonly farHandle: number;
  readonly moves: number;
}

function rebind(room: RoomState, half: ConnectionRecord, { to, farHandle, moves }: Place): void {
  const peer = half.farPeer as PeerId;
  const trunk = trunkTo(room.crossing, to);
  unbind(half);
  bind(half, trunk, peer, farHandle);
  setMoves(half, peer, moves);
  room.store.updateConnection(half);
  askHow(room, trunk, half);
}

/** Asked for by a peer that has moved since: the half here is the one that it had asked for. */
export function askThatMoved(room: RoomState, trunk: Trunk, open: TrunkValues<"open">): ConnectionRecord | undefined {
  const own = room.manager.getConnectionByHandle(open.mine) as ConnectionRecord | undefined;
  if (own?.farPeer !== open.from || nearPeer(own) !== open.to || !room.sharding.isSibling(trunk.room)) return undefined;
  if (own.farPeer !== own.fromPeerId) return undefined;
  rebind(room, own, { to: trunk.room, farHandle: open.mine, moves: movesOf(own, own.farPeer) + 1 });
  return own;
}

/** One end has left: what is here is a half from now on, under the handle that both halves have. */
export function split(room: RoomState, connection: P2PConnection, trunk: Trunk, peer: PeerId, moves: number): void {
  const half = connection as ConnectionRecord;
  setMoves(half, peer, moves);
  half.farPath = Path.Away; // as the end that is here was told; its new room says when it is back
  half.fromSession = half.toSession = undefined;
  bind(half, trunk, peer, half.handle);
  room.store.updateConnection(half);
  askHow(room, trunk, half);
}

/** Another room has it: it ends here, and nowhere else. What it has carried stays counted. */
export function letGo(room: RoomState, connection: P2PConnection): void {
  unbind(connection as ConnectionRecord);
  room.manager.release(connection.connectionId);
  room.store.deleteConnection(connection.handle);
  room.counters.closed(connection);
}
