/** What outlives the object's memory, and when it is written: store, flush, checkpoint, restore, alarms. */
import { describe, expect, test } from "vitest";
import {
  CloseCode,
  ClosedBy,
  ConnectionState,
  ConnectionType,
  DROP_REASONS,
  EndReason,
  FrameType,
} from "../../../src/protocol/index.ts";
import { RoomCounters } from "../../../src/relay/counters.ts";
import { P2PRelayManager } from "../../../src/relay/manager.ts";
import { TIMES } from "../../../src/relay/settings.ts";
import {
  ALICE,
  BOB,
  CAROL,
  DAVE,
  START,
  type TestPeer,
  TestRoom,
  closeOf,
  errorOf,
  frames,
  peerId,
} from "../../support/room.ts";

const { Connecting, Connected, Disconnecting } = ConnectionState;
const { Relay, Local, Peer } = ClosedBy;
const SECOND = 1_000;

function setup(options: ConstructorParameters<typeof TestRoom>[0] = {}) {
  const room = new TestRoom(options);
  const [alice, bob, carol] = [room.join(ALICE), room.join(BOB), room.join(CAROL)];
  return { room, alice, bob, carol };
}

/** Alice asked for Dave, and is gone with the crash. */
function orphan() {
  const { room, alice } = setup();
  const handle = alice.connect(DAVE, { port: 7 });
  room.crash();
  return { room, handle, dave: room.join(DAVE) };
}

/** All that a restart must not change. */
function everything(room: TestRoom) {
  // Without what only saves time.
  const spared = { dirtyMark: 0, fromSession: undefined, toSession: undefined };
  const connections = [...room.manager.connections()].map((connection) => ({ ...connection, ...spared }));
  return structuredClone({ statistics: room.statistics, connections, nextHandle: room.manager.nextHandle });
}

/** Lets time pass in which all of these stay alive. */
function pass(room: TestRoom, seconds: number, alive: readonly TestPeer[]): void {
  for (let i = 0; i < seconds; i++) {
    room.advance(SECOND);
    for (const peer of alive) peer.ping();
  }
}

