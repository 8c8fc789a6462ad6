/** What a room does with what comes beyond a rate (rules L1, L2, L3, C14), and how it counts refusals. */
import { describe, expect, test } from "vitest";
import {
  CloseCode,
  ClosedBy,
  ConnectionState,
  DROP_REASONS,
  DataFlag,
  ERRORS,
  EndReason,
  FrameType,
} from "../../../src/protocol/index.ts";
import { RoomCounters } from "../../../src/relay/counters.ts";
import { P2PRelayManager } from "../../../src/relay/manager.ts";
import { monthOf } from "../../../src/relay/limits/monthly-bytes.ts";
import { REFUSALS } from "../../../src/relay/limits/refusals.ts";
import { type AppSettings, DEFAULT_SETTINGS } from "../../../src/relay/settings.ts";
import { ackFrame, multicastFrame } from "../../support/frames.ts";
import {
  ALICE,
  BOB,
  CAROL,
  type Heard,
  START,
  TestRoom,
  byeOf,
  closeOf,
  errorOf,
  frames,
  peerId,
} from "../../support/room.ts";

const { Data, Multicast, Connect } = FrameType;
const RELIABLE = { flags: DataFlag.Reliable };

function setup(settings: Partial<AppSettings>) {
  const room = new TestRoom({ settings });
  const [alice, bob, carol] = [room.join(ALICE), room.join(BOB), room.join(CAROL)];
  const handle = room.pair(alice, bob);
  room.advance(5_000); // full again
  return { room, alice, bob, carol, handle };
}

const payloads = (heard: readonly Heard[]) =>
  heard.filter(({ frame }) => frame === "data").map(({ payload }) => payload);

describe("[L1] messages and bytes of a session", () => {
  // Bursts of ten.
  const settings = { messagesPerSecond: 5, bytesPerSecond: 0 };

  test("beyond them unreliable data is dropped, counted, and answered once per message", () => {
    const { room, alice, bob, handle } = setup(settings);
    for (let n = 0; n < 10; n++) alice.send(frames.data(handle, String(n)));
    expect(alice.heard()).toEqual([]);
    expect(bob.heard()).toHaveLength(10);
    alice.send(frames.data(handle, "a"), frames.data(handle, "b"), frames.data(handle, "c"));
    expect(alice.heard()).toEqual([errorOf("rate_limited", Data)]);
    expect(bob.heard()).toEqual([]);
    expect(room.statistics).toMatchObject({
      totalPackets: 10,
      drops: { rate_limited: 3 },
      refusals: { rate_limited: 3 },
    });
    expect(alice.isIn).toBe(true);
  });

  test("what is reliable passes, and so do acks and control frames, on credit", () => {
    const { room, alice, bob, carol, handle } = setup(settings);
    for (let n = 0; n < 10; n++) alice.send(frames.data(handle, "x"));
    bob.take();
    alice.send(
      frames.data(handle, "unreliable"),
      frames.data(handle, "reliable", RELIABLE),
      ackFrame({ handle, lane: 0, cumulative: 1, selective: 0, window: 1 }),
      frames.connect(CAROL),
    );
    expect(bob.heard()).toMatchObject([{ frame: "data", payload: "reliable" }, { frame: "ack" }]);
    expect(alice.heard()).toMatchObject([{ frame: "error" }, { frame: "connecting" }]);
    expect(carol.heard()).toMatchObject([{ frame: "incoming" }]);
    expect(room.statistics.drops.rate_limited).toBe(1);
  });

  test("a multicast is a drop for each of its targets, and one that is reliable passes", () => {
    const { room, alice, bob, handle } = setup(settings);
    for (let n = 0; n < 10; n++) alice.send(frames.data(handle, "x"));
    bob.take();
    const targets = [1, 2, 3].map((number) => ({ handle, number, sequence: 0 }));
    alice.send(multicastFrame({ targets, payload: new Uint8Array(3) }));
    expect(alice.heard()).toEqual([errorOf("rate_limited", Multicast)]);
    expect(room.statistics.drops.rate_limited).toBe(3);
    alice.send(multicastFrame({ ...RELIABLE, targets, payload: new Uint8Array(3) }));
    expect(bob.heard()).toHaveLength(3);
  });

  test("time pays the debt", () => {
    const { alice, bob, room, handle } = setup(settings);
    for (let n = 0; n < 15; n++) alice.send(frames.data(handle, "x"));
    bob.take();
    alice.take();
    room.advance(1_000);
    alice.send(frames.data(handle, "too early"));
    room.advance(2_000);
    alice.send(frames.data(handle, "in time"));
    expect(payloads(bob.heard())).toEqual(["in time"]);
  });

  test("more than another burst in debt ends the session, whatever it sends", () => {
    const { room, alice, bob, handle } = setup(settings);
    for (let n = 0; n < 20; n++) alice.send(ackFrame({ handle, lane: 0, cumulative: 1, selective: 0, window: 1 }));
    expect(alice.heard()).toEqual([]);
    bob.take();
    alice.send(frames.data(handle, "x", RELIABLE));
    expect(alice.heard()).toEqual([errorOf("flooding", 0), byeOf(CloseCode.RateLimited, "flooding")]);
    expect(alice.socket.closed).toEqual({ code: CloseCode.RateLimited, reason: "flooding" });
    expect(bob.heard()).toEqual([closeOf(handle, EndReason.PeerLeft, ClosedBy.Relay)]);
    expect(room.statistics).toMatchObject({ peers: 2, activeConnections: 0, refusals: { flooding: 1 } });
  });

  test("a peer's rate is its own", () => {
    const { alice, bob, handle } = setup(settings);
    for (let n = 0; n < 12; n++) alice.send(frames.data(handle, "x"));
    bob.take();
    alice.take();
    bob.send(frames.data(handle, "y"));
    expect(payloads(alice.heard())).toEqual(["y"]);
  });

  test("bytes, headers included, whatever is in them", () => {
    const { alice, bob, handle } = setup({ messagesPerSecond: 0, bytesPerSecond: 500 });
    alice.send(frames.data(handle, "x".repeat(900)));
    expect(bob.heard()).toHaveLength(1);
    alice.send(frames.data(handle, "x".repeat(200)));
    expect(alice.heard()).toEqual([errorOf("rate_limited", Data)]);
    alice.send(frames.data(handle, "x".repeat(900)));
    expect(alice.isIn).toBe(false);
  });

  test("0 is no limit", () => {
    const { alice, bob, handle } = setup({ messagesPerSecond: 0, bytesPerSecond: 0 });
    for (let n = 0; n < 5_000; n++) alice.send(frames.data(handle, "x"));
    expect(bob.heard()).toHaveLength(5_000);
  });
});

