/** What the shards of an app's own room are called, and the handles that each of them gives out. */
import type { PeerId, RoomName } from "../../protocol/index.ts";
import { MAX_SHARDS, everyShardOfPeer, shardOfPeer } from "./rendezvous.ts";

/** The app's own room, while it is one. */
export const OWN_ROOM = "";
/** No name that a client may give begins so. */
const SHARD_NAME = /^~(0|[1-9][0-9]?)$/;

export function shardName(shard: number): RoomName {
  return `~${shard}` as RoomName;
}

/** Undefined for any other room. */
export function parseShardName(text: unknown): RoomName | undefined {
  return typeof text === "string" && shardIndex(text) !== undefined ? (text as RoomName) : undefined;
}

function shardIndex(name: string): number | undefined {
  const index = Number(SHARD_NAME.exec(name)?.[1] ?? Number.NaN);
  return index < MAX_SHARDS ? index : undefined;
}

/** Whether peers of the app's own room may be in it: that room, or a shard of it. */
export function isPart(name: string): boolean {
  return name === OWN_ROOM || shardIndex(name) !== undefined;
}

/** The part of the app's own room that a peer belongs to. */
export function homeOf(peer: PeerId, shards: number): string {
  return shards === 1 ? OWN_ROOM : shardName(shardOfPeer(peer, shards));
}

/** All parts that the peer may have been in, as long as there were never more than `most`. */
export function everyHomeOf(peer: PeerId, most: number): string[] {
  return [OWN_ROOM, ...(most > 1 ? everyShardOfPeer(peer, most).map(shardName) : [])];
}

/** All parts that there ever were; the app's own room first. */
export function everyPart(most: number): (RoomName | undefined)[] {
  return [undefined, ...(most > 1 ? Array.from({ length: most }, (_, shard) => shardName(shard)) : [])];
}

/** The handles that a room gives out, `first` to `last`. */
export interface HandleRange {
  readonly first: number;
  readonly last: number;
}

export const ALL_HANDLES: HandleRange = { first: 1, last: 0xffff_ffff };

const HALF = 0x8000_0000;
const PER_SHARD = HALF / MAX_SHARDS;

/** The parts of one room share no handle, so a connection keeps its own when its peer moves (rule SH6). */
export function handlesOf(name: string): HandleRange {
  const index = shardIndex(name);
  if (name === OWN_ROOM) return { first: 1, last: HALF - 1 };
  if (index === undefined) return ALL_HANDLES;
  const first = HALF + index * PER_SHARD;
  return { first, last: first + PER_SHARD - 1 };
}
