import type { ConnectionId, ConnectionState, ConnectionType, PeerId } from "../../protocol/index.ts";
import type { P2PConnection } from "../connection.ts";
import type { ConnectionDetail } from "../connection-detail.ts";
import { type ConnectionView, viewConnection } from "../connection-view.ts";
import type { Room } from "../room.ts";
import { firstOf } from "./first-of.ts";

/** What connections can be ordered by, each a number. */
export const CONNECTION_SORTS = ["created", "lastActivity", "packets", "bytes"] as const;
export type ConnectionSort = (typeof CONNECTION_SORTS)[number];

export interface ConnectionFilter {
  /** One of its ends. */
  readonly peer?: PeerId | undefined;
  readonly type?: ConnectionType | undefined;
  readonly state?: ConnectionState | undefined;
}

/** Where a connection stands in an order: what it is ordered by, and its handle where that is the same for several. */
export interface ConnectionPlace {
  readonly value: number;
  readonly handle: number;
}

export interface ConnectionQuery extends ConnectionFilter {
  readonly sort: ConnectionSort;
  readonly isDescending: boolean;
  /** The place of the last one of the page before. What has moved past it meanwhile is shown twice, or not at all. */
  readonly after?: ConnectionPlace | undefined;
  readonly limit: number;
}

export interface ConnectionPage {
  readonly connections: ConnectionView[];
  /** There are more, behind this place. */
  readonly next: ConnectionPlace | undefined;
  /** Of all pages. */
  readonly total: number;
}

const VALUES: Readonly<Record<ConnectionSort, (connection: P2PConnection) => number>> = {
  created: ({ created }) => created,
  lastActivity: ({ lastActivity }) => lastActivity,
  packets: ({ packetsRelayed }) => packetsRelayed,
  bytes: ({ bytesRelayed }) => bytesRelayed,
};

/** Only what is on the page becomes a view. */
export function connections({ manager }: Room, _now: number, query: ConnectionQuery): ConnectionPage {
  const { peer, sort, isDescending, after, limit } = query;
  const valueOf = VALUES[sort];
  const sign = isDescending ? -1 : 1;
  const compare = (a: P2PConnection, b: P2PConnection): number =>
    sign * (valueOf(a) - valueOf(b) || a.handle - b.handle);
  let total = 0;
  function* candidates(): Iterable<P2PConnection> {
    for (const open of peer === undefined ? manager.connections() : manager.connectionsOf(peer)) {
      if (!matches(open, query)) continue;
      total++;
      const distance = after ? valueOf(open) - after.value || open.handle - after.handle : sign;
      if (sign * distance > 0) yield open;
    }
  }
  const found = firstOf(candidates(), limit + 1, compare);
  const shown = found.slice(0, limit);
  const last = found.length > limit ? shown.at(-1) : undefined;
  return {
    connections: shown.map(viewConnection),
    next: last && { value: valueOf(last), handle: last.handle },
    total,
  };
}

function matches(connection: P2PConnection, { type, state }: ConnectionFilter): boolean {
  return (type === undefined || connection.type === type) && (state === undefined || connection.state === state);
}

export function connection(room: Room, _now: number, id: ConnectionId): ConnectionDetail | undefined {
  return room.connectionDetail(id);
}

export function connectionsOfPeer({ manager }: Room, _now: number, peer: PeerId): ConnectionView[] {
  return manager.getConnectionsForPeer(peer).map(viewConnection);
}

/** The other end; undefined when the connection is unknown, or `from` none of its ends. */
export function destination({ manager }: Room, _now: number, id: ConnectionId, from: PeerId): PeerId | undefined {
  return manager.getDestinationPeer(id, from);
}
