/**
 * The two ends of a connection as the hot path finds them. A peer is a 64-bit id, and to compare or to hash one costs more
 * than all else that is done for a frame (bench/micro/room.ts); so a connection remembers the sessions of its ends.
 */
import type { ConnectionRecord, P2PConnection } from "./connection.ts";
import { type RoomState, linkToFar } from "./room-state.ts";
import type { Link } from "./sessions/link.ts";

/** Whether this socket's peer is an end of the connection. */
export function isEnd(connection: P2PConnection, { session, peer }: Link): boolean {
  const record = connection as ConnectionRecord;
  if (session === undefined) return false;
  if (record.fromSession === session || record.toSession === session) return true;
  if (record.fromPeerId === peer) record.fromSession = session;
  else if (record.toPeerId === peer) record.toSession = session;
  else return false;
  return true;
}

/** The socket of the other end, seen from a socket for which `isEnd` holds; undefined while that end has none. */
export function linkOfOtherEnd(room: RoomState, connection: P2PConnection, { session }: Link): Link | undefined {
  const record = connection as ConnectionRecord;
  const isFrom = record.fromSession === session;
  // A session that has a socket is the newest of its peer.
  const link = (isFrom ? record.toSession : record.fromSession)?.link;
  if (link) return link;
  if (record.farPeer !== undefined) return linkToFar(room, record); // the sender's end is here, so the other is not
  const found = room.sessions.get(isFrom ? record.toPeerId : record.fromPeerId);
  if (isFrom) record.toSession = found;
  else record.fromSession = found;
  return found?.link;
}
