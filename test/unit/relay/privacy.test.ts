/**
 * Rule C6: to a stranger, peers that are absent, unknown, silent or refusing are the same: the same bytes at the same
 * times. Whatever Bob does short of accepting, what Alice is sent is compared byte by byte.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClosedBy, ConnectionState, EndReason, FrameType } from "../../../src/protocol/index.ts";
import { batch, walk } from "../../support/frames.ts";
import {
  ALICE,
  BOB,
  CAROL,
  START,
  type TestPeer,
  TestRoom,
  closeOf,
  errorOf,
  frames,
  stateOf,
} from "../../support/room.ts";

const { Connecting, Connected } = ConnectionState;
const { Local, Peer, Relay } = ClosedBy;

/** What Alice is sent in 30 s in which she asks Bob, and asks again, and tries everything else that she may. */
function whatAliceSees(bob: (room: TestRoom) => { at: number; does: () => void }[]): unknown[] {
  const room = new TestRoom();
  const alice = room.join(ALICE);
  room.join(CAROL);
  const script = [
    { at: 1_000, does: () => alice.send(frames.connect(BOB, { port: 1, request: 1 })) },
    { at: 1_000, does: () => alice.send(frames.connect(BOB, { type: 1, request: 2, timeoutMs: 4_000 })) },
    { at: 3_000, does: () => alice.send(frames.connect(BOB, { port: 1, request: 3 })) },
    { at: 3_500, does: () => alice.send(frames.data(1, "anybody there?"), frames.accept(1), frames.refuse(1)) },
    { at: 6_000, does: () => alice.send(frames.connect(BOB, { type: 1, request: 4 })) },
    { at: 12_000, does: () => alice.send(frames.connect(BOB, { port: 1, request: 5, timeoutMs: 5_000 })) },
    { at: 13_000, does: () => alice.send(frames.close(4), frames.connect(BOB, { port: 1, request: 6 })) },
    ...bob(room),
  ].toSorted((a, b) => a.at - b.at);
  for (const { at, does } of script) {
    room.advance(START + at - room.now);
    does();
  }
  room.advance(START + 30_000 - room.now);
  return alice.history.map(({ at, bytes }) => `${at - START} ms: ${[...bytes].join(" ")}`);
}

/** All that Bob has been asked and not answered. */
function refuseAll(bob: TestPeer, answer: (handle: number) => Uint8Array = frames.refuse): void {
  for (const { frame, handle } of bob.heard()) {
    if (frame === "incoming") bob.send(answer(handle as number));
  }
}

/** Bob is there from the start, and does this at these times. */
const here = (room: TestRoom, at: number, does: (bob: TestPeer) => void, again: number[] = []) => {
  let bob: TestPeer | undefined;
  return [
    { at: 0, does: () => void (bob = room.join(BOB)) },
    ...[at, ...again].map((when) => ({ at: when, does: () => bob && does(bob) })),
  ];
};

