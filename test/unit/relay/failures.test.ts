/** A store that fails: its sender is told, everyone else goes on, and nothing is half done. */
import { describe, expect, test } from "vitest";
import { CloseCode, ClosedBy, ConnectionState, EndReason } from "../../../src/protocol/index.ts";
import type { RoomStore } from "../../../src/relay/ports.ts";
import {
  ALICE,
  BOB,
  CAROL,
  DAVE,
  type TestPeer,
  TestRoom,
  byeOf,
  closeOf,
  errorOf,
  frames,
  stateOf,
} from "../../support/room.ts";

const { Connecting, Connected } = ConnectionState;
const { Local, Peer, Relay } = ClosedBy;
const WRITES: (keyof RoomStore)[] = ["insertConnection", "updateConnection", "deleteConnection", "saveCounters"];

function setup() {
  const room = new TestRoom({ checks: false });
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  const [carol, dave] = [room.join(CAROL), room.join(DAVE)];
  const other = room.pair(carol, dave);
  return { room, alice, bob, carol, dave, other };
}

/** Carol and Dave go on as if nothing had been. */
function othersWork(carol: TestPeer, dave: TestPeer, handle: number): void {
  carol.send(frames.data(handle, "ping"));
  expect(dave.heard()).toMatchObject([{ payload: "ping" }]);
  dave.send(frames.data(handle, "pong"));
  expect(carol.heard()).toMatchObject([{ payload: "pong" }]);
}

/** Memory and disk hold the same connections. */
function agree(room: TestRoom): void {
  const held = [...room.manager.connections()].map(({ handle, state }) => [handle, state]);
  expect(room.store.loadConnections().map(({ handle, state }) => [handle, state])).toEqual(held);
}

