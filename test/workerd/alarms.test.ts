/** What happens because time passes: nothing else wakes a room that nobody talks to. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CloseCode, CloseFlag, ClosedBy, ConnectionState, ERRORS, EndReason, Path } from "../../src/protocol/index.ts";
import { Clock } from "./support/clock.ts";
import { ALICE, BOB, CAROL, type Pair, TestPeer, mustRelay, nextClose, pairUp, pause } from "./support/peer.ts";
import {
  operatorOf,
  type RoomStub,
  alarmOf,
  freshApp,
  roomOf,
  storedConnections,
  storedTotals,
} from "./support/room.ts";

afterEach(() => {
  vi.useRealTimers();
});

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

async function leave(...peers: readonly TestPeer[]): Promise<void> {
  for (const peer of peers) peer.socket.close(1000, "done");
  await Promise.all(peers.map((peer) => peer.closed));
}

/** Runs the alarm at this moment, due or not: what it may not do yet it must not do. */
async function alarmAt(clock: Clock, time: number, stub: RoomStub): Promise<void> {
  clock.set(time);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
}

/** Nothing happens to an idle connection until then. */
async function staysAlive(clock: Clock, pair: Pair, stub: RoomStub, until: number): Promise<void> {
  await clock.pass(until - clock.now, stub, [pair.a, pair.b]);
  for (const peer of [pair.a, pair.b]) {
    await peer.fence();
    expect(peer.inbox).toEqual([]);
  }
  expect(await storedConnections(stub)).toHaveLength(1);
}

describe("the alarm", () => {
  it("is not set in a room where nobody has been", async () => {
    const stub = roomOf(freshApp());
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0 });
    expect(await alarmOf(stub)).toBeNull();
  });

  it("is not moved for counters: they reach the disk when it comes", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    await clock.pass(MINUTE, stub, [a, b]);
    const before = await storedTotals(stub);
    const next = await alarmOf(stub);
    a.data(handle, new Uint8Array(5));
    await b.nextData();
    clock.set(clock.now + 3 * SECOND);
    a.data(handle, new Uint8Array(5));
    await b.nextData();
    expect(await alarmOf(stub)).toBe(next);
    expect(await storedTotals(stub)).toEqual(before);
    await clock.pass(40 * SECOND, stub, [a, b]);
    expect(await storedTotals(stub)).toEqual({ packets: 2, bytes: 10 });
  });

  it("comes seldom in a room where nothing is due", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const peer = await TestPeer.enter({ app, peer: ALICE });
    await clock.pass(MINUTE, stub, [peer]);
    // Only ghosts are looked for: a socket that spoke is not looked at before it could be one.
    expect(await clock.pass(10 * MINUTE, stub, [peer])).toBeLessThanOrEqual(20);
    await leave(peer);
  });

  it("is gone once the room is empty, and the counters are on disk at once", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const pair = await pairUp({ app });
    await mustRelay(pair);
    expect(await alarmOf(stub)).not.toBeNull();
    await leave(pair.a, pair.b);
    expect(await alarmOf(stub)).toBeNull();
    expect(await storedTotals(stub)).toEqual({ packets: 2, bytes: 32 });
    expect(await storedConnections(stub)).toEqual([]);
  });

  it("is gone once the last guest, who never said hello, is", async () => {
    const app = freshApp();
    const guest = await TestPeer.join({ app, peer: ALICE });
    expect(await alarmOf(roomOf(app))).not.toBeNull();
    await leave(guest);
    expect(await alarmOf(roomOf(app))).toBeNull();
  });

  it("is gone when the last peer leaves a room that slept", async () => {
    const app = freshApp();
    const { a, b } = await pairUp({ app });
    await evictDurableObject(roomOf(app));
    await leave(a);
    await evictDurableObject(roomOf(app));
    await leave(b);
    expect(await alarmOf(roomOf(app))).toBeNull();
  });

  it("finds an object without memory, and flushes what the sockets carried", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    for (let i = 0; i < 9; i++) a.data(handle, new Uint8Array(10));
    for (let i = 0; i < 9; i++) await b.nextData();
    expect(await storedTotals(stub)).toBeUndefined();
    await evictDurableObject(stub);
    await alarmAt(clock, clock.now + 10 * SECOND, stub);
    expect(await storedTotals(stub)).toEqual({ packets: 9, bytes: 90 });
    expect(await alarmOf(stub)).toBeGreaterThanOrEqual(clock.now + 10 * SECOND);
  });

  it("goes off by itself, too: a connect timeout in real time", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, peer: ALICE });
    const asked = performance.now();
    a.connect(BOB, { timeoutMs: 100 });
    const { handle } = await a.next("connecting");
    await evictDurableObject(roomOf(app));
    expect(await nextClose(a)).toEqual({ handle, reason: EndReason.Timeout, closedBy: ClosedBy.Relay });
    const waited = performance.now() - asked;
    expect(waited).toBeGreaterThanOrEqual(90);
    expect(waited).toBeLessThan(3_000);
  });
});

