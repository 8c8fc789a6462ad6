/** What is said to the other half of a connection when this one changes (rule X4). */
import { ClosedBy, ConnectionState, EndReason, type PeerId } from "../../protocol/index.ts";
import type { ConnectionRecord, P2PConnection } from "../connection.ts";
import { send } from "../flow/flow-control.ts";
import type { Ending } from "../manager.ts";
import { type RoomState, linkToFar } from "../room-state.ts";
import { NOWHERE, encodeTrunk } from "./frames.ts";
import { say, sayOpen } from "./links.ts";
import { seekLater } from "./locating.ts";
import { unbind } from "./trunk.ts";

/** Ends of halves that are kept for a room that may not have heard of them. */
const MAX_FAREWELLS = 256;

/** The far end is asked, or asked again. */
export function askFar(room: RoomState, half: P2PConnection): void {
  const link = linkToFar(room, half);
  if (link) sayOpen(room, link, half as ConnectionRecord);
}

/** This half is Connected. */
export function connectFar(room: RoomState, half: P2PConnection): void {
  if (half.isFarConnected) return;
  const link = linkToFar(room, half);
  if (!link) return;
  (half as ConnectionRecord).isFarConnected = true;
  say(room, link, "connected", { mine: half.handle, yours: half.farHandle ?? 0 });
}

/** This half is over, or, with the flag, about to be. Nothing to say where the other half was the first. */
export function endFar(room: RoomState, half: P2PConnection, { reason, by, debug = "" }: Ending, flags = 0): void {
  const { trunk, handle: mine, farHandle: yours = 0, farPeer } = half;
  if (!trunk) return;
  const closedBy = by === undefined ? ClosedBy.Relay : by === farPeer ? ClosedBy.Local : ClosedBy.Peer;
  const frame = encodeTrunk("end", { mine, yours, reason, closedBy, debug }, flags);
  if (flags === 0) {
    unbind(half as ConnectionRecord);
    trunk.farewells.set(mine, frame);
    const [oldest] = trunk.farewells.keys();
    if (trunk.farewells.size > MAX_FAREWELLS && oldest !== undefined) trunk.farewells.delete(oldest);
  }
  const { link } = trunk;
  if (link) send(room, link, frame);
  else if (flags === 0) room.dial(trunk); // a trunk begins with how halves ended
  else {
    const dialed = room.dial(trunk);
    if (dialed) send(room, dialed, frame);
  }
}

/** The peer that was asked for elsewhere has come here: it is a connection of this room like any other. */
export function withdraw(room: RoomState, half: P2PConnection): void {
  endFar(room, half, { reason: EndReason.AppGeneric, by: half.fromPeerId });
  const record = half as ConnectionRecord;
  record.farPeer = record.farRoom = record.farHandle = undefined;
  room.store.updateConnection(record);
}

/** The peer has left: what it was asked, from here or elsewhere, and has not answered, is asked where it is next. */
export function giveBack(room: RoomState, peer: PeerId): void {
  for (const half of room.manager.getConnectionsForPeer(peer)) {
    if (half.state !== ConnectionState.Connecting || half.toPeerId !== peer || half.farPeer !== half.fromPeerId)
      continue;
    sayNotHere(room, half, EndReason.PeerLeft);
  }
  seekLater(room, peer);
}

/** What one who is banned here has, or has asked for, from elsewhere. Unanswered it ends as if nobody were here (rule C6). */
export function endBannedHalf(room: RoomState, half: P2PConnection): void {
  if (half.state !== ConnectionState.Connecting) {
    room.manager.closeConnection(half.connectionId, EndReason.PeerBanned);
  } else if (half.farPeer === half.fromPeerId) sayNotHere(room, half, EndReason.PeerBanned);
  else {
    withdraw(room, half);
    seekLater(room, half.toPeerId);
  }
}

/** Asked from elsewhere: the one who asks goes on looking. */
function sayNotHere(room: RoomState, half: P2PConnection, reason: number): void {
  const link = linkToFar(room, half);
  if (link) say(room, link, "gone", { yours: half.farHandle ?? 0, ...NOWHERE });
  endHere(room, half, reason);
}

/** Ends this half alone: the other is over, or has been told in another way. */
export function endHere(room: RoomState, half: P2PConnection, reason: number, by?: PeerId, debug?: string): void {
  unbind(half as ConnectionRecord);
  room.manager.closeConnection(half.connectionId, reason, { peer: by, debug });
}