describe("an eviction", () => {
  test("loses nothing: connections in each state, counters, drops, the next handle, sessions", () => {
    const { room, alice, bob, carol } = setup();
    const connected = room.pair(alice, bob);
    const leaving = room.pair(bob, carol);
    const over = room.pair(alice, carol, { port: 3 });
    alice.connect(carol, { type: ConnectionType.NetworkPb, channel: -2 });
    alice.connect(DAVE, { port: 999 });
    alice.send(frames.data(connected, "123"), frames.data(77, "lost"), frames.close(over));
    room.advance(3 * SECOND);
    bob.send(frames.data(connected, "12345"), frames.data(leaving, "1"));
    bob.send(frames.close(leaving, { graceful: true, reason: 1234 }));
    const before = everything(room);
    expect(before.connections.map(({ state }) => state)).toEqual([Connected, Disconnecting, Connecting, Connecting]);
    room.evict();
    const after = everything(room);
    expect(after).toEqual(before);
    expect([alice, bob, carol].map(({ id }) => room.room.isPresent(id))).toEqual([true, true, true]);
  });

  test("after a flush, after a checkpoint on top of it, and again and again", () => {
    const { room, alice, bob, carol } = setup();
    const [one, two] = [room.pair(alice, bob), room.pair(bob, carol)];
    for (let round = 0; round < 40; round++) {
      alice.send(frames.data(one, "x".repeat(round)), frames.data(99, "lost"));
      if (round % 3 === 0) carol.send(frames.data(two, "y"));
      if (round % 5 === 0) room.room.flush();
      if (round % 7 === 0) room.pair(alice, carol, { port: round });
      const before = everything(room);
      room.evict();
      expect(everything(room)).toEqual(before);
      pass(room, 1 + (round % 4), [alice, bob, carol]);
    }
  });

  test("the activity of a connection that was accepted since the last flush", () => {
    const { room, alice, bob } = setup();
    const handle = alice.connect(bob);
    room.room.flush();
    room.advance(5 * SECOND);
    bob.accept(handle);
    room.evict();
    expect(room.manager.getConnectionByHandle(handle)).toMatchObject({ state: Connected, lastActivity: room.now });
  });

  test("drops alone, which no connection shows: they reach the disk after it", () => {
    const { room, alice } = setup();
    alice.send(frames.data(77, "lost"));
    room.evict();
    expect(room.room.counters.isDirty).toBe(true);
    room.advance(10 * SECOND);
    room.crash();
    expect(room.statistics.drops.unknown_handle).toBe(1);
  });

  test("sessions go on: data, new connections and closes as if nothing had been", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    room.evict();
    alice.send(frames.data(handle, "still"));
    expect(bob.heard()).toMatchObject([{ payload: "still" }]);
    expect(alice.connect(bob, { port: 9 })).toBe(handle + 1);
    bob.take();
    room.evict();
    bob.send(frames.close(handle, { reason: 1001 }));
    expect(alice.heard()).toEqual([closeOf(handle, 1001, Peer)]);
    alice.hello();
    expect(alice.socket.closed?.code).toBe(CloseCode.ProtocolError);
  });

  test("deadlines go on: connect, graceful close, hello", () => {
    const { room, alice, bob } = setup();
    const leaving = room.pair(alice, bob);
    const asked = alice.connect(DAVE);
    const guest = room.guest(peerId(9));
    room.advance(2 * SECOND);
    alice.send(frames.close(leaving, { graceful: true, reason: 1234 }));
    alice.take();
    bob.take();
    room.evict();
    room.advance(4_999);
    expect(bob.heard()).toEqual([]);
    room.advance(1);
    expect(bob.heard()).toEqual([closeOf(leaving, 1234, Peer)]);
    room.evict();
    room.advance(3 * SECOND);
    expect(alice.heard()).toEqual([closeOf(leaving, 1234, Local), closeOf(asked, EndReason.Timeout, Relay)]);
    expect(guest.socket.closed?.code).toBe(CloseCode.HelloTimeout);
  });

  test("a guest that waited through it may say hello", () => {
    const { room } = setup();
    const dave = room.guest(DAVE);
    room.evict();
    dave.hello();
    expect(dave.heard()).toMatchObject([{ frame: "welcome" }]);
  });

  test("the idle timeout goes on from the last packet, not from the wake", () => {
    const { room, alice, bob } = setup({ settings: { idleTimeoutMs: 60_000 } });
    const handle = room.pair(alice, bob);
    pass(room, 30, [alice, bob]);
    alice.send(frames.data(handle, "x"));
    bob.take();
    for (let i = 0; i < 6; i++) {
      pass(room, 9, [alice, bob]);
      room.evict();
    }
    expect(alice.heard()).toEqual([]);
    pass(room, 16, [alice, bob]);
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.IdleTimeout, Relay)]);
  });

  test("a connection that is closed between two evictions stays closed, whatever old checkpoints say", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    alice.send(frames.data(handle, "x"));
    bob.send(frames.close(handle));
    alice.take();
    room.evict();
    alice.send(frames.data(handle, "y"));
    expect(alice.heard()).toEqual([errorOf("unknown_handle", FrameType.Data, handle)]);
    expect(room.statistics).toMatchObject({ activeConnections: 0, totalPackets: 1, totalBytes: 1 });
  });
});

