import type { AppId, DropReason, PeerId, SessionId } from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";
import type { RoomCounters } from "./counters.ts";
import type { Bans } from "./limits/bans.ts";
import type { Groups } from "./groups/group.ts";
import type { Hosting } from "./hosting/hosting.ts";
import type { Link } from "./sessions/link.ts";
import type { P2PRelayManager } from "./manager.ts";
import type { RoomObserver } from "./observing.ts";
import type { Outbox } from "./flow/outbox.ts";
import type { Log, RoomStore } from "./ports.ts";
import type { Session } from "./sessions/session.ts";
import type { AppSettings } from "./settings.ts";
import type { Sharding } from "./shards/sharding.ts";
import type { Crossing, Trunk } from "./trunk/trunk.ts";

/** What the rules of one room work on. Room owns it; the modules beside it each hold one part of the rules. */
export interface RoomState {
  readonly app: AppId;
  /** Replaced whole when operators change them, so that looking one up stays a field read. */
  settings: AppSettings;
  readonly manager: P2PRelayManager;
  readonly counters: RoomCounters;
  readonly outbox: Outbox;
  readonly store: RoomStore;
  readonly log: Log;
  readonly observers: RoomObserver[];
  /** Who is kept out. */
  readonly bans: Bans;
  /** The session of each peer, those included that are away. */
  readonly sessions: Map<PeerId, Session>;
  /** How many of them have a socket. */
  present: number;
  /** Every socket that is not over, guests included. */
  readonly links: Set<Link>;
  /** Those that do not take in what they are sent (flow-control.ts). */
  readonly stalling: Set<Link>;
  /** Links whose socket a refusal closed in the middle of the rules; their sessions end when the turn does. */
  readonly failed: Link[];
  /** Sessions that are away and missed a close in this turn; written when it ends, once each. */
  readonly missing: Set<Session>;
  newSessionId(): SessionId;
  /** Bytes that nobody can guess. */
  newToken(): Uint8Array;
  readonly groups: Groups;
  readonly hosting: Hosting;
  /** What it knows of the division of the app's own room (shards/). */
  readonly sharding: Sharding;
  /** What leads to other rooms (trunk/). */
  readonly crossing: Crossing;
  /** A link to the other room; undefined where rooms cannot reach each other. */
  dial(trunk: Trunk): Link | undefined;
  /** Asks to be woken at `at` or before. */
  wake(at: number): void;
}

/** The socket of a connection's other end, seen from `peer`: perhaps a trunk. Undefined while that end has none. */
export function otherLink(room: RoomState, connection: P2PConnection, peer: PeerId): Link | undefined {
  if (connection.farPeer !== undefined && connection.farPeer !== peer) return linkToFar(room, connection);
  return room.sessions.get(connection.fromPeerId === peer ? connection.toPeerId : connection.fromPeerId)?.link;
}

/** A link to the room that holds the other half; undefined for a half that has none. */
export function linkToFar(room: RoomState, { trunk }: P2PConnection): Link | undefined {
  return trunk && (trunk.link ?? room.dial(trunk));
}

/** The peer whose frames a link carries, as far as this connection is concerned. */
export function peerOn(link: Link, { farPeer }: P2PConnection): PeerId {
  return link.use && farPeer !== undefined ? farPeer : link.peer;
}

/** A session has got its socket. */
export function arrive(room: RoomState): void {
  room.present++;
  if (room.sharding.hasGuests) room.sharding.isUnsettled = true; // it was not looked at as a guest
  room.counters.running.note({ peers: room.present });
}

export function drop(room: RoomState, reason: DropReason): void {
  room.counters.dropped(reason);
}

/** All copies of one frame. */
export function dropTimes(room: RoomState, reason: DropReason, copies: number): void {
  for (let i = 0; i < copies; i++) room.counters.dropped(reason);
}