describe("[L2] payload over one connection", () => {
  const settings = { connectionBytesPerSecond: 100 };

  test("beyond it unreliable data is dropped; the other direction and other connections go on", () => {
    const { room, alice, bob, carol, handle } = setup(settings);
    const other = room.pair(alice, carol);
    alice.send(frames.data(handle, "x".repeat(200)));
    expect(bob.heard()).toHaveLength(1);
    alice.send(frames.data(handle, "y"), frames.data(handle, "z"), frames.data(handle, "r", RELIABLE));
    expect(alice.heard()).toEqual([errorOf("rate_limited", Data, handle)]);
    expect(payloads(bob.heard())).toEqual(["r"]);
    expect(room.statistics.drops.connection_rate_limited).toBe(2);
    alice.send(frames.data(other, "o"));
    bob.send(frames.data(handle, "b"));
    expect(payloads(carol.heard())).toEqual(["o"]);
    expect(payloads(alice.heard())).toEqual(["b"]);
    room.advance(1_000);
    alice.send(frames.data(handle, "later"));
    expect(payloads(bob.heard())).toEqual(["later"]);
  });

  test("far beyond it the connection ends with 5111, and the sessions stay", () => {
    const { room, alice, bob, handle } = setup(settings);
    alice.send(frames.data(handle, "x".repeat(200)));
    alice.send(frames.data(handle, "x".repeat(200)));
    alice.take();
    bob.take();
    alice.send(frames.data(handle, "x", RELIABLE));
    const close = closeOf(handle, EndReason.RateLimited, ClosedBy.Relay);
    expect(alice.heard()).toEqual([errorOf("rate_limited", Data, handle), close]);
    expect(bob.heard()).toEqual([close]);
    expect(room.statistics).toMatchObject({ peers: 3, activeConnections: 0 });
  });

  test("each copy of a multicast counts for its connection", () => {
    const { room, alice, bob, carol, handle } = setup(settings);
    const other = room.pair(alice, carol);
    alice.send(frames.data(handle, "x".repeat(200)));
    bob.take();
    const targets = [handle, other].map((each) => ({ handle: each, number: 1, sequence: 0 }));
    alice.send(multicastFrame({ targets, payload: new Uint8Array(10) }));
    expect(bob.heard()).toEqual([]);
    expect(carol.heard()).toHaveLength(1);
    expect(room.statistics.drops.connection_rate_limited).toBe(1);
  });

  test("is the limit of the sender's class", () => {
    const classes = new Map([["slow", { ...DEFAULT_SETTINGS, connectionBytesPerSecond: 10 }]]);
    const room = new TestRoom({ settings: { classes } });
    const alice = room.join(ALICE, { rateClass: "slow" });
    const bob = room.join(BOB);
    const handle = room.pair(alice, bob);
    alice.send(frames.data(handle, "x".repeat(21)));
    bob.send(frames.data(handle, "y".repeat(1_000)));
    expect(payloads(bob.heard())).toEqual([]);
    expect(payloads(alice.heard())).toEqual(["y".repeat(1_000)]);
  });
});

