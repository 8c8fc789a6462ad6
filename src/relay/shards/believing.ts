/**
 * What one part believes another of a session that moves. All run the same program, but one that is broken must not get what it
 * was not given, nor have rows written here that could not be read again.
 */
import {
  ConnectionState,
  Path,
  type PeerId,
  decodeControl,
  frameEnd,
  handleOf,
  isConnectionType,
  parseConnectionId,
  parsePeerId,
} from "../../protocol/index.ts";
import type { RoomState } from "../room-state.ts";
import type { Session } from "../sessions/session.ts";
import type { TrunkValues } from "../trunk/frames.ts";
import type { Trunk } from "../trunk/trunk.ts";
import { isPart } from "./names.ts";

/** The longest that open (frames.ts) could ask for. */
const LONGEST_MS = 0xffff_ffff;

const PATHS: readonly number[] = Object.values(Path);
/** A closed connection does not move. */
const STATES: readonly number[] = [
  ConnectionState.Connecting,
  ConnectionState.Connected,
  ConnectionState.Disconnecting,
];

/** The other room was asked for it, or had been given it from here. */
export function isWanted({ sharding, sessions }: RoomState, trunk: Trunk, peer: PeerId, session: bigint): boolean {
  const claim = sharding.claims.get(peer);
  if (claim?.session === session && claim.asked.has(trunk.room)) return true;
  return sessions.get(peer)?.moving?.to === trunk.room;
}

/** The session that is here may be another room's by now: it was given away, or a crash has forgotten whether it was. */
export function mayBeGone(session: Session): boolean {
  return !session.link && (session.moving !== undefined || session.awaySince === undefined);
}

export function isClose(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decodeControl(view, 0)?.frame === "close" && frameEnd(view, 0) === bytes.length;
}

export function isSound(brought: TrunkValues<"bring">): boolean {
  const { peer, handle, from, to, connectionType, state, pendingBy, path, farRoom } = brought;
  const ends = [parsePeerId(from), parsePeerId(to)];
  const id = parseConnectionId(brought.id);
  if (id === undefined || handle === 0 || handleOf(id) !== handle) return false;
  if (from === to || ends.includes(undefined) || (peer !== from && peer !== to)) return false;
  const isEnding = state === ConnectionState.Disconnecting;
  if (pendingBy === from || pendingBy === to ? !isEnding : isEnding || pendingBy !== 0n) return false;
  return isConnectionType(connectionType) && STATES.includes(state) && PATHS.includes(path) && isPart(farRoom);
}

/** Of another room's clock, which may be a little ahead. 0 is none. */
export function past(at: bigint, now: number): number | undefined {
  return at === 0n ? undefined : Math.min(Number(at), now);
}

/** 0 is none. */
export function due(at: bigint, now: number): number | undefined {
  return at === 0n ? undefined : Math.min(Number(at), now + LONGEST_MS);
}
