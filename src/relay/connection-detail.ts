import {
  type ConnectionStateName,
  ConnectionState,
  Path,
  type PeerId,
  connectionStateName,
} from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";
import { type ConnectionView, viewConnection } from "./connection-view.ts";
import { type EndQuality, type QualityView, viewQuality } from "./quality.ts";
import type { RoomState } from "./room-state.ts";

export interface StateTime {
  readonly state: ConnectionStateName;
  /** ms since 1970 */
  readonly at: number;
}

/** One end of a connection. What waits for the peer, and when it was heard, is of all its connections together. */
export interface ConnectionEnd {
  readonly peer: string;
  /** `away`: its socket is gone, and its session may come back (rule R3). `gone`: it has no session here. */
  readonly presence: "present" | "away" | "gone";
  /** ms since 1970 of the last message or keep-alive; null where that is not known any more. */
  readonly lastHeard: number | null;
  /** Bytes that wait in the relay to be sent to it. */
  readonly queuedBytes: number;
  /** What it said last of the connection; null while it has said nothing since the room was loaded. */
  readonly quality: QualityView | null;
}

/** One connection with all that is known of it. */
export interface ConnectionDetail extends ConnectionView {
  /** In order. A state of which it was not noted when it began is left out. */
  readonly states: readonly StateTime[];
  /** Who asked for the connection, then the other. */
  readonly ends: readonly [ConnectionEnd, ConnectionEnd];
}

export function connectionDetail(room: RoomState, connection: P2PConnection): ConnectionDetail {
  const { fromPeerId, toPeerId, quality } = connection;
  return {
    ...viewConnection(connection),
    states: statesOf(connection),
    ends: [viewEnd(room, connection, fromPeerId, quality?.from), viewEnd(room, connection, toPeerId, quality?.to)],
  };
}

function statesOf({ created, connectedAt, disconnectingAt }: P2PConnection): StateTime[] {
  const times = [
    [ConnectionState.Connecting, created],
    [ConnectionState.Connected, connectedAt],
    [ConnectionState.Disconnecting, disconnectingAt],
  ] as const;
  return times.flatMap(([state, at]) => (at === undefined ? [] : [{ state: connectionStateName(state), at }]));
}

function viewEnd(
  { sessions }: RoomState,
  { farPeer, farPath }: P2PConnection,
  peer: PeerId,
  said: EndQuality | undefined,
): ConnectionEnd {
  if (peer === farPeer) {
    const presence = farPath === Path.Away ? "away" : "present";
    return { peer: String(peer), presence, lastHeard: null, queuedBytes: 0, quality: null };
  }
  const session = sessions.get(peer);
  const link = session?.link;
  return {
    peer: String(peer),
    presence: link ? "present" : session ? "away" : "gone",
    lastHeard: (link ?? session)?.lastHeard ?? null,
    queuedBytes: link ? link.pending.bytes + (link.backlog?.bytes ?? 0) : 0,
    quality: viewQuality(said),
  };
}
