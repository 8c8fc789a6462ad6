/** [T1] to [T5] in a room: who is hinted, when, and who is not. */
import { describe, expect, test } from "vitest";
import { ackFrame, multicastFrame } from "../../../support/frames.ts";
import { ALICE, BOB, CAROL, DAVE, type Heard, TestRoom, type TestPeer, frames } from "../../../support/room.ts";

interface Beat {
  readonly peer: TestPeer;
  readonly handle: number;
  readonly phase: number;
}

/** Lets these send, each once a period, for so many ms. */
function beat(room: TestRoom, ms: number, beats: readonly Beat[], period = 25): void {
  for (const until = room.now + ms; room.now < until; room.advance(1)) {
    for (const { peer, handle, phase } of beats) {
      if ((room.now - phase) % period === 0) peer.send(frames.data(handle, "tick"));
    }
  }
}

const paces = (peer: TestPeer): Heard[] => peer.heard().filter(({ frame }) => frame === "pace");

function setup(paceIntervalMs = 2_000) {
  const room = new TestRoom({ settings: { paceIntervalMs, messagesPerSecond: 0 } });
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  const handle = room.pair(alice, bob);
  return { room, alice, bob, handle };
}

describe("[T3] [T4] two that tick at the same rate", () => {
  test("are each led two thirds of the way to the other", () => {
    const { room, alice, bob, handle } = setup();
    beat(room, 1_500, [
      { peer: alice, handle, phase: 0 },
      { peer: bob, handle, phase: 6 },
    ]);
    const [[later], [earlier]] = [paces(alice), paces(bob)];
    expect(later).toMatchObject({ frame: "pace", periodUs: 25_000 });
    expect(later?.["shiftUs"]).toBeGreaterThan(3_500);
    expect(later?.["shiftUs"]).toBeLessThan(4_500);
    expect(earlier?.["shiftUs"]).toBeLessThan(-3_500);
    expect(earlier?.["shiftUs"]).toBeGreaterThan(-4_500);
  });

  test("[T5] are hinted ever more rarely while they do not follow, and never once they are together", () => {
    const { room, alice, bob, handle } = setup();
    const apart = [
      { peer: alice, handle, phase: 0 },
      { peer: bob, handle, phase: 6 },
    ];
    beat(room, 3_500, apart);
    expect([paces(alice).length, paces(bob).length]).toEqual([2, 2]);
    beat(room, 56_500, apart);
    expect(paces(alice).length).toBeLessThanOrEqual(6);
    expect(paces(bob).length).toBeGreaterThan(3);
    const together = apart.map((one) => ({ ...one, phase: 0 }));
    beat(room, 30_000, together);
    expect(paces(alice).length).toBeLessThanOrEqual(1); // one, perhaps, on the way
    beat(room, 30_000, together);
    expect([paces(alice), paces(bob)]).toEqual([[], []]);
  });

  test("[T5] are not hinted with paceIntervalMs 0", () => {
    const { room, alice, bob, handle } = setup(0);
    beat(room, 5_000, [
      { peer: alice, handle, phase: 0 },
      { peer: bob, handle, phase: 6 },
    ]);
    expect([paces(alice), paces(bob)]).toEqual([[], []]);
  });

  test("[T5] who has nobody to meet any more is told once, and whoever was not led is not", () => {
    const { room, alice, bob, handle } = setup();
    beat(room, 1_500, [
      { peer: alice, handle, phase: 0 },
      { peer: bob, handle, phase: 6 },
    ]);
    paces(alice);
    beat(room, 20_000, [{ peer: alice, handle, phase: 0 }]);
    expect(paces(alice)).toEqual([{ frame: "pace", periodUs: 0, shiftUs: 0 }]);
    const carol = room.join(CAROL);
    beat(room, 20_000, [{ peer: carol, handle: room.pair(carol, alice), phase: 3 }]);
    expect(paces(carol)).toEqual([]);
  });
});

describe("who is not hinted", () => {
  test("[T5] who does not take in what it is sent, until it does", () => {
    const { room, alice, bob, handle } = setup();
    alice.isReading = false;
    for (let i = 0; i < 600 && !alice.link.backlog; i++) bob.send(frames.data(handle, new Uint8Array(2_000)));
    const both = [
      { peer: alice, handle, phase: 0 },
      { peer: bob, handle, phase: 6 },
    ];
    beat(room, 5_000, both);
    expect(alice.link.backlog).toBeDefined();
    expect(paces(alice)).toEqual([]);
    alice.isReading = true;
    alice.credit();
    beat(room, 100, both);
    expect(paces(alice).length).toBe(1);
  });

  test("[T2] who sends nothing but acks and probes, whatever the rhythm", () => {
    const { room, alice, bob, handle } = setup();
    const ack = { handle, lane: 0, cumulative: 0, selective: 0, window: 1 << 20 };
    for (let i = 0; i < 200; i++) {
      alice.send(frames.data(handle, "tick"));
      room.advance(7);
      bob.send(ackFrame(ack));
      room.advance(18);
    }
    expect(bob.link.cadence).toBeUndefined();
    expect([paces(alice), paces(bob)]).toEqual([[], []]);
  });

  test("[T4] who ticks at another rate", () => {
    const { room, alice, bob, handle } = setup();
    for (let i = 0; i < 8_000; i++, room.advance(1)) {
      if (i % 25 === 0) alice.send(frames.data(handle, "tick"));
      if (i % 33 === 0) bob.send(frames.data(handle, "tick"));
    }
    expect([paces(alice), paces(bob)]).toEqual([[], []]);
  });

  test("[T4] who shares the room and no connection", () => {
    const { room, alice, bob, handle } = setup();
    const [carol, dave] = [room.join(CAROL), room.join(DAVE)];
    const other = room.pair(carol, dave);
    beat(room, 5_000, [
      { peer: alice, handle, phase: 0 },
      { peer: bob, handle, phase: 0 },
      { peer: carol, handle: other, phase: 9 },
      { peer: dave, handle: other, phase: 9 },
    ]);
    expect([alice, bob, carol, dave].flatMap(paces)).toEqual([]);
  });
});

test("[T2] multicasts are ticks too", () => {
  const { room, alice, bob, handle } = setup();
  const payload = new Uint8Array(4);
  for (let i = 0; i < 1_500; i++, room.advance(1)) {
    if (i % 25 === 0) alice.send(multicastFrame({ targets: [{ handle, number: 1, sequence: 0 }], payload }));
    if (i % 25 === 6) bob.send(frames.data(handle, "tick"));
  }
  expect(paces(alice).length).toBe(1);
});

test("a session that resumes is measured anew", () => {
  const room = new TestRoom({ settings: { graceMs: 30_000 } });
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  const handle = room.pair(alice, bob);
  beat(room, 1_500, [
    { peer: alice, handle, phase: 0 },
    { peer: bob, handle, phase: 6 },
  ]);
  paces(alice);
  const back = room.resume(alice.drop());
  expect(back.link.cadence).toBeUndefined();
  beat(room, 500, [
    { peer: back, handle, phase: 0 },
    { peer: bob, handle, phase: 6 },
  ]);
  expect(paces(back)).toEqual([]);
  beat(room, 1_000, [
    { peer: back, handle, phase: 0 },
    { peer: bob, handle, phase: 6 },
  ]);
  expect(paces(back).length).toBe(1);
});