describe("checkpoints", () => {
  test("one that was taken before the last flush is ignored, and nothing is dirty then", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    alice.send(frames.data(handle, "1"));
    const stale = structuredClone(alice.socket.checkpoint);
    bob.send(frames.data(handle, "22"));
    room.advance(10 * SECOND); // flushed
    const before = everything(room);
    for (const peer of [alice, bob]) peer.socket.checkpoint = stale;
    room.evict();
    expect(everything(room)).toEqual(before);
    expect(room.room.counters.isDirty).toBe(false);
  });

  test("an idle room that wakes with an old checkpoint writes nothing", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    alice.send(frames.data(handle, "1"));
    room.advance(10 * SECOND);
    const writes = room.store.writes.length;
    for (let i = 0; i < 12; i++) {
      pass(room, 10, [alice, bob]);
      room.evict();
    }
    expect(room.store.writes.slice(writes)).toEqual([]);
    expect(alice.isIn && bob.isIn).toBe(true);
  });

  test("only what a checkpoint had in advance of the disk is dirty again", () => {
    const { room, alice, bob, carol } = setup();
    const [quiet, busy] = [room.pair(alice, bob), room.pair(alice, carol)];
    alice.send(frames.data(quiet, "x"));
    room.advance(10 * SECOND);
    const full = room.room.counters.checkpointLength;
    alice.send(frames.data(busy, "y"));
    const { checkpointLength } = room.room.counters;
    expect(checkpointLength).toBe(full + 4);
    room.evict();
    expect(room.room.counters.isDirty).toBe(true);
    expect(room.room.counters.checkpointLength).toBe(checkpointLength);
  });

  test("one without a flush below it counts in a room that was never flushed", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    alice.send(frames.data(handle, "1"));
    expect(room.store.loadCounters()).toBeUndefined();
    room.evict();
    expect(room.statistics).toMatchObject({ totalPackets: 1, totalBytes: 1 });
  });

  test("one of another layout, or empty, is ignored", () => {
    for (const counters of [new Float64Array(), new Float64Array([5, 1, 500, 500, 500, 4, 0, 0, 0, 0])]) {
      const { room, alice, bob } = setup();
      const handle = room.pair(alice, bob);
      alice.send(frames.data(handle, "1"));
      room.room.flush();
      const before = everything(room);
      for (const { socket } of room.peers) socket.checkpoint = { at: 1_000, counters };
      room.evict();
      expect(everything(room)).toEqual(before);
    }
  });

  test("hold each connection that changed once, however busy", () => {
    const { room, alice, bob, carol } = setup();
    const [one, two] = [room.pair(alice, bob), room.pair(bob, carol)];
    room.room.flush();
    const { counters } = room.room;
    const empty = counters.checkpointLength;
    for (let i = 0; i < 100; i++) alice.send(frames.data(one, "x"));
    expect(counters.checkpointLength).toBe(empty + 4);
    for (let i = 0; i < 100; i++) bob.send(frames.data(two, "x"), frames.data(one, "x"));
    expect(counters.checkpointLength).toBe(empty + 8);
    expect(counters.checkpoint(room.manager)).toHaveLength(empty + 8);
    room.room.flush();
    expect(counters.checkpointLength).toBe(empty);
  });
});

function emptyManager(): P2PRelayManager {
  return new P2PRelayManager({ idleTimeoutMs: 1_000, log: () => {} });
}

