/** Peers as operators see them: those that have a session, with a socket or away. */
import type { PeerId } from "../protocol/index.ts";
import { firstOf } from "./operations/first-of.ts";
import type { RoomState } from "./room-state.ts";
import type { Session } from "./sessions/session.ts";

/** A peer as JSON: 64-bit ids are decimal strings, times are ms since 1970. */
export interface PeerView {
  readonly peer: string;
  /** `away`: its socket is gone, and its session waits for it to come back (rule R3). */
  readonly state: "present" | "away";
  /** When its socket was opened, or since when it is away. */
  readonly since: number;
  /** Of its last message or keep-alive; null where that is not known any more. */
  readonly lastHeard: number | null;
  readonly connections: number;
  readonly address: string | null;
  /** The limits that its ticket grants; null: the app's own. */
  readonly rateClass: string | null;
  /** Bytes that wait in the relay to be sent to it. */
  readonly queuedBytes: number;
  /** It does not take in what it is sent (rule F2). */
  readonly stalled: boolean;
}

export interface PeerPage {
  /** The last one of the page before. */
  readonly after?: PeerId | undefined;
  readonly limit: number;
}

export interface PeerList {
  readonly peers: PeerView[];
  /** There are more. */
  readonly next: PeerId | undefined;
  /** In the room. */
  readonly total: number;
}

/** In order of id. */
export function listPeers(room: RoomState, { after = 0n as PeerId, limit }: PeerPage): PeerList {
  const { sessions } = room;
  const found = firstOf(laterThan(sessions, after), limit + 1, (a, b) => (a.peer < b.peer ? -1 : 1));
  const shown = found.slice(0, limit);
  const next = found.length > limit ? shown.at(-1)?.peer : undefined;
  return { peers: shown.map((session) => viewPeer(room, session)), next, total: sessions.size };
}

function* laterThan(sessions: ReadonlyMap<PeerId, Session>, after: PeerId): Iterable<Session> {
  for (const session of sessions.values()) if (session.peer > after) yield session;
}

export function viewPeer({ manager, settings }: RoomState, session: Session): PeerView {
  const { peer, link, admission, awayUntil, awaySince } = session;
  return {
    peer: String(peer),
    state: link ? "present" : "away",
    since: link ? link.since : (awaySince ?? awayUntil - settings.graceMs),
    lastHeard: (link ?? session).lastHeard ?? null,
    connections: manager.countConnectionsForPeer(peer),
    address: admission?.address ?? null,
    rateClass: admission?.rateClass ?? null,
    queuedBytes: link ? link.pending.bytes + (link.backlog?.bytes ?? 0) : 0,
    stalled: link?.backlog !== undefined,
  };
}
