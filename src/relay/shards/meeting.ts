/** Both ends of a connection that was two halves are in one room again. */
import { ConnectionState, Path, type PeerId } from "../../protocol/index.ts";
import type { ConnectionRecord } from "../connection.ts";
import type { RoomState } from "../room-state.ts";
import { disconnect } from "../trunk/hearing.ts";
import { unbind } from "../trunk/trunk.ts";
import type { Brought } from "./adopting.ts";

/** `connection` is the half that was here, or still is the whole. What the other half has come to holds, where that is more. */
export function meetHere(room: RoomState, connection: ConnectionRecord, brought: Brought): void {
  const { now } = room.crossing;
  unbind(connection);
  connection.farPeer = connection.farRoom = connection.farHandle = undefined;
  connection.fromSession = connection.toSession = undefined;
  connection.farPath = Path.Open;
  connection.isFarConnected = connection.isFarVisible = false;
  connection.fromMoves = Math.max(connection.fromMoves, brought.fromMoves);
  connection.toMoves = Math.max(connection.toMoves, brought.toMoves);
  room.store.updateConnection(connection);
  const { connectionId, state } = connection;
  if (brought.state === ConnectionState.Connected && state === ConnectionState.Connecting) {
    room.manager.updateConnectionState(connectionId, ConnectionState.Connected, { now });
  }
  if (brought.state === ConnectionState.Disconnecting && state === ConnectionState.Connected) {
    disconnect(room, connection, brought.pendingReason, brought.pendingBy as PeerId, "");
  }
}
