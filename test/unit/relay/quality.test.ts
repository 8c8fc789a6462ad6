/** [Q1] to [Q4] What the ends of a connection say of it, and what operators see of a connection. */
import { describe, expect, test } from "vitest";
import { FrameType } from "../../../src/protocol/index.ts";
import type { ConnectionDetail } from "../../../src/relay/connection-detail.ts";
import { TIMES } from "../../../src/relay/settings.ts";
import {
  ALICE,
  BOB,
  CAROL,
  START,
  type TestPeer,
  TestRoom,
  type TestRoomOptions,
  control,
  errorOf,
  frames,
} from "../../support/room.ts";

const UNKNOWN = 0xffff;

function report(handle: number, ping = 48, local = 9_876, remote = 10_000): Uint8Array {
  return control("quality", { handle, ping, local, remote });
}

function setup(options: TestRoomOptions = {}) {
  const room = new TestRoom(options);
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  const handle = room.pair(alice, bob);
  return { room, alice, bob, handle };
}

function detailOf({ room, manager }: TestRoom, handle: number): ConnectionDetail {
  const id = manager.getConnectionByHandle(handle)?.connectionId;
  const detail = id && room.connectionDetail(id);
  if (!detail) throw new Error(`there is no connection ${handle}`);
  return detail;
}

function qualities(room: TestRoom, handle: number): unknown[] {
  return detailOf(room, handle).ends.map(({ quality }) => quality);
}

/** Nobody has been told anything, and nothing was counted as wrong. */
function expectSilence(room: TestRoom, ...peers: readonly TestPeer[]): void {
  expect(peers.flatMap((peer) => peer.heard())).toEqual([]);
  const { refusals, drops } = room.statistics;
  expect([...Object.values(refusals), ...Object.values(drops)].filter((count) => count !== 0)).toEqual([]);
}

describe("[Q3] a report", () => {
  test("is kept for the end that made it, the newest only, and goes nowhere", () => {
    const { room, alice, bob, handle } = setup();
    expect(qualities(room, handle)).toEqual([null, null]);
    room.advance(1_000);
    alice.send(report(handle));
    const first = { at: START + 1_000, pingMs: 48, local: 0.9876, remote: 1 };
    expect(qualities(room, handle)).toEqual([first, null]);
    room.advance(1_000);
    bob.send(report(handle, 60, 5_000, 0));
    const second = { at: START + 2_000, pingMs: 60, local: 0.5, remote: 0 };
    expect(qualities(room, handle)).toEqual([first, second]);
    alice.send(report(handle, 0, 1, 2));
    expect(qualities(room, handle)).toEqual([{ at: START + 2_000, pingMs: 0, local: 0.0001, remote: 0.0002 }, second]);
    expectSilence(room, alice, bob);
  });

  test("is written over what was there: reporting without end takes no memory", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(report(handle));
    bob.send(report(handle));
    const kept = room.manager.getConnectionByHandle(handle)?.quality;
    const ends = { ...kept };
    alice.send(...Array.from({ length: 100 }, (_, ping) => report(handle, ping)));
    expect(room.manager.getConnectionByHandle(handle)?.quality).toBe(kept);
    expect([kept?.from === ends.from, kept?.to === ends.to]).toEqual([true, true]);
    expect(kept?.from?.ping).toBe(99);
  });

  test("is no data: no packet, no activity, no tick, no row", () => {
    const { room, alice, handle } = setup();
    const { lastActivity } = detailOf(room, handle);
    const writes = room.store.writes.length;
    for (let i = 0; i < 100; i++) {
      room.advance(25);
      alice.send(report(handle));
    }
    expect(detailOf(room, handle)).toMatchObject({ lastActivity, packetsRelayed: 0, bytesRelayed: 0 });
    expect(alice.link.cadence).toBeUndefined();
    expect(room.store.writes.slice(writes)).toEqual([]);
  });

  test("of a connection that is somebody else's, was never, is over or not yet connected is skipped unanswered", () => {
    const { room, alice, bob, handle } = setup();
    const carol = room.join(CAROL);
    const pending = carol.connect(BOB);
    bob.take();
    carol.send(report(handle), report(999), report(pending));
    bob.send(report(pending));
    expect([...qualities(room, handle), ...qualities(room, pending)]).toEqual([null, null, null, null]);
    alice.send(frames.close(handle));
    alice.take();
    bob.take();
    alice.send(report(handle), frames.data(handle, "said behind it"));
    expect(alice.heard()).toEqual([errorOf("unknown_handle", FrameType.Data, handle)]);
    expect(bob.heard()).toEqual([]);
  });

  test("is still taken while the connection is Disconnecting", () => {
    const { room, alice, handle } = setup();
    alice.send(frames.close(handle, { graceful: true }), report(handle));
    expect(qualities(room, handle)).toMatchObject([{ pingMs: 48 }, null]);
  });

  test("is charged as any message: too many end the session", () => {
    const { alice, handle } = setup({ settings: { messagesPerSecond: 10 } });
    for (let i = 0; i < 60 && !alice.socket.closed; i++) alice.send(report(handle));
    expect(alice.socket.closed).toEqual({ code: 4010, reason: "flooding" });
  });

  test("is forgotten with the memory, and learned again", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(report(handle));
    room.evict();
    expect(qualities(room, handle)).toEqual([null, null]);
    bob.send(report(handle, 60));
    expect(qualities(room, handle)).toMatchObject([null, { pingMs: 60 }]);
  });
});

