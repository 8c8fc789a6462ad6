/** What a connection's opening, changes and end mean for the room: rows, counters, who is told, and who watches. */
import { ConnectionState, type PeerId } from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";
import { openedLine } from "./connection-log.ts";
import type { Ending, ManagerEvents } from "./manager.ts";
import { tellClosed, tellState } from "./negotiation.ts";
import type { Persistence } from "./persistence.ts";
import type { RoomState } from "./room-state.ts";
import { keepSession } from "./sessions/keeping.ts";
import { seekNoMore } from "./trunk/locating.ts";

/** Both are asked for at each event: the manager is made before the room that it is a part of. */
export function connectionEvents(room: () => RoomState, persistence: () => Persistence): ManagerEvents {
  return {
    opened: (connection) => opened(room(), persistence(), connection),
    stateChanged: (connection, previous) => stateChanged(room(), connection, previous),
    refusalChanged: (connection) => room().store.updateConnection(connection),
    closed: (connection, ending) => closed(room(), persistence(), connection, ending),
  };
}

function opened(room: RoomState, persistence: Persistence, connection: P2PConnection): void {
  const { counters, manager, log } = room;
  keepSessionOf(room, connection.fromPeerId);
  persistence.insert(connection);
  counters.opened(connection);
  counters.running.note({ connections: manager.getActiveConnectionCount() });
  log(openedLine(connection));
  for (const observer of room.observers) observer.opened?.(connection);
}

function stateChanged(room: RoomState, connection: P2PConnection, previous: ConnectionState): void {
  if (connection.state === ConnectionState.Connected) keepSessionOf(room, connection.toPeerId);
  room.store.updateConnection(connection);
  room.counters.connectionChanged(connection);
  seekNoMore(room, connection);
  tellState(room, connection, previous);
  for (const observer of room.observers) observer.stateChanged?.(connection, previous);
}

function closed(room: RoomState, persistence: Persistence, connection: P2PConnection, ending: Ending): void {
  persistence.delete(connection);
  room.counters.closed(connection);
  seekNoMore(room, connection);
  tellClosed(room, connection, ending);
  for (const observer of room.observers) observer.closed?.(connection, ending);
}

/** A peer that has a connection can come back to it. */
function keepSessionOf(room: RoomState, peer: PeerId): void {
  const session = room.sessions.get(peer);
  if (session && !session.isStored) keepSession(room, session);
}
