/**
 * Identifiers. Each is a branded type whose only door is its parser here, so that a raw number or string
 * never travels further than the edge of the program.
 *
 * 64-bit ids are `bigint` in TypeScript, decimal strings in JSON and text, u64 on the wire, never a JS number:
 * Steam ids are larger than 2^53.
 */

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** 1 to 2^64 - 1. A Steam id fits. */
export type PeerId = Branded<bigint, "PeerId">;
/** 1 to 2^32 - 1, as a Steam AppId. */
export type AppId = Branded<number, "AppId">;
/** 1 to 64 characters of `A-Z a-z 0-9 . _ ~ -`, beginning with a letter or digit. */
export type RoomName = Branded<string, "RoomName">;
/** A connection's name for ever: creation second in the high 32 bits, handle in the low 32. `0n` is none. */
export type ConnectionId = Branded<bigint, "ConnectionId">;
/** The connection's name on the wire: 1 to 2^32 - 1, the same for both ends. */
export type Handle = Branded<number, "Handle">;
/** One peer's presence in a room, 1 to 2^64 - 1. */
export type SessionId = Branded<bigint, "SessionId">;

/** What is expected of each id, for messages that refuse one. */
export const ID_RULES = {
  peer: "a decimal integer from 1 to 18446744073709551615",
  app: "a decimal integer from 1 to 4294967295",
  room: "1 to 64 characters of A-Z a-z 0-9 . _ ~ - beginning with a letter or digit",
  connection: "a decimal integer from 1 to 18446744073709551615",
} as const;

const MAX_U64 = 0xffff_ffff_ffff_ffffn;
const MAX_U32 = 0xffff_ffff;
/** No sign, no leading zero: one text per number, so that two spellings can never be two peers. */
const CANONICAL_DECIMAL = /^[1-9][0-9]{0,19}$/;
const RATE_CLASS = /^[a-z0-9_-]{1,32}$/;
const ROOM_NAME = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$/;

function parseU64(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value >= 1n && value <= MAX_U64 ? value : undefined;
  if (typeof value !== "string" || !CANONICAL_DECIMAL.test(value)) return undefined;
  const number = BigInt(value);
  return number <= MAX_U64 ? number : undefined;
}

/** From a bigint or a canonical decimal string; never from a JS number, which cannot hold one. */
export function parsePeerId(value: unknown): PeerId | undefined {
  return parseU64(value) as PeerId | undefined;
}

/** From a bigint or a canonical decimal string. */
export function parseConnectionId(value: unknown): ConnectionId | undefined {
  return parseU64(value) as ConnectionId | undefined;
}

/** From a bigint or a canonical decimal string. */
export function parseSessionId(value: unknown): SessionId | undefined {
  return parseU64(value) as SessionId | undefined;
}

/** From a number or a canonical decimal string. */
export function parseAppId(value: unknown): AppId | undefined {
  const number = typeof value === "string" && CANONICAL_DECIMAL.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 1 || number > MAX_U32) return undefined;
  return number as AppId;
}

export function parseRoomName(value: unknown): RoomName | undefined {
  return typeof value === "string" && ROOM_NAME.test(value) ? (value as RoomName) : undefined;
}

export const RATE_CLASS_RULE = "1 to 32 characters of a-z 0-9 _ -";

/** The name of a set of limits: in a ticket, and among an app's settings. */
export function parseRateClass(value: unknown): string | undefined {
  return typeof value === "string" && RATE_CLASS.test(value) ? value : undefined;
}

/** "No connection": what the manager answers where an id is asked for and there is none. */
export const NO_CONNECTION = 0n as ConnectionId;

/** `handle` must not have been used before in the same second of the same room (the manager sees to it). */
export function makeConnectionId(createdMs: number, handle: Handle): ConnectionId {
  return ((BigInt(Math.floor(createdMs / 1000) >>> 0) << 32n) | BigInt(handle)) as ConnectionId;
}

export function handleOf(id: ConnectionId): Handle {
  return Number(id & 0xffff_ffffn) as Handle;
}