describe("a store that throws", () => {
  test("on connect: internal, bye, 4007; there is no such connection, and the other end heard nothing", () => {
    const { room, alice, bob, carol, dave, other } = setup();
    room.store.failing.add("insertConnection");
    alice.send(frames.connect(BOB), frames.connect(BOB, { port: 2 }));
    expect(alice.batches()).toEqual([[errorOf("internal", 0), byeOf(4007, "internal")]]);
    expect(alice.socket.closed).toEqual({ code: CloseCode.InternalError, reason: "internal" });
    expect(bob.heard()).toEqual([]);
    expect(room.logged("internal_error")).toEqual([
      {
        level: "error",
        event: "internal_error",
        peer: String(ALICE),
        error: expect.stringContaining("the disk is on fire in insertConnection"),
      },
    ]);
    othersWork(carol, dave, other);
    agree(room);
    room.store.failing.clear();
    const handle = room.join(ALICE).connect(bob);
    expect(bob.heard()).toMatchObject([{ frame: "incoming", handle }]);
    agree(room);
  });

  test("on accept: the acceptor's session ends, the initiator is told", () => {
    const { room, alice, bob, carol, dave, other } = setup();
    const handle = alice.connect(bob);
    bob.take();
    room.store.failing.add("updateConnection");
    bob.accept(handle);
    expect(bob.heard()).toEqual([errorOf("internal", 0), byeOf(4007, "internal")]);
    expect(alice.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, Relay)]);
    othersWork(carol, dave, other);
    agree(room);
  });

  test("on a graceful close: the closer's session ends, the other end is told", () => {
    const { room, alice, bob, carol, dave, other } = setup();
    const handle = room.pair(alice, bob);
    room.store.failing.add("updateConnection");
    alice.send(frames.close(handle, { graceful: true }));
    expect(alice.heard()).toEqual([errorOf("internal", 0), byeOf(4007, "internal")]);
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, Relay)]);
    othersWork(carol, dave, other);
    agree(room);
  });

  test("on a close: it is closed all the same, logged, and the row is deleted with the next flush", () => {
    const { room, alice, bob, carol, dave, other } = setup();
    const [one, two] = [room.pair(alice, bob, { port: 1 }), room.pair(alice, bob, { port: 2 })];
    room.store.failing.add("deleteConnection");
    alice.send(frames.close(one));
    expect(alice.heard()).toEqual([closeOf(one, 1000, Local)]);
    expect(bob.heard()).toEqual([closeOf(one, 1000, Peer)]);
    expect(room.logged("store_failed")).toEqual([
      { level: "error", event: "store_failed", error: expect.stringContaining("deleteConnection") },
    ]);
    alice.drop();
    expect(bob.heard()).toEqual([closeOf(two, EndReason.PeerLeft, Relay)]);
    othersWork(carol, dave, other);
    expect(room.store.loadConnections().map(({ handle }) => handle)).toEqual([other, one, two]);
    // Still failing at the next flush: kept, and tried again with the one after.
    room.advance(10_000);
    othersWork(carol, dave, other);
    expect(room.logged("store_failed").length).toBeGreaterThan(2);
    expect(room.room.counters.isDirty).toBe(true);
    room.store.failing.clear();
    room.store.writes.length = 0;
    othersWork(carol, dave, other); // the next ten seconds begin
    room.advance(10_000);
    carol.send(frames.data(other, "flush"));
    agree(room);
    expect(room.room.counters.isDirty).toBe(false);
    expect(room.store.writes).toEqual(["deleteConnection", "deleteConnection", "saveCounters"]);
    dave.take();
    othersWork(carol, dave, other);
    room.advance(10_000);
    othersWork(carol, dave, other);
    expect(room.store.writes.slice(3)).toEqual(["saveCounters"]);
  });

  test("on everything: sessions that end in it end whole, and the room goes on", () => {
    const { room, alice, bob, carol, dave, other } = setup();
    for (let port = 0; port < 5; port++) room.pair(alice, bob, { port });
    for (const write of WRITES) room.store.failing.add(write);
    alice.send(frames.connect(CAROL));
    expect(alice.heard()).toEqual([errorOf("internal", 0), byeOf(4007, "internal")]);
    expect(bob.heard()).toHaveLength(5);
    expect(room.room.isPresent(ALICE)).toBe(false);
    othersWork(carol, dave, other);
    room.advance(10_000);
    othersWork(carol, dave, other);
    const newer = room.join(BOB);
    expect(newer.isIn).toBe(true);
    expect(room.kick(BOB)).toBe(true);
    expect(room.closeConnection(other)).toBe(true);
    for (const peer of [carol, dave]) expect(peer.heard()).toEqual([closeOf(other, EndReason.ClosedByAdmin, Relay)]);
    room.store.failing.clear();
    room.advance(10_000);
    expect(room.store.loadConnections()).toEqual([]);
    const handle = room.pair(carol, dave);
    othersWork(carol, dave, handle);
    agree(room);
  });

  test("on a flush: counters stay dirty for the next one, and checkpoints still count", () => {
    const { room, carol, dave, other } = setup();
    othersWork(carol, dave, other);
    room.room.flush();
    othersWork(carol, dave, other);
    room.store.failing.add("saveCounters");
    room.advance(10_000);
    expect(room.logged("store_failed")).toHaveLength(1);
    expect(room.room.counters.isDirty).toBe(true);
    othersWork(carol, dave, other);
    const before = room.statistics;
    room.evict();
    expect(room.statistics).toEqual(before);
    room.store.failing.clear();
    room.ring();
    expect(room.room.counters.isDirty).toBe(false);
    room.crash();
    expect(room.statistics).toEqual({ ...before, peers: 0 });
  });

  test("on the flush of a room that empties: an alarm tries again", () => {
    const room = new TestRoom({ checks: false });
    const [alice, bob] = [room.join(ALICE), room.join(BOB)];
    room.pair(alice, bob);
    room.store.failing.add("saveCounters");
    alice.bye();
    bob.bye();
    expect(room.scheduled).toBe(room.now + 10_000);
    room.store.failing.clear();
    room.advance(10_000);
    expect(room.store.writes.at(-1)).toBe("saveCounters");
    expect(room.scheduled).toBe(Infinity);
  });

  test("with something that is no Error: logged as text", () => {
    const { room, alice, bob } = setup();
    room.store.insertConnection = () => {
      throw "no more space"; // oxlint-disable-line no-throw-literal -- a platform may
    };
    alice.send(frames.connect(bob.id));
    expect(room.logged("internal_error")).toMatchObject([{ error: "no more space" }]);
    expect(alice.socket.closed?.code).toBe(4007);
  });
});

test("the session that failed may come back at once", () => {
  const { room, alice, bob } = setup();
  room.store.failing.add("insertConnection");
  alice.send(frames.connect(BOB));
  room.store.failing.clear();
  const back = room.join(ALICE);
  const handle = back.connect(bob);
  bob.accept(handle);
  expect(back.heard()).toEqual([stateOf(handle, Connecting, Connected)]);
});