describe("C11: the idle timeout", () => {
  interface Case {
    readonly of: string;
    readonly app: number;
    readonly idle: number;
  }
  const cases: Case[] = [
    { of: "an app without settings", app: freshApp(), idle: 5 * MINUTE },
    { of: "the fast game 730", app: 730, idle: 2 * MINUTE },
    { of: "the turn-based game 289070", app: 289070, idle: 10 * MINUTE },
  ];

  it.each(cases)("of $of is $idle ms: not one second before, and both ends are told", async ({ app, idle }) => {
    using clock = new Clock();
    const room = "idle";
    const stub = roomOf(app, room);
    const pair = await pairUp({ app, room });
    await clock.pass(17 * SECOND, stub, [pair.a, pair.b]);
    await mustRelay(pair);
    const last = clock.now;
    await staysAlive(clock, pair, stub, last + idle - SECOND);
    await alarmAt(clock, last + idle - SECOND, stub);
    await staysAlive(clock, pair, stub, clock.now);
    await alarmAt(clock, last + idle, stub);
    const told = { handle: pair.handle, reason: EndReason.IdleTimeout, closedBy: ClosedBy.Relay };
    expect(await nextClose(pair.a)).toEqual(told);
    expect(await nextClose(pair.b)).toEqual(told);
    expect(await storedConnections(stub)).toEqual([]);
    await leave(pair.a, pair.b);
  });

  it.each(cases)("of $of: the alarm is there for it within 10 s, also when the room slept", async ({ app, idle }) => {
    using clock = new Clock();
    const room = "asleep";
    const stub = roomOf(app, room);
    const pair = await pairUp({ app, room });
    await mustRelay(pair);
    const last = clock.now;
    await evictDurableObject(stub);
    await staysAlive(clock, pair, stub, last + idle / 2);
    await evictDurableObject(stub);
    await staysAlive(clock, pair, stub, last + idle - SECOND);
    await evictDurableObject(stub);
    await clock.pass(11 * SECOND, stub, [pair.a, pair.b]);
    const told = { handle: pair.handle, reason: EndReason.IdleTimeout, closedBy: ClosedBy.Relay };
    expect(await nextClose(pair.a)).toEqual(told);
    expect(await nextClose(pair.b)).toEqual(told);
    await leave(pair.a, pair.b);
  });

  it("begins anew with each packet", async () => {
    using clock = new Clock();
    const room = "anew";
    const stub = roomOf(730, room);
    const pair = await pairUp({ app: 730, room });
    for (let i = 0; i < 3; i++) {
      await staysAlive(clock, pair, stub, clock.now + 100 * SECOND);
      await mustRelay(pair);
    }
    await evictDurableObject(stub); // and what it counts from survives an eviction
    await staysAlive(clock, pair, stub, clock.now + 119 * SECOND);
    await clock.pass(11 * SECOND, stub, [pair.a, pair.b]);
    expect(await nextClose(pair.b)).toMatchObject({ reason: EndReason.IdleTimeout });
    await leave(pair.a, pair.b);
  });
});

