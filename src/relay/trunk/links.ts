/** The sockets of trunks: dialed when there is something to say, accepted, and what is said on them first (rules X5, X6). */
import { ConnectionState, Path, PathFlag, type PeerId } from "../../protocol/index.ts";
import type { ConnectionRecord, P2PConnection } from "../connection.ts";
import { isHeld, send, tellPath } from "../flow/flow-control.ts";
import type { RelaySocket, TrunkSocket } from "../ports.ts";
import type { RoomState } from "../room-state.ts";
import { Link } from "../sessions/link.ts";
import { movesOf } from "../shards/moves.ts";
import { HalfFlag, OpenFlag, TRUNK_VERSION, type TrunkFrameName, type TrunkValues, encodeTrunk } from "./frames.ts";
import { type Trunk, type TrunkUse, isRetryDue } from "./trunk.ts";

/** On the wire: "this family has no port" and "no channel given". */
const NONE = -1;
/** No peer has this id. */
const NOBODY = 0n as PeerId;

/** Counts what leaves for another room apart from what leaves for peers. */
class CountedSocket implements RelaySocket {
  readonly #socket: TrunkSocket;
  readonly #room: RoomState;
  readonly #use: TrunkUse;

  constructor(socket: TrunkSocket, room: RoomState, use: TrunkUse) {
    this.#socket = socket;
    this.#room = room;
    this.#use = use;
  }

  send(bytes: Uint8Array): void {
    this.#use.sent++;
    this.#use.sentAt = this.#room.crossing.now;
    this.#room.counters.trunkSent(bytes.length);
    this.#socket.send(bytes);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  bufferedAmount(): number | undefined {
    return this.#socket.bufferedAmount();
  }

  lastKeepAlive(): number {
    return 0;
  }

  save(): void {
    // What must be known of a trunk after an eviction is in the rows of its halves.
  }
}

export function addLink(room: RoomState, trunk: Trunk, socket: TrunkSocket): Link {
  const { crossing } = room;
  const use: TrunkUse = { trunk, sent: 0, sentAt: crossing.now, restedAt: undefined, sentAtRest: 0, owesList: false };
  const link = new Link(new CountedSocket(socket, room, use), { peer: NOBODY, visible: false }, crossing.now);
  link.state = "open";
  link.use = use;
  link.inherited = socket.bufferedAmount() ?? 0;
  crossing.links.set(socket, link);
  return link;
}

/** Not while a broken one waits for its next attempt: what is said meanwhile is settled by the list that begins it. */
export function dial(room: RoomState, trunk: Trunk): Link | undefined {
  const { port, now } = room.crossing;
  const mustWait = trunk.retryAt !== Infinity && !isRetryDue(trunk, now);
  if (!port || mustWait) return undefined;
  trunk.retryAt = Infinity;
  if (trunk.halves.size === 0) trunk.lostAt = undefined; // of an earlier trunk: nothing has been without it since
  room.counters.trunkDialed();
  trunk.dialed = addLink(room, trunk, port.dial(trunk.room));
  sendList(room, trunk, trunk.dialed);
  return trunk.dialed;
}

export function say<N extends TrunkFrameName>(
  room: RoomState,
  link: Link,
  frame: N,
  values: TrunkValues<N>,
  flags = 0,
): void {
  send(room, link, encodeTrunk(frame, values, flags));
}

/** How halves ended, and all that are here, so that the other room can compare them with its own. */
export function sendList(room: RoomState, trunk: Trunk, link: Link): void {
  for (const farewell of trunk.farewells.values()) send(room, link, farewell);
  for (const took of trunk.taken.values()) send(room, link, took);
  say(room, link, "list", { version: TRUNK_VERSION });
  for (const half of trunk.halves) sayListed(room, link, half);
  say(room, link, "listed", {});
}

/** As in a list; or, with a flag of half, by itself. */
export function sayListed(room: RoomState, link: Link, half: ConnectionRecord, flags = 0): void {
  if (isAsking(half)) sayOpen(room, link, half, OpenFlag.Listed);
  else sayHalf(room, link, half, flags);
}

/** One of the halves has moved: the other is to say how it is. A trunk that is dialed for it begins with that. */
export function askHow(room: RoomState, trunk: Trunk, half: ConnectionRecord): void {
  half.isMoved = true;
  if (trunk.link) sayListed(room, trunk.link, half, HalfFlag.Asks);
  else room.dial(trunk);
}

/** Asked for from here, and not answered. */
export function isAsking({ state, farPeer, toPeerId }: P2PConnection): boolean {
  return state === ConnectionState.Connecting && farPeer === toPeerId;
}

export function sayOpen(room: RoomState, link: Link, half: ConnectionRecord, flags = 0): void {
  const { handle: mine, type: connectionType, fromPeerId: from, toPeerId: to, virtualPort, channel, deadline } = half;
  const { idleTimeoutMs } = room.settings;
  const timeoutMs = deadline === undefined ? idleTimeoutMs : Math.max(0, deadline - room.crossing.now);
  const isVisible = room.sessions.get(from)?.admission?.visible ?? false;
  const values = {
    mine,
    connectionType,
    from,
    to,
    virtualPort: virtualPort ?? NONE,
    channel: channel ?? NONE,
    timeoutMs,
  };
  say(room, link, "open", values, flags | (isVisible ? OpenFlag.Visible : 0));
}

function sayHalf(room: RoomState, link: Link, half: ConnectionRecord, flags: number): void {
  const { handle: mine, farHandle: yours = 0, farPeer, state, pendingReason: reason = 0, pendingBy } = half;
  const peer = nearPeer(half);
  const moves = movesOf(half, peer);
  const near = nearLink(room, half);
  const path = !near ? Path.Away : isHeld(near, half) ? Path.Held : Path.Open;
  const isByMe = Number(pendingBy !== undefined && pendingBy !== farPeer);
  say(room, link, "half", { mine, yours, state, path, reason, isByMe, peer, moves }, flags);
}

/** The end of a half that is in this room. */
export function nearPeer({ farPeer, fromPeerId, toPeerId }: P2PConnection): PeerId {
  return farPeer === fromPeerId ? toPeerId : fromPeerId;
}

/** The end here is a session that may be in another shard by now, and this half with it. */
export function isGivenAway(room: RoomState, half: P2PConnection): boolean {
  return room.sessions.get(nearPeer(half))?.moving !== undefined;
}

export function nearLink(room: RoomState, half: P2PConnection): Link | undefined {
  return room.sessions.get(nearPeer(half))?.link;
}

/** There is a way to the far end, and frames may have been lost before. */
export function tellOpen(room: RoomState, half: P2PConnection): void {
  const link = half.state === ConnectionState.Connecting ? undefined : nearLink(room, half);
  if (!link) return;
  if (half.farPath === Path.Away) return tellPath(room, link, half, Path.Away);
  tellPath(room, link, half, Path.Open, PathFlag.Lost);
  if (half.farPath === Path.Held) tellPath(room, link, half, Path.Held);
}
