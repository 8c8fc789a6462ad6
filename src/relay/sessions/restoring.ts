/** The room as it was before the object lost its memory: from the store, and from the sockets that stayed open. */
import { bytesThisMonth } from "../limits/entry.ts";
import type { ConnectionRecord } from "../connection.ts";
import { hostingConcerns } from "../hosting/hosting.ts";
import { Link } from "./link.ts";
import { bind, trunkTo } from "../trunk/trunk.ts";
import type { RelaySocket, SavedLink } from "../ports.ts";
import { type RoomState, arrive } from "../room-state.ts";
import { Session } from "./session.ts";
import { closeStalled, settleSessions } from "./sessions.ts";
import { TIMES, limitsFor } from "../settings.ts";

/** A socket that stayed open while the object was evicted, and what was saved beside it. */
export interface Survivor {
  readonly socket: RelaySocket;
  readonly saved: SavedLink;
}

/** After a crash other rooms have lost their trunks too, and may dial first. */
const REDIAL_MS = 2_000;

/** More than can have been given out between two flushes. */
const UNWRITTEN_HANDLES = 1 << 20;

/** `checkpoint`: the newest that a surviving socket carried. True when handles were skipped, as after a crash. */
export function restoreStored(
  room: RoomState,
  checkpoint: Float64Array | undefined,
  survivors: readonly Survivor[],
  now: number,
): boolean {
  const { store, manager, counters, sessions } = room;
  const byHandle = counters.restore(manager, store.loadCounters(), checkpoint);
  bytesThisMonth(room, now);
  for (const stored of store.loadConnections()) {
    const saved = byHandle.get(stored.handle);
    const isUncounted = manager.restoreConnection(
      stored,
      saved ?? { packets: 0, bytes: 0, lastActivity: stored.created },
    );
    const connection = manager.getConnection(stored.connectionId);
    if (!connection) continue;
    if (isUncounted) counters.families.opened(connection);
    rebind(room, connection as ConnectionRecord);
    if (saved && !saved.isFlushed) counters.connectionChanged(connection);
  }
  counters.families.settle(manager.connections());
  room.hosting.seat = store.loadSeat() ?? room.hosting.seat;
  room.hosting.isUnsettled = room.hosting.seat.holder !== undefined;
  for (const stored of store.loadSessions()) sessions.set(stored.peer, Session.restore(stored));
  const hasCrashed = survivors.length === 0 && (sessions.size > 0 || manager.getActiveConnectionCount() > 0);
  if (!hasCrashed) return false;
  manager.skipHandles(UNWRITTEN_HANDLES);
  for (const trunk of room.crossing.trunks.values()) {
    trunk.lostAt = now;
    trunk.retryAt = now + REDIAL_MS;
    room.wake(trunk.retryAt);
  }
  return true;
}

/** To the way that leads to its other half. */
function rebind({ crossing }: RoomState, half: ConnectionRecord): void {
  const { farPeer, farRoom, farHandle } = half;
  if (farPeer === undefined || farRoom === undefined) return;
  bind(half, trunkTo(crossing, farRoom), farPeer, farHandle);
  half.isMoved = half.fromMoves + half.toMoves > 0; // whether the other room had heard is not known any more
}

/** The links of all sockets that stayed open, in their order. */
export function restoreLinks(room: RoomState, survivors: readonly Survivor[], now: number): Link[] {
  const links = survivors.map(({ socket, saved }) => rejoin(room, socket, saved, now));
  for (const { session } of links) if (session) session.awayUntil = Infinity;
  settleSessions(room, now);
  survivors.forEach(({ saved }, index) => {
    // What waited for it is gone, and what it owes is not known any more: it begins anew, on a new socket (F4).
    const link = links[index];
    if (link?.isOpen && saved.state === "open" && saved.isHolding) closeStalled(room, link, now);
  });
  return links;
}

export function rejoin(room: RoomState, socket: RelaySocket, saved: SavedLink, now: number): Link {
  const link = Link.restore(socket, saved, limitsFor(room.settings, saved.admission.rateClass));
  if (link.state === "over") return link;
  room.links.add(link);
  if (saved.state === "open") reattach(room, link, saved);
  room.wake(Math.max(now, link.isOpen ? link.lastHeard + TIMES.ghostMs : link.since + TIMES.helloMs));
  return link;
}

/** The session that an open socket belongs to. */
function reattach(room: RoomState, link: Link, saved: SavedLink & { state: "open" }): void {
  const { sessions } = room;
  const known = sessions.get(link.peer);
  const isKnown = known?.id === saved.session;
  if (known?.link && !isKnown) return link.end(); // the peer has a newer session by now
  const session = isKnown ? known : new Session(link.peer, saved);
  session.takeOver(saved);
  session.admission = saved.admission;
  if (!session.link) arrive(room);
  session.link = link;
  link.session = session;
  sessions.set(link.peer, session);
  link.isFollowing = saved.isFollowing ?? false;
  if (saved.groups) room.groups.restore(link, saved.groups);
  hostingConcerns(room, session);
}