describe("[C6] a stranger is sent the same bytes at the same times", () => {
  const absent = whatAliceSees(() => []);

  test("as from a peer that is absent: 5003 when the timeout has passed", () => {
    const room = new TestRoom();
    const alice = room.join(ALICE);
    const handle = alice.connect(BOB);
    room.advance(9_999);
    expect(alice.heard()).toEqual([]);
    room.advance(1);
    expect(alice.batches()).toEqual([[closeOf(handle, EndReason.Timeout, Relay)]]);
    expect(absent.length).toBeGreaterThan(8);
  });

  const often = [1_500, 3_100, 4_000, 6_100, 8_000, 12_100, 13_100];

  const behaviours: [string, (room: TestRoom) => { at: number; does: () => void }[]][] = [
    ["present and silent", (room) => here(room, 0, () => {})],
    ["refusing at once, each time", (room) => here(room, 1_000, refuseAll, often)],
    ["refusing late", (room) => here(room, 9_500, refuseAll)],
    [
      "refusing with a close",
      (room) => here(room, 1_000, (bob) => refuseAll(bob, (handle) => frames.close(handle)), often),
    ],
    [
      "refusing with a graceful close, twice",
      (room) => here(room, 1_000, (bob) => refuseAll(bob, (handle) => frames.close(handle, { graceful: true })), often),
    ],
    ["a guest that never says hello", (room) => [{ at: 500, does: () => room.guest(BOB) }]],
    ["joining while asked", (room) => [{ at: 2_000, does: () => room.join(BOB) }]],
    ["leaving while asked", (room) => here(room, 2_000, (bob) => bob.bye())],
    ["losing its socket while asked", (room) => here(room, 2_000, (bob) => bob.drop())],
    ["refusing, then leaving", (room) => here(room, 2_000, (bob) => (refuseAll(bob), bob.bye()))],
    ["breaking the protocol while asked", (room) => here(room, 2_000, (bob) => room.receiveText(bob))],
    ["joining a second time while asked", (room) => here(room, 2_000, () => room.join(BOB))],
    ["refusing, then joining a second time", (room) => here(room, 2_000, (bob) => (refuseAll(bob), room.join(BOB)))],
    ["removed by an operator while asked", (room) => here(room, 2_000, () => room.kick(BOB))],
    ["accepting after having refused", (room) => here(room, 1_000, (bob) => refuseAll(bob, refuseAndAccept), [12_100])],
  ];

  test.each(behaviours)("as from a peer that is absent, from one that is %s", (_, behaviour) => {
    expect(whatAliceSees(behaviour)).toEqual(absent);
  });

  test("the tools of this test can tell: an acceptance shows", () => {
    expect(whatAliceSees((room) => here(room, 2_000, (bob) => refuseAll(bob, frames.accept)))).not.toEqual(absent);
  });

  test("after any life of Bob's: what is asked of him ends with what is asked of an unknown peer", () => {
    const deeds = ["join", "refuse", "close", "bye", "drop", "kick", "text", "ask", "ping"] as const;
    const deed = fc.record({ ms: fc.constantFrom(0, 1, 300, 999, 1_000, 2_500), deed: fc.constantFrom(...deeds) });
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 20 }), fc.constantFrom(100, 1_000, 5_000, 10_000), (life, timeoutMs) => {
        const room = new TestRoom();
        const [alice, carol] = [room.join(ALICE), room.join(CAROL)];
        let bob: TestPeer | undefined;
        const toBoth = () =>
          alice.send(frames.connect(BOB, { timeoutMs, request: 1 }), frames.connect(999n, { timeoutMs, request: 1 }));
        toBoth();
        for (const { ms, deed } of life) {
          room.advance(ms);
          alice.ping();
          carol.ping();
          if (deed === "join") bob = room.join(BOB);
          else if (deed === "ask") toBoth();
          else if (deed === "kick") room.kick(BOB);
          else if (!bob || bob.socket.closed || bob.isGone) continue;
          else if (deed === "refuse") refuseAll(bob);
          else if (deed === "close") refuseAll(bob, (handle) => frames.close(handle));
          else if (deed === "text") room.receiveText(bob);
          else if (deed === "bye") bob.bye();
          else if (deed === "drop") bob.drop();
          else bob.ping();
        }
        room.advance(20_000);
        const seen = new Map<boolean, string[]>([
          [true, []],
          [false, []],
        ]);
        for (const { at, bytes } of alice.history) {
          for (const { control } of walk(bytes)) {
            if (control?.frame !== "connecting" && control?.frame !== "close") continue;
            const { handle, connectionId: _, ...others } = { connectionId: 0n, ...control.values };
            const isBob = room.ends.get(handle)?.includes(BOB) ?? false;
            seen.get(isBob)?.push(`${at - START} ${control.frame} ${JSON.stringify(others)}`);
          }
        }
        expect(seen.get(true)!.length).toBeGreaterThanOrEqual(2);
        expect(seen.get(true)).toEqual(seen.get(false));
      }),
      { numRuns: 500 },
    );
  }, 60_000);
});

describe("[C6] a ticket with `visible`", () => {
  test("is told a refusal at once, with reason and text", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE, { visible: true }), room.join(BOB)];
    const handle = alice.connect(bob);
    bob.take();
    bob.send(frames.refuse(handle, 1007, "not now"));
    expect(alice.heard()).toEqual([closeOf(handle, 1007, Peer, "not now")]);
    expect(bob.heard()).toEqual([closeOf(handle, 1007, Local, "not now")]);
    expect(room.manager.getActiveConnectionCount()).toBe(0);
    bob.accept(handle);
    expect(bob.heard()).toEqual([errorOf("unknown_handle", FrameType.Accept, handle)]);
  });

  test("also when the refusal is a close", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE, { visible: true }), room.join(BOB)];
    const handle = alice.connect(bob);
    bob.send(frames.close(handle, { reason: 1500, debug: "later", graceful: true }));
    expect(alice.heard()).toEqual([closeOf(handle, 1500, Peer, "later")]);
  });

  test("the ticket of who refuses makes no difference", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB, { visible: true })];
    const handle = alice.connect(bob);
    bob.send(frames.refuse(handle));
    expect(alice.heard()).toEqual([]);
  });

  test("survives an eviction", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE, { visible: true }), room.join(BOB)];
    const handle = alice.connect(bob);
    room.evict();
    bob.send(frames.refuse(handle));
    expect(alice.heard()).toEqual([closeOf(handle, 1007, Peer, "no")]);
  });

  test("an absent peer still takes the timeout", () => {
    const room = new TestRoom();
    const alice = room.join(ALICE, { visible: true });
    const handle = alice.connect(BOB);
    room.advance(9_999);
    expect(alice.heard()).toEqual([]);
    room.advance(1);
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.Timeout, Relay)]);
  });
});

describe("[C6] who has refused", () => {
  test("hears no more of it: no close, no data, no state", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = alice.connect(bob);
    bob.send(frames.refuse(handle));
    bob.take();
    alice.send(frames.data(handle, "please"), frames.close(handle));
    expect(bob.heard()).toEqual([]);
  });

  test("may be asked again, also by way of a new session, and may accept then", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = alice.connect(bob);
    bob.send(frames.refuse(handle));
    const back = room.join(BOB);
    expect(back.heard()).toMatchObject([{ frame: "incoming", handle, peer: ALICE }]);
    back.accept(handle);
    expect(alice.heard()).toEqual([stateOf(handle, Connecting, Connected)]);
  });
});

function refuseAndAccept(handle: number): Uint8Array {
  return batch(frames.refuse(handle), frames.accept(handle));
}