describe("the packed row", () => {
  test.each([
    ["empty", new Float64Array(), "the row is empty"],
    ["of a later layout", new Float64Array([5, 0, 0]), "of layout 5, this release knows layouts 1 to 4"],
    ["rubbish", new Float64Array([Number.NaN]), "of layout NaN"],
  ])("one that is %s is refused, not misread", (_, row, message) => {
    expect(() => new RoomCounters().restore(emptyManager(), row, undefined)).toThrow(message);
  });

  test("of a release with fewer drop reasons: the new ones begin at 0", () => {
    const counters = new RoomCounters();
    const to = emptyManager();
    const restored = counters.restore(
      to,
      new Float64Array([1, 5, 100, 1_000, 42, 2, 7, 8, 3, 10, 99, START]),
      undefined,
    );
    const [first, second, ...others] = DROP_REASONS;
    expect(counters.drops()).toEqual({
      [first]: 7,
      [second]: 8,
      ...Object.fromEntries(others.map((reason) => [reason, 0])),
    });
    expect(to.getStatistics()).toEqual({ totalPackets: 100, totalBytes: 1_000 });
    expect(to.nextHandle).toBe(42);
    expect([...restored]).toEqual([[3, { packets: 10, bytes: 99, lastActivity: START, isFlushed: true }]]);
  });

  test("of a release with more drop reasons: what this one knows is read", () => {
    const counters = new RoomCounters();
    const drops = [...DROP_REASONS.map((_, index) => index + 1), 1_000, 2_000];
    const row = new Float64Array([1, 5, 0, 0, 1, drops.length, ...drops, 3, 10, 99, START]);
    const restored = counters.restore(emptyManager(), row, undefined);
    expect(Object.values(counters.drops())).toEqual(DROP_REASONS.map((_, index) => index + 1));
    expect(restored.size).toBe(1);
  });

  test("counters beyond 2^32 are exact", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    const record = room.manager.getConnectionByHandle(handle)!;
    for (let i = 0; i < 5; i++) room.manager.recordPacket(record, 2 ** 40, START);
    room.room.flush();
    const copy = emptyManager();
    const byHandle = new RoomCounters().restore(copy, room.store.loadCounters(), undefined);
    expect(copy.getStatistics()).toEqual({ totalPackets: 5, totalBytes: 5 * 2 ** 40 });
    expect(byHandle.get(handle)).toMatchObject({ packets: 5, bytes: 5 * 2 ** 40 });
  });
});