describe("[Q4] its values", () => {
  test("0xffff is not known, and a quality above all of it is all of it", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(report(handle, UNKNOWN, UNKNOWN, UNKNOWN));
    bob.send(report(handle, UNKNOWN - 1, 10_001, UNKNOWN - 1));
    expect(qualities(room, handle)).toEqual([
      { at: START, pingMs: null, local: null, remote: null },
      { at: START, pingMs: 65_534, local: 1, remote: 1 },
    ]);
  });

  test("[P6] too few of them are malformed", () => {
    const { alice, handle } = setup();
    const short = report(handle).slice(0, -1);
    new DataView(short.buffer).setUint32(4, short.length - 8, true);
    alice.send(short);
    expect(alice.heard()[0]).toEqual(errorOf("malformed_frame", FrameType.Quality));
    expect(alice.socket.closed?.code).toBe(4001);
  });

  test("[S1] before hello it is refused as any other frame", () => {
    const guest = new TestRoom().guest(ALICE).send(report(1));
    expect(guest.heard()[0]).toEqual(errorOf("hello_expected", FrameType.Quality));
  });
});

describe("the states of a connection", () => {
  const [connecting, connected, disconnecting] = [
    { state: "Connecting", at: START },
    { state: "Connected", at: START + 1_000 },
    { state: "Disconnecting", at: START + 3_000 },
  ];

  test("come with their times, also after an eviction, and cost no write of their own", () => {
    const room = new TestRoom();
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    const handle = alice.connect(bob);
    const states: unknown[] = [detailOf(room, handle).states];
    room.advance(1_000);
    bob.accept(handle);
    states.push(detailOf(room, handle).states);
    room.advance(2_000);
    const { lastActivity } = detailOf(room, handle);
    alice.send(frames.close(handle, { graceful: true }));
    states.push(detailOf(room, handle).states);
    expect(states).toEqual([[connecting], [connecting, connected], [connecting, connected, disconnecting]]);
    expect(detailOf(room, handle).lastActivity).toBe(lastActivity);
    room.advance(1_000).evict();
    expect(detailOf(room, handle).states).toEqual([connecting, connected, disconnecting]);
    expect(room.store.writes.filter((method) => method.endsWith("Connection"))).toEqual([
      "insertConnection",
      "updateConnection",
      "updateConnection",
    ]);
  });

  test("that were not noted, as in a row of an older release, are left out", () => {
    const { room, handle } = setup();
    room.sql.run(`UPDATE connections SET connected_at = NULL`);
    room.evict();
    expect(detailOf(room, handle)).toMatchObject({ state: "Connected", states: [connecting] });
  });
});

describe("the ends of a connection", () => {
  test("who asked comes first; who is not here has nothing to show", () => {
    const room = new TestRoom();
    const alice = room.join(ALICE);
    const handle = alice.connect(BOB);
    expect(detailOf(room, handle).ends).toEqual([
      { peer: String(ALICE), presence: "present", lastHeard: START, queuedBytes: 0, quality: null },
      { peer: String(BOB), presence: "gone", lastHeard: null, queuedBytes: 0, quality: null },
    ]);
  });

  test("[H1] a keep-alive is a word, too", () => {
    const { room, alice, handle } = setup();
    room.advance(5_000);
    alice.ping();
    expect(detailOf(room, handle).ends[0].lastHeard).toBe(START + 5_000);
  });

  test("[R3] one whose socket is gone is away, and was heard when it was; its report stays", () => {
    const { room, alice, bob, handle } = setup({ settings: { graceMs: 60_000 } });
    room.advance(2_000);
    bob.send(report(handle));
    room.advance(3_000);
    bob.drop();
    expect(detailOf(room, handle).ends[1]).toMatchObject({
      presence: "away",
      lastHeard: START + 2_000,
      queuedBytes: 0,
      quality: { at: START + 2_000 },
    });
    alice.send(report(handle));
    expect(detailOf(room, handle).ends[0].quality).toMatchObject({ at: START + 5_000 });
    room.evict();
    expect(detailOf(room, handle).ends[1]).toMatchObject({ presence: "away", lastHeard: null, quality: null });
    room.resume(bob);
    expect(detailOf(room, handle).ends[1]).toMatchObject({ presence: "present", lastHeard: START + 5_000 });
  });

  test("[F2] what waits for a peer that takes nothing in is seen, and goes with it", () => {
    const { room, alice, bob, handle } = setup({
      settings: { graceMs: 60_000, messagesPerSecond: 0, bytesPerSecond: 0 },
    });
    bob.isReading = false;
    for (let i = 0; i < 600 && !bob.link.backlog; i++) alice.send(frames.data(handle, new Uint8Array(2_000)));
    alice.send(frames.data(handle, new Uint8Array(2_000)));
    expect(detailOf(room, handle).ends[1].queuedBytes).toBeGreaterThan(2_000);
    expect(detailOf(room, handle).ends[0].queuedBytes).toBe(0);
    room.advance(TIMES.stallMs + TIMES.promptMs);
    expect(detailOf(room, handle).ends[1]).toMatchObject({ presence: "away", queuedBytes: 0 });
  });

  test("an unknown connection has none", () => {
    const { room, handle } = setup();
    const id = room.manager.getConnectionByHandle(handle)!.connectionId;
    room.closeConnection(handle);
    expect(room.room.connectionDetail(id)).toBeUndefined();
  });
});
