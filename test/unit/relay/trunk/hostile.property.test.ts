/** A room that lies, as one of a broken release would: whatever it says over its trunk, nobody here who leads nothing over it notices. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EndReason, encodeControl } from "../../../../src/protocol/index.ts";
import type { TrunkSocket } from "../../../../src/relay/ports.ts";
import {
  NOWHERE,
  TRUNK_VERSION,
  type TrunkFrameName,
  type TrunkValues,
  decodeTrunk,
  encodeTrunk,
} from "../../../../src/relay/trunk/frames.ts";
import { batch, dataFrame } from "../../../support/frames.ts";
import { ALICE, BOB, CAROL, DAVE, type TestPeer, closeOf, frames, peerId } from "../../../support/room.ts";
import { TestRooms } from "../../../support/rooms.ts";

/** Alice in x and Bob in y, connected; Carol and Dave too, both in x. What room y says is said by the test. */
function setup() {
  const rooms = new TestRooms(["x", "y"]);
  const [a, b] = [rooms.join("x", ALICE), rooms.join("y", BOB)];
  const [c, d] = [rooms.join("x", CAROL), rooms.join("x", DAVE)];
  const local = rooms.room("x").pair(c, d);
  const handle = a.connect(b);
  rooms.settle();
  b.accept(1);
  rooms.settle();
  for (const peer of [a, b, c, d]) peer.take();
  const wire = rooms.wires.find(({ room }) => room === rooms.room("x"))!;
  return { rooms, a, c, d, local, handle, lie: (bytes: Uint8Array) => hear(rooms, wire, bytes) };
}

function hear(rooms: TestRooms, wire: TrunkSocket, bytes: Uint8Array): void {
  const room = rooms.room("x");
  room.turn(() => room.room.receiveTrunk(wire, bytes.slice(), room.now));
}

const handle = fc.oneof(fc.nat(4), fc.nat(0xffff_ffff));
const u8 = fc.nat(255);
const u16 = fc.nat(65_535);
const peer = fc.oneof(fc.constantFrom(ALICE, BOB, CAROL, DAVE, 0n), fc.bigInt(0n, 2n ** 64n - 1n));
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const roomName = fc.constantFrom("", "x", "y", "~0", "~1", "no room!");
const token = fc.uint8Array({ maxLength: 20 });
const session = fc.oneof(fc.constant(0n), fc.constant(1n), u64);
const halves = { mine: handle, yours: handle };

const frame = <N extends TrunkFrameName>(
  name: N,
  values: { [F in keyof TrunkValues<N>]: fc.Arbitrary<TrunkValues<N>[F]> },
) => fc.tuple(fc.record(values), u8).map(([all, flags]) => encodeTrunk(name, all as TrunkValues<N>, flags));

const lie: fc.Arbitrary<Uint8Array> = fc.oneof(
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
  frame("bring", {
    peer,
    handle,
    id: u64,
    from: peer,
    to: peer,
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
    pendingBy: peer,
    isRefused: u8,
    fromMoves: u16,
    toMoves: u16,
    path: u8,
    farHandle: handle,
    farRoom: roomName,
  }),
  frame("yielded", { peer, session }),
  frame("took", { peer, session }),
  fc.tuple(handle, u8).map(([of, path]) => encodeControl("path", { handle: of, path }, path)),
  fc.nat(0xffff_ffff).map((mark) => encodeControl("credit", { mark })),
  fc.nat(0xffff_ffff).map((mark) => encodeControl("mark", { mark })),
  fc.tuple(handle, fc.uint8Array({ maxLength: 40 })).map(([of, payload]) => dataFrame({ handle: of, payload })),
  fc.uint8Array({ minLength: 1, maxLength: 60 }),
);

describe("a room that lies", () => {
  it("[X2] [X8] disturbs nobody whose connections do not lead there, and the room goes on", () => {
    fc.assert(
      fc.property(fc.array(fc.array(lie, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (messages) => {
        const { rooms, c, d, local, lie: say } = setup();
        for (const message of messages) say(batch(...message));
        const noise = (who: TestPeer) => who.heard().filter(({ handle: of }) => of === local);
        expect([...noise(c), ...noise(d)]).toEqual([]);
        c.send(frames.data(local, "still here"));
        expect(noise(d)).toMatchObject([{ frame: "data", payload: "still here" }]);
        rooms.settle();
        rooms.advance(5_000);
      }),
      { numRuns: 400 },
    );
  });

  it("reads what is no frame of rooms as none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 100 }), (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        view.setUint32(4, bytes.length - 8, true);
        decodeTrunk(view, 0);
      }),
      { numRuns: 5_000 },
    );
  });

  it("[X6] ends what it says it does not have, and nothing else", () => {
    const { a, c, d, local, handle: mine, lie: say } = setup();
    say(encodeTrunk("gone", { yours: local, ...NOWHERE }));
    expect([...c.heard(), ...d.heard(), ...a.heard()]).toEqual([]);
    say(encodeTrunk("gone", { yours: mine, ...NOWHERE }));
    expect(a.heard()).toEqual([closeOf(mine, EndReason.EndedWhileAway, 2)]);
  });

  it("[X7] and breaks off in the middle of each list is not dialed in a loop", () => {
    const { rooms } = setup();
    const y = rooms.room("y").room;
    const cutShort = batch(encodeTrunk("list", { version: TRUNK_VERSION }), Uint8Array.of(0x41));
    y.receiveTrunk = (socket) => {
      const end = rooms.ends.find((one) => one === socket)!;
      end.other.events.push({ kind: "message", bytes: cutShort });
    };
    rooms.cut();
    for (let i = 0; i < 4; i++) {
      for (const { peers } of rooms.rooms) for (const each of peers) each.ping();
      rooms.advance(9_000);
    }
    expect(rooms.dials).toBeLessThan(25);
  });

  it("[X8] cannot ask in the name of who is here, nor for who is not", () => {
    const { rooms, c, lie: say } = setup();
    const open = { mine: 900, connectionType: 2, virtualPort: 0, channel: -1, timeoutMs: 10_000 };
    say(encodeTrunk("open", { ...open, from: DAVE, to: CAROL }));
    say(encodeTrunk("open", { ...open, from: peerId(77), to: peerId(78) }));
    say(encodeTrunk("open", { ...open, from: CAROL, to: CAROL }));
    expect(c.heard()).toEqual([]);
    expect(rooms.room("x").manager.getActiveConnectionCount()).toBe(2);
  });
});