describe("the connect timeout", () => {
  it("C6: is 10 s unless the client names another; absent and silent peers look alike", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const a = await TestPeer.enter({ app, peer: ALICE });
    const silent = await TestPeer.enter({ app, peer: BOB });
    const refusing = await TestPeer.enter({ app, peer: CAROL });
    const handles: number[] = [];
    for (const [to, timeoutMs] of [
      [BOB, 0],
      [CAROL, 0],
      [77n, 0],
      [BOB, 4_000],
    ] as const) {
      a.connect(to, { timeoutMs, virtualPort: timeoutMs === 0 ? 0 : 1 });
      handles.push((await a.next("connecting")).handle);
    }
    refusing.control("refuse", { handle: (await refusing.next("incoming")).handle, reason: 0, debug: "no" });
    await refusing.fence();
    const start = clock.now;
    await alarmAt(clock, start + 3_999, stub);
    await a.fence();
    expect(a.inbox).toEqual([]);
    await alarmAt(clock, start + 4_000, stub);
    expect(await nextClose(a)).toEqual({ handle: handles[3], reason: EndReason.Timeout, closedBy: ClosedBy.Relay });
    await alarmAt(clock, start + 9_999, stub);
    await a.fence();
    expect(a.inbox).toEqual([]);
    await alarmAt(clock, start + 10_000, stub);
    const ends = [await nextClose(a), await nextClose(a), await nextClose(a)];
    const alike = { reason: EndReason.Timeout, closedBy: ClosedBy.Relay };
    expect(ends).toEqual(handles.slice(0, 3).map((handle) => ({ handle, ...alike })));
    expect(await nextClose(silent)).toEqual({ handle: handles[3], ...alike });
    expect(await nextClose(silent)).toEqual({ handle: handles[0], ...alike });
    await refusing.fence();
    expect(refusing.inbox).toEqual([]); // it had refused, and hears no more of it
    expect(await storedConnections(stub)).toEqual([]);
  });

  it("does not touch a connection that was accepted in time", async () => {
    using clock = new Clock();
    const app = freshApp();
    const pair = await pairUp({ app });
    await clock.pass(30 * SECOND, roomOf(app), [pair.a, pair.b]);
    await mustRelay(pair);
  });
});

describe("C8: a graceful close", () => {
  it("ends after 5 s when the other end does not close, also when the room slept", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    a.control("close", { handle, reason: 1500, closedBy: 0, debug: "bye" }, CloseFlag.Graceful);
    expect(await a.next("state")).toMatchObject({ handle, state: ConnectionState.Disconnecting });
    expect(await b.next("close")).toMatchObject({ handle, reason: 1500, closedBy: ClosedBy.Peer, debug: "bye" });
    await evictDurableObject(stub);
    const start = clock.now;
    await alarmAt(clock, start + 4_999, stub);
    await a.fence();
    expect(a.inbox).toEqual([]);
    await evictDurableObject(stub);
    await alarmAt(clock, start + 5_000, stub);
    expect(await nextClose(a)).toMatchObject({ handle, reason: 1500 });
    expect(await storedConnections(stub)).toEqual([]);
  });
});