describe("[C14] connects", () => {
  test("as many as the settings say", () => {
    const { room, alice } = setup({ connectBurst: 3, connectsPerSecond: 2 });
    const ask = () => alice.send(...[1, 2, 3, 4].map((request) => frames.connect(BOB, { request, port: request })));
    ask();
    expect(alice.heard().filter(({ frame }) => frame === "error")).toEqual([errorOf("rate_limited", Connect, 4)]);
    room.advance(1_000);
    ask();
    expect(alice.heard().filter(({ frame }) => frame === "error")).toHaveLength(2);
  });

  test("the thousandth refusal within a minute ends the session, so that a flood costs no more", () => {
    const { room, alice } = setup({});
    alice.send(...Array.from({ length: 10_000 }, (_, request) => frames.connect(peerId(100 + request), { request })));
    const heard = alice.heard();
    const refused = heard.filter(({ error }) => error === "rate_limited");
    expect(refused).toHaveLength(999);
    expect(heard.slice(-2)).toEqual([
      errorOf("flooding", Connect, 255 + 1_000),
      byeOf(CloseCode.RateLimited, "flooding"),
    ]);
    expect(room.statistics.refusals).toMatchObject({ rate_limited: 999, flooding: 1 });
  });

  test("the minute after, it may be refused as often again", () => {
    const { room, alice } = setup({ connectBurst: 1, connectsPerSecond: 1 });
    const flood = () => alice.send(...Array.from({ length: 900 }, () => frames.connect(BOB)));
    flood();
    for (let seconds = 0; seconds <= 60; seconds += 20) {
      room.advance(20_000);
      alice.ping();
    }
    flood();
    expect(alice.isIn).toBe(true);
    flood();
    expect(alice.isIn).toBe(false);
  });
});

describe("[L3] a room that is full, or has no bytes left", () => {
  test("maxPeers sockets, guests included; a place that is free is taken", () => {
    const room = new TestRoom({ settings: { maxPeers: 2 } });
    expect(room.refusalOf(ALICE)).toBeUndefined();
    const alice = room.join(ALICE);
    room.guest(BOB);
    expect(room.refusalOf(CAROL)).toMatchObject({ code: "room_full", retryAfter: 10 });
    alice.bye();
    expect(room.refusalOf(CAROL)).toBeUndefined();
  });

  test("[L5] 32 sockets of one peer that are not gone, and not one more; a ban is named first", () => {
    const room = new TestRoom();
    expect(room.refusalOf(ALICE, {}, 31)).toBeUndefined();
    expect(room.refusalOf(ALICE, {}, 32)).toMatchObject({ code: "too_many_sockets", retryAfter: 10 });
    room.ban("peer", String(ALICE));
    expect(room.refusalOf(ALICE, {}, 32)).toMatchObject({ code: "peer_banned" });
  });

  test("monthlyBytes: until the next month, UTC", () => {
    const { room, alice, handle } = setup({ monthlyBytes: 10 });
    alice.send(frames.data(handle, "123456789"));
    expect(room.refusalOf(CAROL)).toBeUndefined();
    alice.send(frames.data(handle, "0"));
    const next = Date.UTC(2023, 11);
    expect(room.refusalOf(CAROL)).toMatchObject({
      code: "budget_exhausted",
      retryAfter: Math.ceil((next - room.now) / 1000),
      detail: expect.stringContaining("2023-12-01T00:00:00.000Z"),
    });
    expect(room.statistics.monthBytes).toBe(10);
    room.evict();
    expect(room.refusalOf(CAROL)?.code).toBe("budget_exhausted");
    room.room.flush();
    room.crash();
    expect(room.refusalOf(CAROL)?.code).toBe("budget_exhausted");
    room.now = next;
    expect(room.refusalOf(CAROL)).toBeUndefined();
    expect(room.statistics).toMatchObject({ monthBytes: 0, totalBytes: 10 });
  });

  test("months of every length, and the year's end", () => {
    expect(monthOf(Date.UTC(2024, 1, 29, 23, 59, 59, 999), 0)).toBe(Date.UTC(2024, 1));
    expect(monthOf(Date.UTC(2024, 0, 31), 1)).toBe(Date.UTC(2024, 1));
    expect(monthOf(Date.UTC(2024, 11, 31), 1)).toBe(Date.UTC(2025, 0));
  });
});