describe("a crash: only the store is left", () => {
  test("connections exist, counters are those of the last flush, and nobody is there", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    alice.send(frames.data(handle, "12345"));
    room.advance(10 * SECOND); // flushed
    alice.send(frames.data(handle, "lost with the crash"));
    room.crash();
    expect(room.statistics).toMatchObject({ activeConnections: 1, totalPackets: 1, totalBytes: 5, peers: 0 });
    expect(room.manager.getConnectionByHandle(handle)).toMatchObject({
      state: Connected,
      fromPeerId: ALICE,
      toPeerId: BOB,
      packetsRelayed: 1,
      bytesRelayed: 5,
    });
  });

  test("before the first flush: connections exist with counters at 0", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    alice.send(frames.data(handle, "12345"));
    room.crash();
    expect(room.manager.getConnectionByHandle(handle)).toMatchObject({ packetsRelayed: 0, lastActivity: START });
    expect(room.statistics).toMatchObject({ activeConnections: 1, totalPackets: 0 });
  });

  test("orphans end by the idle timeout, and then the room has no alarm", () => {
    const { room, alice, bob } = setup({ settings: { idleTimeoutMs: 60_000 } });
    room.pair(alice, bob);
    room.advance(5 * SECOND);
    room.crash();
    expect(room.room.alarmAt).toBe(START + 60_000);
    room.advance(54_999);
    expect(room.statistics.activeConnections).toBe(1);
    room.advance(1);
    expect(room.statistics.activeConnections).toBe(0);
    expect(room.logged("connection_closed")).toMatchObject([{ reason: EndReason.IdleTimeout }]);
    expect(room.scheduled).toBe(Infinity);
  });

  test("deadlines of orphans are kept", () => {
    const { room, alice, bob } = setup();
    alice.connect(DAVE);
    const leaving = room.pair(alice, bob);
    alice.send(frames.close(leaving, { graceful: true, reason: 1234 }));
    room.crash();
    room.advance(10 * SECOND);
    expect(room.logged("connection_closed").map(({ reason }) => reason)).toEqual([1234, EndReason.Timeout]);
  });

  test("a fresh session of a peer ends its leftovers; others of the room stay", () => {
    const { room, alice, bob, carol } = setup();
    const ab = room.pair(alice, bob);
    const bc = room.pair(bob, carol);
    room.crash();
    const backCarol = room.join(CAROL); // ends bc, which was hers too
    const backAlice = room.join(ALICE);
    expect(room.statistics.activeConnections).toBe(0);
    expect([...backCarol.heard(), ...backAlice.heard()]).toEqual([]);
    expect(
      room
        .logged("connection_closed")
        .map(({ connection, reason }) => [Number(BigInt(String(connection)) & 0xffff_ffffn), reason]),
    ).toEqual([
      [bc, EndReason.PeerSuperseded],
      [ab, EndReason.PeerSuperseded],
    ]);
    room.pair(backAlice, backCarol);
  });

  describe("[C3] what somebody had asked of a peer", () => {
    test("is not offered while the one who asked is gone, nor can it be accepted; it ends by its timeout", () => {
      const { room, handle, dave } = orphan();
      expect(dave.heard()).toEqual([]);
      dave.accept(handle);
      expect(dave.heard()).toEqual([errorOf("illegal_state", FrameType.Accept, handle)]);
      expect(room.manager.getConnectionByHandle(handle)?.state).toBe(Connecting);
      room.advance(10 * SECOND);
      expect(room.logged("connection_closed")).toMatchObject([{ reason: EndReason.Timeout }]);
    });

    test("cannot be closed by who was asked, either: nobody is there to hear it", () => {
      const { room, handle, dave } = orphan();
      dave.send(frames.close(handle));
      expect(dave.heard()).toEqual([]);
      expect(room.logged("internal_error")).toEqual([]);
      room.advance(10 * SECOND);
      expect(room.logged("connection_closed")).toMatchObject([{ reason: EndReason.Timeout }]);
    });

    test("ends when that one comes back, who may ask again", () => {
      const { room, handle, dave } = orphan();
      const alice = room.join(ALICE);
      expect(room.statistics.activeConnections).toBe(0);
      dave.take();
      const next = alice.connect(dave, { port: 7 });
      expect(next).toBeGreaterThan(handle);
      expect(dave.heard()).toMatchObject([{ frame: "incoming", handle: next, peer: ALICE }]);
    });

    test("makes room when the peer itself asks: no accept of nobody's request", () => {
      const { room, handle, dave } = orphan();
      const next = dave.connect(ALICE, { port: 7 });
      expect(next).toBeGreaterThan(handle);
      expect(room.manager.getConnectionByHandle(handle)).toBeUndefined();
      const alice = room.join(ALICE);
      expect(alice.heard()).toMatchObject([{ frame: "incoming", handle: next, peer: DAVE }]);
      alice.accept(next);
      expect(room.manager.getConnectionByHandle(next)?.state).toBe(Connected);
    });
  });

  test("[C7] a refusal that the initiator may not hear of, however often the room sleeps; one row", () => {
    const { room, alice, bob } = setup();
    const handle = alice.connect(bob);
    bob.take();
    room.store.writes.length = 0;
    bob.send(frames.refuse(handle), frames.close(handle), frames.close(handle));
    expect(room.store.writes).toEqual(["updateConnection"]);
    room.evict();
    room.evict();
    bob.accept(handle);
    expect(bob.heard()).toEqual([errorOf("illegal_state", FrameType.Accept, handle)]);
    alice.take();
    room.advance(10 * SECOND);
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.Timeout, Relay)]);
    expect(bob.heard()).toEqual([]);
  });

  test("[C8] who began to disconnect: both are told so after the room has slept", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    bob.send(frames.close(handle, { graceful: true, reason: 1234 }));
    for (const peer of [alice, bob]) peer.take();
    room.evict();
    room.advance(5 * SECOND);
    expect(alice.heard()).toEqual([closeOf(handle, 1234, ClosedBy.Peer)]);
    expect(bob.heard()).toEqual([closeOf(handle, 1234, ClosedBy.Local)]);
  });

  test("the next handle is past those on disk", () => {
    const { room, alice } = setup();
    const last = [1, 2, 3].map((port) => alice.connect(DAVE, { port })).at(-1)!;
    room.crash();
    expect(room.join(CAROL).connect(BOB)).toBeGreaterThan(last);
  });

  test("the next handle is past those that were never written down, which clients that come back may still know", () => {
    const room = new TestRoom({ settings: { graceMs: 30_000 } });
    const [alice, bob, carol] = [room.join(ALICE), room.join(BOB), room.join(CAROL)];
    room.pair(alice, carol);
    const over = room.pair(alice, bob);
    const { connectionId } = room.manager.getConnectionByHandle(over)!;
    bob.send(frames.close(over)); // its row is deleted, and the count of handles is not flushed yet
    room.crash();
    const next = room.pair(room.join(DAVE), room.join(BOB));
    expect(next).toBeGreaterThan(over);
    expect(room.manager.getConnectionByHandle(next)?.connectionId).not.toBe(connectionId);
  });

  test("the next handle is past those that are over, also when nothing was ever relayed", () => {
    const { room, alice } = setup();
    const handle = alice.connect(DAVE);
    pass(room, 30, [alice]);
    expect(room.statistics.activeConnections).toBe(0);
    room.crash();
    expect(room.join(ALICE).connect(DAVE)).toBe(handle + 1);
  });

  test("in the middle of everything, at any moment: memory and disk agree (a promise of every event)", () => {
    const { room, alice, bob, carol } = setup();
    const steps = [
      () => room.pair(room.join(ALICE), room.join(BOB)),
      () => room.join(ALICE).connect(CAROL),
      () => room.kick(BOB),
      () => room.join(CAROL),
      () => room.advance(10 * SECOND),
    ];
    room.pair(alice, bob);
    carol.connect(alice);
    for (const step of steps) {
      step();
      const rows = room.store.loadConnections();
      room.crash();
      expect(room.store.loadConnections()).toEqual(rows);
      expect(room.manager.getActiveConnectionCount()).toBe(rows.length);
    }
  });
});

