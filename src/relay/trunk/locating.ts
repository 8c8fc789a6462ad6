/** A peer that is not here may be in another room: the directory is asked, for as long as the connect waits (rule X1). */
import { ConnectionState, type PeerId } from "../../protocol/index.ts";
import { isOver } from "../alarm-clock.ts";
import type { ConnectionRecord, P2PConnection } from "../connection.ts";
import type { RoomState } from "../room-state.ts";
import type { Session } from "../sessions/session.ts";
import { sayOpen } from "./links.ts";
import { type Search, type Trunk, bind, trunkTo } from "./trunk.ts";

/** Alarms ring at whole seconds. A room may take one to tell who has come (directory/reporting.ts). */
const SECOND_MS = 1_000;
const MAX_DOUBLINGS = 6;
const LONGEST_MS = SECOND_MS * 2 ** MAX_DOUBLINGS;

/** A port of the runtime: which room each of them is in, "" for the app's own; undefined for none. */
export type Located = readonly (readonly [peer: PeerId, room: string | undefined])[];

export function seek(room: RoomState, peer: PeerId): void {
  const { crossing, sessions } = room;
  if (!mayBeElsewhere(room, peer) || sessions.has(peer)) return;
  const known = crossing.searches.get(peer);
  if (known && (known.isAsked || (known.askAt !== Infinity && !isAskDue(known, crossing.now)))) return;
  if (waitingFor(room, peer).length === 0) return;
  const search = { askAt: Infinity, isAsked: true, attempts: known?.attempts ?? 0 };
  crossing.searches.set(peer, search);
  lookFor(room, peer, search);
}

/** In the shard that its id names, without asking; where other rooms may have it too, the directory every other time. */
function lookFor(room: RoomState, peer: PeerId, { attempts }: Search): void {
  const { crossing, settings } = room;
  const shard = shardElsewhere(room, peer);
  const isKnown = shard !== undefined && (settings.crossRooms === 0 || attempts % 2 === 0);
  if (isKnown) located(room, [[peer, shard]]);
  else if (settings.crossRooms === 0) seekLater(room, peer);
  else crossing.wanted.add(peer);
}

/** Where it belongs, and that is another shard than this one. */
function shardElsewhere({ sharding }: RoomState, peer: PeerId): string | undefined {
  const home = sharding.homeOf(peer);
  return home === sharding.name ? undefined : home;
}

/** Those that the directory is to be asked for now; its answer, or its failure, is told to `located`. */
export function takeWanted(room: RoomState): PeerId[] {
  const { crossing } = room;
  if (crossing.wanted.size === 0) return [];
  const wanted = [...crossing.wanted];
  crossing.wanted.clear();
  const mayAsk = crossing.questions.takeOne(crossing.now) || crossing.isAskingDue;
  crossing.isAskingDue = false;
  if (mayAsk) return wanted;
  for (const peer of wanted) askLater(room, peer, 1, crossing.searches.get(peer)?.attempts ?? 0);
  return [];
}

export function located(room: RoomState, answer: Located): void {
  for (const [peer, name] of answer) {
    const waiting = waitingFor(room, peer);
    const isElsewhere = name !== undefined && name !== room.crossing.name && !room.sessions.has(peer);
    if (!isElsewhere || room.bans.holdsPeer(peer, room.crossing.now)) {
      seekLater(room, peer);
      continue;
    }
    const search = room.crossing.searches.get(peer);
    if (search) search.isAsked = false;
    if (waiting.length > 0) ask(room, waiting, trunkTo(room.crossing, name));
  }
}

function ask(room: RoomState, halves: readonly ConnectionRecord[], trunk: Trunk): void {
  // First, since a trunk begins with a list of what it has.
  const link = trunk.link ?? room.dial(trunk);
  for (const half of halves) {
    bind(half, trunk, half.toPeerId, undefined);
    room.store.updateConnection(half);
    if (link) sayOpen(room, link, half);
  }
}

