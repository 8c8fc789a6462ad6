/** How often an end of a connection has moved: of two rooms that both have that end, the one with more moves is right. */
import type { PeerId } from "../../protocol/index.ts";
import type { ConnectionRecord, P2PConnection } from "../connection.ts";

export function movesOf({ fromPeerId, fromMoves, toMoves }: P2PConnection, peer: PeerId): number {
  return fromPeerId === peer ? fromMoves : toMoves;
}

export function setMoves(connection: ConnectionRecord, peer: PeerId, moves: number): void {
  if (connection.fromPeerId === peer) connection.fromMoves = moves;
  else connection.toMoves = moves;
}