function writesInAMinute(packetsPerSecond: number): string[] {
  const { room, alice, bob, carol } = setup();
  const handle = room.pair(alice, bob);
  room.advance(10 * SECOND);
  room.store.writes.length = 0;
  for (let second = 0; second < 60; second++) {
    for (let i = 0; i < packetsPerSecond; i++) alice.send(frames.data(handle, "x"));
    pass(room, 1, [bob, carol]);
  }
  return room.store.writes;
}

/** All is on disk, and nothing is due for a while. */
function flushed() {
  const { room, alice, bob } = setup();
  const handle = room.pair(alice, bob);
  room.room.flush();
  pass(room, 20, [alice, bob]);
  room.store.writes.length = 0;
  expect(room.room.counters.isDirty).toBe(false);
  return { room, alice, bob, handle };
}

describe("alarms", () => {
  test("none in an empty room, and none left behind by who leaves", () => {
    const room = new TestRoom();
    expect(room.room.alarmAt).toBe(Infinity);
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    room.pair(alice, bob);
    expect(room.scheduled).toBeLessThan(Infinity);
    alice.bye();
    bob.bye();
    expect(room.scheduled).toBe(Infinity);
    expect(room.advance(3_600_000).alarms).toEqual([]);
  });

  test("a restored room without connections has none", () => {
    const room = new TestRoom();
    room.room.restore(undefined, [], room.now);
    expect(room.room.alarmAt).toBe(Infinity);
  });

  test("10 s after the first change a turn flushes the counters, once", () => {
    const { room, alice, bob, handle } = flushed();
    alice.send(frames.data(handle, "x"));
    const changed = room.now;
    pass(room, 9, [alice, bob]);
    alice.send(frames.data(handle, "x"));
    expect(room.store.writes).toEqual([]);
    pass(room, 1, [alice, bob]);
    alice.send(frames.data(handle, "x"));
    expect(room.now - changed).toBe(TIMES.flushMs);
    expect(room.store.writes).toEqual(["saveCounters"]);
    pass(room, 120, [alice, bob]);
    expect(room.store.writes).toEqual(["saveCounters"]);
  });

  test("a room that has fallen silent flushes with its next alarm, and sets none for it", () => {
    const { room, alice, bob, handle } = flushed();
    const next = room.scheduled;
    alice.send(frames.data(handle, "x"));
    expect(room.scheduled).toBe(next);
    pass(room, 40, [alice, bob]);
    expect(room.store.writes).toEqual(["saveCounters"]);
    room.alarms.length = 0;
    pass(room, 120, [alice, bob]);
    expect(room.store.writes).toEqual(["saveCounters"]);
    expect(room.alarms.length).toBeLessThan(7); // looks for ghosts
  });

  test("packets 15 s apart cost a row each time, and no alarm", () => {
    const { room, alice, bob, handle } = flushed();
    const quiet = flushed();
    for (const one of [room, quiet.room]) one.alarms.length = 0;
    for (let i = 0; i < 8; i++) {
      alice.send(frames.data(handle, "x"));
      pass(room, 15, [alice, bob]);
      pass(quiet.room, 15, [quiet.alice, quiet.bob]);
    }
    expect(room.alarms.length).toBeLessThanOrEqual(quiet.room.alarms.length);
  });

  test("busy or very busy: the same number of writes", () => {
    expect(writesInAMinute(1)).toEqual(Array(6).fill("saveCounters"));
    expect(writesInAMinute(200)).toEqual(Array(7).fill("saveCounters"));
  });

  test("a connection's life is a handful of rows", () => {
    const { room, alice, bob } = setup();
    room.store.writes.length = 0;
    const handle = room.pair(alice, bob);
    for (let i = 0; i < 500; i++) alice.send(frames.data(handle, "x"));
    bob.send(frames.close(handle));
    expect(room.store.writes).toEqual(["insertConnection", "updateConnection", "deleteConnection"]);
  });

  test("a room that empties flushes what it has", () => {
    const { room, alice, bob, carol } = setup();
    const handle = room.pair(alice, bob);
    alice.send(frames.data(handle, "x"), frames.data(99, "lost"));
    for (const peer of [alice, bob, carol]) peer.bye();
    expect(room.store.writes.filter((write) => write === "saveCounters")).toHaveLength(1);
    const before = room.statistics;
    expect(before).toMatchObject({ totalPackets: 1, drops: { unknown_handle: 1 }, joins: 3, peers: 0 });
    room.crash();
    expect(room.statistics).toEqual(before);
  });

  test("a guest that comes and goes writes that it came, and no more", () => {
    const room = new TestRoom();
    room.guest(ALICE).drop();
    room.join(ALICE).bye();
    expect(room.store.writes).toEqual(["saveCounters", "saveCounters"]);
    room.crash();
    expect(room.statistics).toMatchObject({ joins: 2, messages: 2 });
  });

  test("at the connect deadline, the disconnect deadline, the hello deadline and the ghost's time", () => {
    const room = new TestRoom();
    const alice = room.guest(ALICE);
    expect(room.scheduled).toBe(START + TIMES.helloMs);
    alice.hello();
    alice.take();
    room.advance(10 * SECOND); // the hello alarm, with nothing to do
    expect(room.alarms).toEqual([START + 10_000]);
    expect(room.scheduled).toBe(START + TIMES.ghostMs);
    alice.connect(BOB, { timeoutMs: 3_000 });
    expect(room.scheduled).toBe(START + 13_000);
    const bob = room.join(BOB);
    const handle = bob.heard()[0]!["handle"] as number;
    bob.accept(handle);
    room.advance(4 * SECOND);
    bob.send(frames.close(handle, { graceful: true }));
    expect(room.scheduled).toBe(room.now + TIMES.disconnectMs);
  });

  test("at whole seconds, so never closer than one second, whatever clients ask for", () => {
    const { room, alice, bob } = setup();
    room.advance(234);
    for (let i = 0; i < 200; i++) {
      alice.connect(DAVE, { port: i, timeoutMs: 100 + i });
      room.advance(77);
      alice.ping();
      bob.ping();
    }
    room.advance(5 * SECOND);
    const gaps = room.alarms.slice(1).map((at, index) => at - room.alarms[index]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(TIMES.promptMs);
    expect(room.alarms.every((at) => at % TIMES.promptMs === 0)).toBe(true);
    expect(room.manager.countConnectionsForPeer(DAVE)).toBe(0);
  });

  test("what may wait is looked for no oftener than every 10 s", () => {
    const { room, alice, bob, carol } = setup({ settings: { idleTimeoutMs: 60_000 } });
    for (let port = 0; port < 50; port++) {
      room.pair(alice, bob, { port });
      pass(room, 1, [alice, bob, carol]);
    }
    pass(room, 10, [alice, bob, carol]);
    const first = room.alarms.length;
    pass(room, 100, [alice, bob, carol]);
    expect(room.manager.getActiveConnectionCount()).toBe(0);
    expect(room.alarms.length - first).toBeLessThanOrEqual(10);
  });

  test("one alarm per ghost time in a room where everybody is quiet", () => {
    const { room, alice, bob, carol } = setup();
    room.pair(alice, bob);
    room.advance(10 * SECOND);
    const before = room.alarms.length;
    for (let i = 0; i < 30; i++) pass(room, 10, [alice, bob, carol]);
    // 300 s of pings each 10 s: the next ghost is never less than 24 s away.
    expect(room.alarms.length - before).toBeLessThanOrEqual(300 / 24 + 1);
  });

  test("one that rings early does nothing that is not due", () => {
    const { room, alice, bob } = setup();
    const handle = alice.connect(bob);
    const guest = room.guest(DAVE);
    bob.take();
    for (let i = 0; i < 5; i++) {
      room.ring();
      room.advance(300);
    }
    expect([...alice.heard(), ...bob.heard(), ...guest.heard()]).toEqual([]);
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(Connecting);
  });

  test("what falls due between the second that an alarm is for and the moment that it rings waits for the next [C6]", () => {
    const { room, alice } = setup();
    room.advance(20);
    const guest = room.guest(DAVE);
    const handle = alice.connect(BOB, { port: 9 });
    room.now = START + 10_050; // the alarm of 10,000 is late
    room.ring();
    expect(alice.heard()).toEqual([]);
    expect(guest.socket.closed).toBeUndefined();
    expect(room.scheduled).toBe(START + 11_000);
    room.advance(950);
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.Timeout, Relay)]);
    expect(guest.socket.closed?.code).toBe(CloseCode.HelloTimeout);
  });

  test("what was overdue at a wake is looked at within a second, and not in the same one again", () => {
    const { room, alice, bob } = setup();
    alice.connect(bob);
    room.now += 100 * SECOND; // no alarm rang: the platform was down
    room.evict();
    expect(room.room.alarmAt).toBe(room.now + SECOND);
    room.ring();
    room.scheduled = Infinity;
    expect(room.statistics).toMatchObject({ activeConnections: 0, peers: 0 });
  });

  test("one that rings late does all that is due", () => {
    const { room, alice, bob } = setup();
    const handle = room.pair(alice, bob);
    alice.send(frames.close(handle, { graceful: true, reason: 1234 }));
    alice.take();
    alice.connect(DAVE);
    const guest = room.guest(peerId(9));
    room.now += 3_600_000;
    room.ring();
    expect(alice.heard()).toMatchObject([
      closeOf(handle, 1234, Local),
      { frame: "close", reason: EndReason.Timeout },
      { frame: "bye", code: CloseCode.HeartbeatLost },
    ]);
    expect(guest.socket.closed?.code).toBe(CloseCode.HelloTimeout);
    expect(room.statistics).toMatchObject({ activeConnections: 0, peers: 0 });
    expect(room.scheduled).toBe(Infinity);
  });
});