describe("refusals are counted", () => {
  test("under every name that there is", () => {
    expect([...REFUSALS].toSorted()).toEqual(Object.keys(ERRORS).toSorted());
    expect(new Set(REFUSALS).size).toBe(REFUSALS.length);
  });

  test("also those that are not answered, through an eviction and a crash", () => {
    const { room, alice } = setup({});
    alice.send(...Array.from({ length: 40 }, () => frames.accept(999)));
    expect(alice.heard()).toHaveLength(16);
    expect(room.statistics.refusals).toMatchObject({ unknown_handle: 40, illegal_state: 0 });
    room.evict();
    expect(room.statistics.refusals.unknown_handle).toBe(40);
    room.pair(alice, room.join(BOB));
    room.advance(10_000);
    room.crash();
    expect(room.statistics.refusals.unknown_handle).toBe(40);
  });

  test("refused joins too; neither writes anything by itself", () => {
    const room = new TestRoom();
    const { writes } = room.store;
    const alice = room.join(ALICE);
    room.room.flush(); // that she came is worth a row
    const before = writes.length;
    room.room.counters.joinRefused("room_full");
    alice.send(frames.accept(999)).bye();
    expect(room.room.counters.isDirty).toBe(false);
    room.advance(20_000);
    expect(writes.length).toBe(before);
    expect(room.statistics.joinRefusals).toEqual({
      room_full: 1,
      budget_exhausted: 0,
      peer_banned: 0,
      address_banned: 0,
      ticket_revoked: 0,
      too_many_sockets: 0,
    });
  });
});

const manager = () => new P2PRelayManager({ idleTimeoutMs: 1_000, log: () => {} });

describe("the packed row of layout 2", () => {
  test("one of layout 1 is read: this month begins with nothing, refusals at 0", () => {
    const drops = DROP_REASONS.map((_, index) => index + 1);
    const counters = new RoomCounters();
    const to = manager();
    const row = new Float64Array([1, 5, 100, 1_000, 42, drops.length, ...drops, 3, 10, 99, START]);
    const restored = counters.restore(to, row, new Float64Array([1, 5, 101, 1_007, 43, 0, 4, 1, 7, START + 1]));
    expect(to.getStatistics()).toEqual({ totalPackets: 101, totalBytes: 1_007 });
    expect(to.nextHandle).toBe(43);
    expect([...restored.keys()]).toEqual([3, 4]);
    expect(Object.values(counters.refusals()).every((count) => count === 0)).toBe(true);
    expect(counters.month.start).toBe(0);
    counters.month.look(START, 1_007);
    expect(counters.month.used(1_010)).toBe(3);
  });

  test("of a release with more or fewer names: what both know is read, and connections are found", () => {
    for (const [refusals, joins] of [
      [[1], []],
      [
        [...REFUSALS.map(() => 1), 7, 8, 9],
        [1, 2, 3, 4, 5, 6, 7],
      ],
    ] as const) {
      const counters = new RoomCounters();
      const lists = [2, 11, 12, refusals.length, ...refusals, joins.length, ...joins];
      const row = new Float64Array([2, 5, 100, 1_000, 42, START, 30, ...lists, 3, 10, 99, START]);
      const restored = counters.restore(manager(), row, undefined);
      expect([...restored]).toEqual([[3, { packets: 10, bytes: 99, lastActivity: START, isFlushed: true }]]);
      expect(counters.drops()).toMatchObject({ unknown_handle: 11, not_connected: 12, peer_away: 0 });
      expect(counters.refusals().malformed_frame).toBe(1);
      expect(counters.joinRefusals().room_full).toBe(joins[0] ?? 0);
      expect(counters.month.used(1_000)).toBe(30);
    }
  });

  test("is as long as it says, and comes back as it was", () => {
    const { room, alice, handle } = setup({});
    alice.send(frames.data(handle, "12345"), frames.data(99, "x"), frames.accept(7));
    const { counters } = room.room;
    expect(counters.checkpoint(room.manager)).toHaveLength(counters.checkpointLength);
    room.room.counters.joinRefused("peer_banned");
    const before = room.statistics;
    room.room.flush();
    room.evict();
    expect(room.statistics).toEqual(before);
    expect(room.manager.getConnectionByHandle(handle)?.state).toBe(ConnectionState.Connected);
  });
});