/** Not found, or not there any more. */
export function seekLater(room: RoomState, peer: PeerId): void {
  const { searches } = room.crossing;
  const isWanted = mayBeElsewhere(room, peer) && !room.sessions.has(peer) && waitingFor(room, peer).length > 0;
  if (!isWanted) return void searches.delete(peer);
  const attempts = searches.get(peer)?.attempts ?? 0;
  // About 1, 2, 4, … s after the first time, and each of them as soon as that allows.
  askLater(room, peer, attempts === 0 ? 1 : 2 ** Math.min(attempts - 1, MAX_DOUBLINGS), attempts + 1);
}

function askLater({ crossing, wake }: RoomState, peer: PeerId, seconds: number, attempts: number): void {
  const askAt = (Math.floor(crossing.now / SECOND_MS) + seconds) * SECOND_MS;
  crossing.searches.set(peer, { askAt, isAsked: false, attempts });
  wake(askAt);
}

/** After an eviction or a crash: what was looked for is looked for now, and then as seldom as it would have been. */
export function seekOn(room: RoomState): void {
  const { manager, sessions, crossing } = room;
  if (!crossing.port) return;
  const since = new Map<PeerId, number>();
  for (const { state, toPeerId, farPeer, created } of manager.connections()) {
    const isAsked = state === ConnectionState.Connecting && farPeer === undefined && !sessions.has(toPeerId);
    if (isAsked && !since.has(toPeerId)) since.set(toPeerId, created);
  }
  for (const [peer, created] of since) {
    if (!mayBeElsewhere(room, peer) || waitingFor(room, peer).length === 0) continue;
    const seconds = Math.max(1, (crossing.now - created) / SECOND_MS);
    crossing.searches.set(peer, { askAt: crossing.now, isAsked: false, attempts: 1 + Math.ceil(Math.log2(seconds)) });
    room.wake(crossing.now);
  }
}

export function isAskDue({ askAt }: Search, now: number): boolean {
  return isOver(askAt, LONGEST_MS, now);
}

export function seekAgain(room: RoomState): void {
  const { crossing } = room;
  for (const [peer, search] of [...crossing.searches]) {
    if (!isAskDue(search, crossing.now)) continue;
    search.askAt = Infinity;
    search.isAsked = true;
    crossing.isAskingDue = true;
    lookFor(room, peer, search);
  }
}

/** A connection is not Connecting any more: perhaps nobody waits for its peer now. */
export function seekNoMore(room: RoomState, { toPeerId }: P2PConnection): void {
  const { searches, wanted } = room.crossing;
  if (searches.size === 0 || !searches.has(toPeerId) || waits(room, toPeerId)) return;
  searches.delete(toPeerId);
  wanted.delete(toPeerId);
}

function waits(room: RoomState, peer: PeerId): boolean {
  return room.manager.countUnansweredForPeer(peer) > 0;
}

/** Asked for by a peer here that may look further, and by nobody answered or looked for elsewhere. */
function waitingFor(room: RoomState, peer: PeerId): ConnectionRecord[] {
  return room.manager.getConnectionsForPeer(peer).filter(({ state, toPeerId, fromPeerId, trunk }) => {
    const isAsked = state === ConnectionState.Connecting && toPeerId === peer;
    return isAsked && !trunk && mayLookFurther(room.sessions.get(fromPeerId));
  }) as ConnectionRecord[];
}

/** Whoever could join the other room. After a crash that is not known before the peer is back. */
function mayLookFurther(session: Session | undefined): boolean {
  return session?.admission !== undefined && session.admission.isBound !== true;
}

function mayBeElsewhere(room: RoomState, peer: PeerId): boolean {
  const { crossing, settings } = room;
  return crossing.port !== undefined && (settings.crossRooms !== 0 || shardElsewhere(room, peer) !== undefined);
}