describe("S2: the hello timeout", () => {
  it.each([false, true])("closes a guest with 4002 after 10 s, not before (evicted: %s)", async (isEvicted) => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const guest = await TestPeer.join({ app, peer: ALICE });
    const start = clock.now;
    if (isEvicted) await evictDurableObject(stub);
    await alarmAt(clock, start + 9_999, stub);
    guest.socket.send("ping");
    await guest.nextText();
    expect(guest.messages).toBe(0);
    expect(guest.close).toBeUndefined();
    if (isEvicted) await evictDurableObject(stub);
    await clock.pass(1_001, stub);
    const { code, close } = ERRORS.hello_timeout;
    expect(await guest.next("error")).toMatchObject({ code, about: 0 });
    expect(await guest.next("bye")).toMatchObject({ code: close });
    expect(await guest.closed).toMatchObject({ code: CloseCode.HelloTimeout, reason: "hello_timeout" });
    await pause(20);
    expect(await alarmOf(stub)).toBeNull();
  });

  it("is not for those who said it", async () => {
    using clock = new Clock();
    const app = freshApp();
    const guest = await TestPeer.join({ app, peer: ALICE });
    clock.set(clock.now + 9 * SECOND);
    await guest.hello();
    await clock.pass(30 * SECOND, roomOf(app));
    await guest.fence();
    expect(guest.close).toBeUndefined();
  });
});

function fakeDate(time: number): void {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(time);
}

function wholeSecond(time: number): number {
  return Math.ceil(time / SECOND) * SECOND;
}

describe("H2: a socket that has gone silent", () => {
  it.each([false, true])(
    "is closed with 4005 after 34 s, and is away; one whose pings were answered is not (evicted: %s)",
    async (isEvicted) => {
      const app = freshApp();
      const stub = roomOf(app);
      const evict = async () => isEvicted && evictDurableObject(stub);
      // The platform answers a ping by its own clock, which cannot be faked: so a ping a little later, in real time.
      const { a, b, handle } = await pairUp({ app });
      const spoke = Date.now();
      await pause(1_200);
      await evict();
      const pinged = Date.now();
      a.socket.send("ping");
      expect(await a.nextText()).toBe("pong");
      fakeDate(spoke + 33 * SECOND);
      await runDurableObjectAlarm(stub);
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2 });
      await evict();
      vi.setSystemTime(wholeSecond(spoke + 34 * SECOND)); // which is what alarms look at
      await runDurableObjectAlarm(stub);
      expect(await b.next("bye")).toMatchObject({ code: CloseCode.HeartbeatLost });
      expect((await b.closed).code).toBe(CloseCode.HeartbeatLost);
      expect(await a.next("path")).toEqual({ handle, path: Path.Away });
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, away: 1, activeConnections: 1 });
      await evict();
      vi.setSystemTime(wholeSecond(pinged + 34 * SECOND + 200));
      await runDurableObjectAlarm(stub);
      expect(await a.next("bye")).toMatchObject({ code: CloseCode.HeartbeatLost });
      await a.closed;
      await pause(20);
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 2, activeConnections: 1 });
      await evict();
      vi.setSystemTime(wholeSecond(Date.now() + 31 * SECOND));
      await runDurableObjectAlarm(stub);
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 0, activeConnections: 0 });
      expect(await alarmOf(stub)).toBeNull();
    },
  );

  it("is found by the alarms that a sleeping room sets itself", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b } = await pairUp({ app });
    const sleep = async (ms: number) => {
      for (let slept = 0; slept < ms; slept += 9 * SECOND) {
        await evictDurableObject(stub);
        await clock.pass(9 * SECOND, stub);
      }
    };
    await sleep(27 * SECOND);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, away: 0, activeConnections: 1 });
    await sleep(18 * SECOND);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 2, activeConnections: 1 });
    expect((await a.closed).code).toBe(CloseCode.HeartbeatLost);
    expect((await b.closed).code).toBe(CloseCode.HeartbeatLost);
    await sleep(36 * SECOND); // and the grace period after it
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 0, activeConnections: 0 });
    expect(await alarmOf(stub)).toBeNull();
  });

  it("is not one that talks, however often the room sleeps", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const pair = await pairUp({ app });
    for (let i = 0; i < 6; i++) {
      await clock.pass(19 * SECOND, stub);
      await mustRelay(pair);
      await evictDurableObject(stub);
    }
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, activeConnections: 1 });
  });
});
