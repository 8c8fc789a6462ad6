/**
 * A client comes to its new shard and asks for a session that is in the one before: the shard asks all that may have it, and
 * answers hello when one of them has yielded it, or none has it (rule SH4).
 */
import { CloseCode, type ControlValues, type PeerId, type SessionId } from "../../protocol/index.ts";
import type { RoomState } from "../room-state.ts";
import type { Link } from "../sessions/link.ts";
import type { Session } from "../sessions/session.ts";
import { resume } from "../sessions/resume.ts";
import { begin } from "../sessions/sessions.ts";
import { closeLink } from "../telling.ts";
import { say } from "../trunk/links.ts";
import { type Trunk, trunkTo } from "../trunk/trunk.ts";

/** Less than a guest has for its hello: then it is to come again. */
const CLAIM_MS = 8_000;
const REPEAT_MS = 1_000;
const NO_SESSION = 0n as SessionId;
const NO_TOKEN = new Uint8Array();

export interface Claim {
  readonly session: SessionId;
  readonly token: Uint8Array;
  /** Whose hello waits for it; undefined where the room itself wants back what it may have given away. */
  readonly link: Link | undefined;
  /** Rooms that have not answered. */
  readonly asked: Set<string>;
  /** ms */
  readonly until: number;
}

type Hello = Pick<ControlValues<"hello">, "session" | "token">;

/** True when the hello waits: it is answered later. `moving`: the session that is here, where it may have been given away. */
export function claimElsewhere(
  room: RoomState,
  link: Link,
  hello: Hello,
  moving: Session | undefined,
  now: number,
): boolean {
  const { sharding } = room;
  const { peer } = link;
  const rooms = moving?.moving ? [moving.moving.to] : sharding.formerHomesOf(peer, now);
  if (rooms.length === 0) return false;
  if (hello.session === NO_SESSION) {
    supersedeElsewhere(room, peer, rooms);
    return false;
  }
  const older = sharding.claims.get(peer)?.link;
  if (older?.state === "awaiting-hello") closeLink(room, older, CloseCode.Superseded, "said hello on another socket");
  const { token } = hello;
  claim(room, peer, { session: hello.session as SessionId, token, link, asked: new Set(rooms), until: now + CLAIM_MS });
  return true;
}

/** This hello waits for an answer already. */
export function isClaiming({ sharding }: RoomState, link: Link): boolean {
  return sharding.claims.size > 0 && sharding.claims.get(link.peer)?.link === link;
}

/** It was given away, and it is not known whether that has arrived. */
export function claimBack(room: RoomState, { peer, id, token, moving }: Session): void {
  if (!moving || room.sharding.claims.has(peer)) return;
  const until = room.crossing.now + CLAIM_MS;
  claim(room, peer, { session: id, token, link: undefined, asked: new Set([moving.to]), until });
}

function claim(room: RoomState, peer: PeerId, wanted: Claim): void {
  room.sharding.claims.set(peer, wanted);
  ask(room, peer, wanted);
  room.wake(room.crossing.now + REPEAT_MS);
}

function ask(room: RoomState, peer: PeerId, { session, token, asked }: Claim): void {
  for (const name of asked) {
    const trunk = trunkTo(room.crossing, name);
    const link = trunk.link ?? room.dial(trunk);
    if (link) say(room, link, "claim", { peer, session, token });
  }
}

/** A fresh session here ends any other (rule S4). Not waited for: its connections end as fast as the news travels. */
export function supersedeElsewhere(room: RoomState, peer: PeerId, rooms: readonly string[]): void {
  ask(room, peer, { session: NO_SESSION, token: NO_TOKEN, link: undefined, asked: new Set(rooms), until: 0 });
}

export function heardUnclaimed(room: RoomState, trunk: Trunk, peer: PeerId, session: bigint): void {
  const { claims } = room.sharding;
  const wanted = claims.get(peer);
  if (wanted?.session !== session || !wanted.asked.delete(trunk.room) || wanted.asked.size > 0) return;
  claims.delete(peer);
  const { link } = wanted;
  const own = room.sessions.get(peer);
  if (own?.moving?.to === trunk.room) own.moving = undefined; // it has never arrived there
  if (link?.state !== "awaiting-hello") return;
  const { now } = room.crossing;
  if (own?.id === session && own.accepts(wanted.token)) return resume(room, link, own, wanted.token, now);
  begin(room, link, now);
  supersedeElsewhere(room, peer, room.sharding.formerHomesOf(peer, now));
}

/** The session is here. Returns whose hello has waited for it. */
export function claimed({ sharding }: RoomState, { peer, id }: Session): Claim | undefined {
  const wanted = sharding.claims.get(peer);
  if (wanted?.session !== id) return undefined;
  sharding.claims.delete(peer);
  return wanted;
}

/** Asks again, as long as there is time: a trunk may have been lost with the question or the answer. */
export function sweepClaims(room: RoomState): void {
  const { sharding, crossing } = room;
  for (const [peer, wanted] of [...sharding.claims]) {
    const isOver = wanted.link?.state === "over";
    if (!isOver && crossing.now < wanted.until) {
      ask(room, peer, wanted);
      room.wake(crossing.now + REPEAT_MS);
      continue;
    }
    sharding.claims.delete(peer);
    if (isOver || !wanted.link) continue;
    // Not a fresh session: that would end what the other shard still keeps for it.
    closeLink(room, wanted.link, CloseCode.Restarting, "the former shard does not answer", REPEAT_MS);
  }
}

/** When that is due next. */
export function nextClaimTime({ sharding, crossing }: RoomState): number {
  return sharding.claims.size > 0 ? crossing.now + REPEAT_MS : Infinity;
}
