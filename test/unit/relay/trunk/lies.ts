/** Frames of rooms as a room would say them that lies: any of them, with any values, also such as are true. */
import * as fc from "fast-check";
import { encodeControl } from "../../../../src/protocol/index.ts";
import {
  TRUNK_VERSION,
  type TrunkFrameName,
  type TrunkValues,
  encodeTrunk,
} from "../../../../src/relay/trunk/frames.ts";
import { dataFrame } from "../../../support/frames.ts";

const handle = fc.oneof(fc.nat(4), fc.nat(0xffff_ffff));
const u8 = fc.nat(255);
const u16 = fc.nat(65_535);
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
export const token = fc.uint8Array({ maxLength: 20 });
const halves = { mine: handle, yours: handle };

export const frame = <N extends TrunkFrameName>(
  name: N,
  values: { [F in keyof TrunkValues<N>]: fc.Arbitrary<TrunkValues<N>[F]> },
) => fc.tuple(fc.record(values), u8).map(([all, flags]) => encodeTrunk(name, all as TrunkValues<N>, flags));

/** One connection of a session that is told. */
export function bring(ids: fc.Arbitrary<bigint>, rooms: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  return frame("bring", {
    peer: ids,
    handle,
    id: u64,
    from: ids,
    to: ids,
    connectionType: fc.oneof(fc.nat(3), u8),
    state: fc.oneof(fc.nat(4), u8),
    created: u64,
    connectedAt: u64,
    disconnectingAt: u64,
    lastActivity: u64,
    virtualPort: i32,
    channel: i32,
    deadline: u64,
    pendingReason: u16,
    pendingBy: ids,
    isRefused: u8,
    fromMoves: u16,
    toMoves: u16,
    path: u8,
    farHandle: handle,
    farRoom: rooms,
  });
}

/** Of these peers and rooms, among others. */
export function lies(
  known: readonly bigint[],
  names: readonly string[],
  session: fc.Arbitrary<bigint> = fc.oneof(fc.constant(0n), fc.constant(1n), u64),
): fc.Arbitrary<Uint8Array> {
  const peer = fc.oneof(fc.constantFrom(...known, 0n), u64);
  const roomName = fc.constantFrom(...names);
  return fc.oneof(
    frame("list", { version: fc.constantFrom(TRUNK_VERSION, TRUNK_VERSION, TRUNK_VERSION, TRUNK_VERSION + 1) }),
    frame("half", { ...halves, state: u8, path: u8, reason: u16, isByMe: u8, peer, moves: u16 }),
    frame("listed", {}),
    frame("open", {
      mine: handle,
      connectionType: fc.oneof(fc.nat(3), u8),
      from: peer,
      to: peer,
      virtualPort: i32,
      channel: i32,
      timeoutMs: fc.nat(0xffff_ffff),
    }),
    frame("connected", halves),
    frame("gone", { yours: handle, theirs: handle, moves: u16, room: roomName }),
    frame("end", { ...halves, reason: u16, closedBy: u8, debug: fc.string({ maxLength: 40 }) }),
    frame("rest", {}),
    frame("rested", {}),
    frame("claim", { peer, session, token }),
    frame("unclaimed", { peer, session }),
    frame("yield", { peer, session, token, previousToken: token }),
    frame("missed", { peer, close: fc.oneof(token, fc.constant(encodeControl("path", { handle: 1, path: 1 }))) }),
    bring(peer, roomName),
    frame("yielded", { peer, session }),
    frame("took", { peer, session, token }),
    fc.tuple(handle, u8).map(([of, path]) => encodeControl("path", { handle: of, path }, path)),
    fc.nat(0xffff_ffff).map((mark) => encodeControl("credit", { mark })),
    fc.nat(0xffff_ffff).map((mark) => encodeControl("mark", { mark })),
    fc.tuple(handle, fc.uint8Array({ maxLength: 40 })).map(([of, payload]) => dataFrame({ handle: of, payload })),
    fc.uint8Array({ minLength: 1, maxLength: 60 }),
  );
}
