/** A client that has lost its socket comes back to its session, whatever has happened to the object in between. */
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  CloseCode,
  CloseFlag,
  ClosedBy,
  ConnectionState,
  EndReason,
  Path,
  PathFlag,
} from "../../src/protocol/index.ts";
import type { RelayRoom } from "../../src/runtime/cloudflare/relay-room.ts";
import { Billing } from "./support/billing.ts";
import { Clock } from "./support/clock.ts";
import { captureLogs } from "./support/logs.ts";
import { comeBack, lose, takeAll } from "./support/loss.ts";
import { ALICE, BOB, CAROL, DAVE, TestPeer, joinUp, mustRelay, nextClose, pairUp, pause } from "./support/peer.ts";
import {
  openConnections,
  operatorOf,
  alarmOf,
  freshApp,
  type RoomStub,
  roomOf,
  storedConnections,
  storedSessions,
} from "./support/room.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const SECOND = 1_000;
const COUNTERS = "INSERT OR REPLACE INTO counters";
const HISTORY = "INSERT OR REPLACE INTO history";
const GRACE = 30 * SECOND;
const { Connected, Connecting, Disconnecting } = ConnectionState;

const away = (handle: number) => ["path", { handle, path: Path.Away }];
const openAgain = (handle: number) => ["path", { handle, path: Path.Open }, PathFlag.Lost];
const stateOf = (handle: number, state: number) => ["state", { handle, state, previous: state }];

/** What has come to a peer, with nothing more to come. */
async function heard(peer: TestPeer): Promise<unknown[][]> {
  await peer.fence();
  return takeAll(peer);
}

describe("a socket that was lost", () => {
  it.each(["awake", "asleep since the loss", "asleep before and since"])(
    "R1, R4 to R6: its session is resumed, and goes on where it was (the room: %s)",
    async (sleeps) => {
      const app = freshApp();
      const stub = roomOf(app);
      const { a, b, handle } = await pairUp({ app });
      const other = await joinUp(b, a, { virtualPort: 8 });
      const before = await openConnections(stub, 10);
      if (sleeps === "asleep before and since") await evictDurableObject(stub);
      await lose(stub, a);
      expect(await heard(b)).toEqual([away(handle), away(other.handle)]);
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, away: 1, activeConnections: 2 });
      if (sleeps !== "awake") await evictDurableObject(stub);
      b.data(handle, new Uint8Array(7));
      b.data(handle, new Uint8Array(7));
      expect(await heard(b)).toEqual([]); // D7: counted, not answered
      expect((await operatorOf(stub).statistics()).drops).toMatchObject({ peer_away: 2 });
      if (sleeps !== "awake") await evictDurableObject(stub);
      const { peer, told, connections } = await comeBack({ app, peer: ALICE }, a.key);
      expect(connections).toBe(2);
      expect(told).toEqual([stateOf(handle, Connected), stateOf(other.handle, Connected)]);
      expect(await heard(b)).toEqual([openAgain(handle), openAgain(other.handle)]);
      expect(await operatorOf(stub).statistics()).toMatchObject({
        peers: 2,
        away: 0,
        activeConnections: 2,
        totalPackets: 0,
      });
      expect(await openConnections(stub, 10)).toEqual(before);
      await mustRelay({ a: peer, b, handle, connectionId: 0n });
      await evictDurableObject(stub);
      await mustRelay({ a: peer, b, handle: other.handle, connectionId: 0n });
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, away: 0, drops: { peer_away: 2 } });
    },
  );

  it("R1: again and again, each time with the token of the last welcome", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    let last = a;
    for (let round = 0; round < 5; round++) {
      await lose(stub, last);
      if (round % 2 === 1) await evictDurableObject(stub);
      last = (await comeBack({ app, peer: ALICE }, last.key)).peer;
      expect(await heard(b)).toEqual([away(handle), openAgain(handle)]);
      await mustRelay({ a: last, b, handle, connectionId: 0n });
    }
    expect(await storedSessions(stub)).toEqual([
      [String(ALICE), null],
      [String(BOB), null],
    ]);
    last.socket.close(1000);
    b.socket.close(1000);
    await Promise.all([last.closed, b.closed]);
    expect(await alarmOf(stub)).toBeNull();
    expect(await storedSessions(stub)).toEqual([]);
  });

  it("R5: a connection in each state is listed as it is", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const [a, b, c] = await Promise.all([ALICE, BOB, CAROL].map((peer) => TestPeer.enter({ app, peer })));
    const { handle } = await joinUp(a!, b!);
    const { handle: leaving } = await joinUp(a!, b!, { virtualPort: 1 });
    a!.connect(DAVE);
    const { handle: asked } = await a!.next("connecting");
    c!.connect(ALICE);
    const { handle: offered, connectionId } = await c!.next("connecting");
    await a!.next("incoming");
    c!.connect(ALICE, { virtualPort: 1 });
    const { handle: refused } = await a!.next("incoming");
    a!.control("refuse", { handle: refused, reason: 0, debug: "" });
    await a!.fence();
    await lose(stub, a!);
    b!.control("close", { handle: leaving, reason: 1234, closedBy: 0, debug: "" }, CloseFlag.Graceful);
    c!.connect(ALICE, { virtualPort: 2 });
    await b!.fence();
    await c!.fence();
    await evictDurableObject(stub);
    const { told, connections, peer } = await comeBack({ app, peer: ALICE }, a!.key);
    const incoming = { peer: CAROL, connectionType: 2, channel: -1 };
    expect(told).toMatchObject([
      stateOf(handle, Connected),
      stateOf(leaving, Disconnecting),
      ["close", { handle: leaving, reason: 1234, closedBy: ClosedBy.Peer }, CloseFlag.Graceful],
      stateOf(asked, Connecting),
      ["incoming", { ...incoming, handle: offered, connectionId, virtualPort: 0 }],
      ["incoming", { ...incoming, virtualPort: 2 }],
    ]);
    expect(connections).toBe(5);
    peer.control("accept", { handle: offered });
    expect(await c!.nextOf("Connected", ({ control }) => control?.frame === "state")).toMatchObject({
      control: { values: { handle: offered, state: Connected } },
    });
    peer.control("close", { handle: leaving, reason: 0, closedBy: 0, debug: "" });
    expect(await nextClose(b!)).toEqual({ handle: leaving, reason: 1234, closedBy: ClosedBy.Local });
  });

  it("R4, R5: where both ends are away, the first to come back is told of it, and again when the other is back", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    await lose(stub, a);
    await lose(stub, b);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 2, activeConnections: 1 });
    await evictDurableObject(stub);
    const first = await comeBack({ app, peer: ALICE }, a.key);
    expect(first.told).toEqual([stateOf(handle, Connected), away(handle)]);
    await evictDurableObject(stub);
    const second = await comeBack({ app, peer: BOB }, b.key);
    expect(second.told).toEqual([stateOf(handle, Connected)]);
    expect(await heard(first.peer)).toEqual([openAgain(handle)]);
    await mustRelay({ a: first.peer, b: second.peer, handle, connectionId: 0n });
  });

  it("R4, R6: several at once in a sleeping room: the others are told of each, once", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const [a, b, c] = await Promise.all([ALICE, BOB, CAROL].map((peer) => TestPeer.enter({ app, peer })));
    const withA = await joinUp(a!, c!);
    const withB = await joinUp(b!, c!);
    const between = await joinUp(a!, b!, { virtualPort: 4 });
    const lines = captureLogs();
    await evictDurableObject(stub);
    await lose(stub, b!, a!);
    const told = await heard(c!);
    expect(told).toHaveLength(2);
    expect(told).toEqual(expect.arrayContaining([away(withA.handle), away(withB.handle)]));
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, away: 2, activeConnections: 3 });
    expect(lines.filter(({ event }) => event === "session_closed")).toEqual([]);
    await evictDurableObject(stub);
    const back = [await comeBack({ app, peer: BOB }, b!.key), await comeBack({ app, peer: ALICE }, a!.key)];
    expect(back.map(({ connections }) => connections)).toEqual([2, 2]);
    expect(await heard(c!)).toEqual([openAgain(withB.handle), openAgain(withA.handle)]);
    await mustRelay({ ...withA, a: back[1]!.peer });
    await mustRelay({ ...between, a: back[1]!.peer, b: back[0]!.peer });
  });

  it("R3, R4: the same with closes that the platform itself reports", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const [a, b, c] = await Promise.all([ALICE, BOB, CAROL].map((peer) => TestPeer.enter({ app, peer })));
    const withA = await joinUp(a!, c!);
    const withB = await joinUp(b!, c!);
    await evictDurableObject(stub);
    b!.socket.close(1001);
    a!.socket.close(3000, "reload");
    await Promise.all([a!.closed, b!.closed]);
    const told = await heard(c!);
    expect(told).toHaveLength(2);
    expect(told).toEqual(expect.arrayContaining([away(withA.handle), away(withB.handle)]));
    const back = [await comeBack({ app, peer: ALICE }, a!.key), await comeBack({ app, peer: BOB }, b!.key)];
    await mustRelay({ ...withA, a: back[0]!.peer });
    await mustRelay({ ...withB, a: back[1]!.peer });
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 3, away: 0, activeConnections: 2 });
  });

  it("S5, R3: of several lost at once in a sleeping room, the one that said goodbye is gone", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const [a, b, c] = await Promise.all([ALICE, BOB, CAROL].map((peer) => TestPeer.enter({ app, peer })));
    const withA = await joinUp(a!, c!);
    const withB = await joinUp(b!, c!);
    await evictDurableObject(stub);
    a!.socket.close(1001);
    b!.socket.close(1000);
    await Promise.all([a!.closed, b!.closed]);
    expect(await nextClose(c!)).toEqual({ handle: withB.handle, reason: EndReason.PeerLeft, closedBy: ClosedBy.Relay });
    expect((await heard(c!)).filter((one) => (one[1] as { handle: number }).handle === withA.handle)).toEqual([
      away(withA.handle),
    ]);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, away: 1, activeConnections: 1 });
    expect((await storedSessions(stub)).map(([peer]) => peer)).toEqual([String(ALICE), String(CAROL)]);
  });
});

/** Evicted every nine seconds, so that whatever the alarm does it does without memory. Returns how often it went off. */
async function sleep(clock: Clock, stub: RoomStub, ms: number, alive: readonly TestPeer[] = []): Promise<number> {
  let alarms = 0;
  const end = clock.now + ms;
  while (clock.now < end) {
    for (const peer of alive) peer.stir();
    await Promise.all(alive.map((peer) => peer.fence()));
    await operatorOf(stub).statistics(); // there must be something to evict
    await evictDurableObject(stub);
    alarms += await clock.pass(Math.min(9 * SECOND, end - clock.now), stub, alive);
  }
  return alarms;
}

describe("R9: a session that nobody comes back to", () => {
  it.each([false, true])(
    "ends when graceMs have passed, not before, once, and costs three rows and the counters (the room stays awake: %s)",
    async (isAwake) => {
      using billing = await Billing.start();
      using clock = new Clock();
      const lines = captureLogs();
      const app = freshApp();
      const stub = roomOf(app);
      const { a, b, handle } = await pairUp({ app });
      await clock.pass(20 * SECOND, stub, [a, b]); // what the connect had to write is written
      await evictDurableObject(stub);
      billing.reset();
      const start = clock.now;
      await lose(stub, a);
      expect(await heard(b)).toEqual([away(handle)]);
      expect(await storedSessions(stub)).toEqual([
        [String(ALICE), start + GRACE],
        [String(BOB), null],
      ]);
      const until = async (time: number) => {
        if (isAwake) return clock.pass(time - clock.now, stub, [b]);
        return sleep(clock, stub, time - clock.now, [b]);
      };
      let alarms = await until(start + GRACE - SECOND);
      expect(await heard(b)).toEqual([]);
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, away: 1, activeConnections: 1 });
      alarms += await until(start + GRACE + SECOND);
      expect(await nextClose(b)).toEqual({ handle, reason: EndReason.PeerLost, closedBy: ClosedBy.Relay });
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, away: 0, activeConnections: 0 });
      expect(lines.filter(({ event }) => event === "session_closed")).toMatchObject([
        { peer: String(ALICE), why: "grace_over" },
      ]);
      const { [COUNTERS]: counters = 0, [HISTORY]: history = 0, ...rows } = billing.statements;
      expect(rows).toEqual({
        "INSERT OR REPLACE INTO sessions": 1,
        "DELETE FROM sessions WHERE peer": 1,
        "DELETE FROM connections WHERE handle": 1,
      });
      expect(history).toBeLessThanOrEqual(1); // a minute has ended
      expect(counters).toBeLessThanOrEqual(alarms); // what they are flushed for is row-budget's concern
      expect(alarms).toBeLessThanOrEqual(6);
      // It is over, and nothing goes on: the alarm comes at the pace at which ghosts are looked for.
      alarms = await until(start + 2 * GRACE + 30 * SECOND);
      expect(alarms).toBeLessThanOrEqual(7);
      expect(await heard(b)).toEqual([]);
      expect(lines.filter(({ event }) => event === "session_closed")).toHaveLength(1);
      b.socket.close(1000);
      await b.closed;
      expect(await alarmOf(stub)).toBeNull();
      expect(await storedSessions(stub)).toEqual([]);
      const late = await TestPeer.enter({ app, peer: ALICE }, a.key); // R2
      expect(late.key.session).not.toBe(a.key.session);
    },
  );

  it("ends through the alarm alone, once, when everyone is away and the object sleeps", async () => {
    using billing = await Billing.start();
    using clock = new Clock();
    const lines = captureLogs();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b } = await pairUp({ app });
    await clock.pass(20 * SECOND, stub, [a, b]);
    await evictDurableObject(stub);
    billing.reset();
    const start = clock.now;
    await lose(stub, a);
    clock.set(start + 5 * SECOND);
    await evictDurableObject(stub);
    await lose(stub, b);
    let alarms = await sleep(clock, stub, 2 * GRACE);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 0, activeConnections: 0 });
    expect(await storedConnections(stub)).toEqual([]);
    expect(await storedSessions(stub)).toEqual([]);
    expect(lines.filter(({ event }) => event === "session_closed")).toMatchObject([
      { peer: String(ALICE), why: "grace_over" },
      { peer: String(BOB), why: "grace_over" },
    ]);
    const closed = lines.filter(({ event }) => event === "connection_closed");
    expect(closed).toMatchObject([{ reason: EndReason.PeerLost }]);
    // One for each to go away, one for each to go, one for the connection; the end that is told last is written down.
    expect(billing.statements["DELETE FROM sessions WHERE peer"]).toBe(2);
    expect(billing.statements["DELETE FROM connections WHERE handle"]).toBe(1);
    expect(billing.statements["INSERT OR REPLACE INTO sessions"]).toBeLessThanOrEqual(3);
    expect(billing.sqlRows).toBeLessThanOrEqual(8);
    expect(alarms).toBeLessThanOrEqual(6);
    expect(await alarmOf(stub)).toBeNull();
    alarms = await clock.pass(GRACE, stub);
    expect(alarms).toBe(0);
  });

  it("R10: after a crash the time counts from the first wake on, and further evictions do not prolong it", async () => {
    using clock = new Clock();
    const app = freshApp();
    const { a, b } = await pairUp({ app });
    await abortAllDurableObjects();
    await Promise.all([a.closed, b.closed]);
    const stub = roomOf(app);
    clock.set(clock.now + 5 * SECOND);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 2, activeConnections: 1 });
    const start = clock.now;
    expect(await storedSessions(stub)).toEqual([
      [String(ALICE), start + GRACE],
      [String(BOB), start + GRACE],
    ]);
    await sleep(clock, stub, GRACE - SECOND);
    expect(await operatorOf(stub).statistics()).toMatchObject({ away: 2, activeConnections: 1 });
    await sleep(clock, stub, 2 * SECOND);
    expect(await operatorOf(stub).statistics()).toMatchObject({ away: 0, activeConnections: 0 });
    expect(await alarmOf(stub)).toBeNull();
  });

  it("R10: a crash while a session is away does not prolong its time, nor forget its end", async () => {
    using clock = new Clock();
    const app = freshApp();
    const first = roomOf(app);
    const { a, b } = await pairUp({ app });
    await lose(first, a);
    const start = clock.now;
    clock.set(start + 20 * SECOND);
    await abortAllDurableObjects();
    await b.closed;
    const stub = roomOf(app);
    await operatorOf(stub).statistics();
    expect(await storedSessions(stub)).toEqual([
      [String(ALICE), start + GRACE],
      [String(BOB), start + 20 * SECOND + GRACE],
    ]);
    await sleep(clock, stub, 11 * SECOND);
    expect(await operatorOf(stub).statistics()).toMatchObject({ away: 1, activeConnections: 0 });
    const { told, connections } = await comeBack({ app, peer: BOB }, b.key);
    expect(told).toMatchObject([["close", { reason: EndReason.PeerLost, closedBy: ClosedBy.Relay }]]);
    expect(connections).toBe(0);
  });

  it("a loss, a return and the first word after it cost a row each, and an alarm", async () => {
    using billing = await Billing.start();
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    await clock.pass(20 * SECOND, stub, [a, b]);
    billing.reset();
    await lose(stub, a);
    const { peer } = await comeBack({ app, peer: ALICE }, a.key);
    await mustRelay({ a: peer, b, handle, connectionId: 0n });
    expect(billing.statements).toEqual({ "INSERT OR REPLACE INTO sessions": 3 });
    expect(billing.alarmsSet.length).toBeLessThanOrEqual(2);
    expect(billing.alarmsDeleted).toBe(0);
  });
});

describe("R10: the relay itself was gone", () => {
  const losses: [string, (stub: RoomStub) => Promise<void>][] = [
    ["an eviction that closes sockets", (stub) => evictDurableObject(stub, { webSockets: "close" })],
    ["a crash", () => abortAllDurableObjects()],
  ];
  it.each(losses)("%s: both ends come back to their sessions and the connection", async (_name, loseAll) => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    await mustRelay({ a, b, handle, connectionId: 0n });
    await loseAll(roomOf(app));
    expect((await Promise.all([a.closed, b.closed])).map(({ code }) => code)).toEqual([1006, 1006]);
    const first = await comeBack({ app, peer: BOB }, b.key);
    expect(first.told).toEqual([stateOf(handle, Connected), away(handle)]);
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 1, away: 1, activeConnections: 1 });
    const second = await comeBack({ app, peer: ALICE }, a.key);
    expect(second.told).toEqual([stateOf(handle, Connected)]);
    expect(await heard(first.peer)).toEqual([openAgain(handle)]);
    await mustRelay({ a: second.peer, b: first.peer, handle, connectionId: 0n });
    // And once more, with the tokens of the second life.
    await loseAll(roomOf(app));
    await Promise.all([first.peer.closed, second.peer.closed]);
    const again = await comeBack({ app, peer: ALICE }, second.peer.key);
    const other = await comeBack({ app, peer: BOB }, first.peer.key);
    await mustRelay({ a: again.peer, b: other.peer, handle, connectionId: 0n });
  });

  it.each(losses)("%s: a session that had no connections is over, and another one begins", async (_name, loseAll) => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, peer: ALICE });
    await loseAll(roomOf(app));
    await a.closed;
    const again = await TestPeer.enter({ app, peer: ALICE }, a.key);
    expect(again.key.session).not.toBe(a.key.session);
    expect(await heard(again)).toEqual([]);
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 1, away: 0 });
  });

  it.each(losses)("%s: closes that were kept for an away peer are told it (R5)", async (_name, loseAll) => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    const { handle: kept } = await joinUp(a, b, { virtualPort: 1 });
    await lose(roomOf(app), a);
    b.control("close", { handle, reason: 1_042, closedBy: 0, debug: "enough" });
    await nextClose(b);
    await loseAll(roomOf(app));
    await b.closed;
    const { told } = await comeBack({ app, peer: ALICE }, a.key);
    expect(told).toEqual([
      ["close", { handle, reason: 1_042, closedBy: ClosedBy.Peer, debug: "enough" }],
      stateOf(kept, Connected),
      away(kept),
    ]);
  });

  it.each([false, true])(
    "R3, R5: a drain says bye 4008 to everyone, and all come back to what they had (evicted: %s)",
    async (isEvicted) => {
      const app = freshApp();
      const stub = roomOf(app);
      const { a, b, handle } = await pairUp({ app });
      const guest = await TestPeer.join({ app, peer: CAROL });
      const idle = await TestPeer.enter({ app, peer: DAVE });
      if (isEvicted) await evictDurableObject(stub);
      expect(await operatorOf(stub).drain(1_500, "test")).toBe(3);
      for (const peer of [a, b, idle]) {
        expect(await peer.next("bye")).toMatchObject({ code: CloseCode.Restarting, reconnectAfterMs: 1_500 });
        expect((await peer.closed).code).toBe(CloseCode.Restarting);
      }
      expect(guest.close).toBeUndefined();
      await pause(20);
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 2, activeConnections: 1 });
      if (isEvicted) await evictDurableObject(stub);
      const first = await comeBack({ app, peer: ALICE }, a.key);
      const second = await comeBack({ app, peer: BOB }, b.key);
      expect(second.told).toEqual([stateOf(handle, Connected)]);
      await mustRelay({ a: first.peer, b: second.peer, handle, connectionId: 0n });
      const fresh = await TestPeer.enter({ app, peer: DAVE }, idle.key);
      expect(fresh.key.session).not.toBe(idle.key.session);
    },
  );
});

describe("R8: a resume while the older socket looks open", () => {
  it.each([false, true])("takes the session over (evicted: %s)", async (isEvicted) => {
    const app = freshApp();
    const stub = roomOf(app);
    const b = await TestPeer.enter({ app, peer: BOB });
    const older = await TestPeer.enter({ app, peer: ALICE, holdsClose: true });
    const { handle } = await joinUp(older, b);
    if (isEvicted) await evictDurableObject(stub);
    const { peer, told } = await comeBack({ app, peer: ALICE }, older.key);
    expect(told).toEqual([stateOf(handle, Connected)]);
    expect(await older.next("bye")).toMatchObject({ code: CloseCode.Superseded });
    if (isEvicted) await evictDurableObject(stub);
    // What it still says is not read, and its end ends nothing.
    older.data(handle, new Uint8Array(9));
    older.socket.close();
    expect((await older.closed).code).toBe(CloseCode.Superseded);
    expect(await heard(b)).toEqual([openAgain(handle)]);
    await pause(20);
    expect(await operatorOf(stub).statistics()).toMatchObject({
      peers: 2,
      away: 0,
      activeConnections: 1,
      totalPackets: 0,
    });
    await mustRelay({ a: peer, b, handle, connectionId: 0n });
    await lose(stub, peer);
    await mustRelay({ a: (await comeBack({ app, peer: ALICE }, peer.key)).peer, b, handle, connectionId: 0n });
  });

  it("the close event of the older socket that comes last does not make the session away", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    await evictDurableObject(stub);
    // The room is rebuilt by another event while this socket is no longer listed.
    const older = await runInDurableObject<RelayRoom, WebSocket>(stub, async (room, state) => {
      const [lost] = state.getWebSockets(`peer:${ALICE}`);
      const others = state.getWebSockets(`peer:${BOB}`);
      const listed = vi.spyOn(state, "getWebSockets").mockImplementation((tag) => (tag === undefined ? others : []));
      expect(await operatorOf(room).statistics()).toMatchObject({ peers: 1, away: 1 });
      listed.mockRestore();
      return lost!;
    });
    const { peer } = await comeBack({ app, peer: ALICE }, a.key);
    expect(await heard(b)).toEqual([away(handle), openAgain(handle)]);
    await runInDurableObject<RelayRoom, void>(stub, (room) => room.webSocketClose(older, 1006, ""));
    await a.closed;
    expect(await heard(b)).toEqual([]);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, away: 0, activeConnections: 1 });
    await mustRelay({ a: peer, b, handle, connectionId: 0n });
  });
});

describe("R7: a welcome that was lost", () => {
  it.each([false, true])("the token before it is good again, as often as need be (evicted: %s)", async (isEvicted) => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    await lose(stub, a);
    for (let round = 0; round < 3; round++) {
      const { peer } = await comeBack({ app, peer: ALICE }, a.key);
      if (isEvicted) await evictDurableObject(stub);
      await lose(stub, peer); // without having said anything
      if (isEvicted) await evictDurableObject(stub);
    }
    const { peer } = await comeBack({ app, peer: ALICE }, a.key);
    await mustRelay({ a: peer, b, handle, connectionId: 0n });
  });

  it("also when the relay crashes before the client has said anything", async () => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    await lose(roomOf(app), a);
    const { peer: silent } = await comeBack({ app, peer: ALICE }, a.key);
    await abortAllDurableObjects();
    await Promise.all([silent.closed, b.closed]);
    const { peer } = await comeBack({ app, peer: ALICE }, a.key);
    const { peer: other } = await comeBack({ app, peer: BOB }, b.key);
    await mustRelay({ a: peer, b: other, handle, connectionId: 0n });
  });

  it.each(["awake", "asleep", "crashed"])(
    "the token before it is used up once the session has been heard from (the room: %s)",
    async (room) => {
      const app = freshApp();
      const { a, b, handle } = await pairUp({ app });
      await lose(roomOf(app), a);
      const { peer } = await comeBack({ app, peer: ALICE }, a.key);
      peer.stir();
      await peer.fence();
      if (room === "asleep") await evictDurableObject(roomOf(app));
      if (room === "crashed") {
        await abortAllDurableObjects();
        await Promise.all([peer.closed, b.closed]);
      } else await lose(roomOf(app), peer);
      if (room === "asleep") await evictDurableObject(roomOf(app));
      const other = await TestPeer.enter({ app, peer: ALICE }, a.key);
      expect(other.key.session).not.toBe(a.key.session);
      await pause(20);
      expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ activeConnections: 0 });
      if (room !== "crashed") {
        expect(await b.next("close")).toMatchObject({ handle, reason: EndReason.PeerSuperseded });
      }
    },
  );
});

describe("R2: a hello that is a fresh one", () => {
  it.each(["open", "away"])("with a wrong token, an empty one, one cut short (the session: %s)", async (state) => {
    const app = freshApp();
    const stub = roomOf(app);
    for (const change of [
      (token: Uint8Array) => token.map((byte, index) => (index === 15 ? byte ^ 1 : byte)),
      () => new Uint8Array(),
      (token: Uint8Array) => token.slice(0, 15),
      (token: Uint8Array) => new Uint8Array([...token, 0]),
    ]) {
      const { a, b, handle } = await pairUp({ app });
      if (state === "away") await lose(stub, a);
      const { session, token } = a.key;
      const fresh = await TestPeer.enter({ app, peer: ALICE }, { session, token: change(token) });
      expect(fresh.key.session).not.toBe(session);
      expect(await nextClose(b)).toEqual({ handle, reason: EndReason.PeerSuperseded, closedBy: ClosedBy.Relay });
      expect(await heard(fresh)).toEqual([]); // nothing of the older session, and no `resumed`
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, away: 0, activeConnections: 0 });
      // The older session's own token is worth nothing now.
      const late = await TestPeer.enter({ app, peer: ALICE }, a.key);
      expect(late.key.session).not.toBe(session);
    }
  });

  it.each(["open", "away"])(
    "with the key of another peer, whose session is untouched (that one: %s)",
    async (state) => {
      const app = freshApp();
      const stub = roomOf(app);
      const { a, b, handle } = await pairUp({ app });
      if (state === "away") await lose(stub, a);
      for (const isEvicted of [false, true]) {
        if (isEvicted) await evictDurableObject(stub);
        const thief = await TestPeer.enter({ app, peer: CAROL }, a.key);
        expect(thief.key.session).not.toBe(a.key.session);
        thief.data(handle);
        expect(await heard(thief)).toMatchObject([["error", { about: handle }]]);
      }
      expect(await heard(b)).toEqual(state === "away" ? [away(handle)] : []);
      if (state === "open") await mustRelay({ a, b, handle, connectionId: 0n });
      const { peer } = await comeBack({ app, peer: ALICE }, a.key);
      await mustRelay({ a: peer, b, handle, connectionId: 0n });
    },
  );

  it("with the key of the same peer's session in another room", async () => {
    const app = freshApp();
    const { a } = await pairUp({ app });
    const elsewhere = await TestPeer.enter({ app, room: "other", peer: ALICE }, a.key);
    expect(elsewhere.key.session).not.toBe(a.key.session);
    expect(a.close).toBeUndefined();
  });

  it.each(["bye", "a clean close", "a kick", "a broken protocol"])("after %s", async (end) => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    if (end === "bye") a.control("bye", { code: 1000, reconnectAfterMs: 0, debug: "" });
    else if (end === "a kick") await operatorOf(stub).kick(ALICE as never, "test");
    else if (end === "a broken protocol") a.socket.send("text");
    else a.socket.close(1000);
    await a.closed;
    const reason = end === "a kick" ? EndReason.PeerKicked : EndReason.PeerLeft;
    expect(await nextClose(b)).toMatchObject({ handle, reason });
    expect(await storedSessions(stub)).toMatchObject([[String(BOB), null]]);
    const fresh = await TestPeer.enter({ app, peer: ALICE }, a.key);
    expect(fresh.key.session).not.toBe(a.key.session);
    expect(await heard(fresh)).toEqual([]);
    await mustRelay(await joinUp(fresh, b));
  });

  it("R9: when the time is over, also where no alarm has said so yet", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    await lose(stub, a);
    await evictDurableObject(stub);
    clock.set(clock.now + GRACE + 2 * SECOND);
    const late = await TestPeer.enter({ app, peer: ALICE }, a.key);
    expect(late.key.session).not.toBe(a.key.session);
    await b.next("path");
    expect(await nextClose(b)).toMatchObject({ handle });
  });
});

describe("R5: what ended while the client could not hear it", () => {
  it.each([false, true])("is told with reason, who and text, in order (evicted: %s)", async (isEvicted) => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle: first } = await pairUp({ app });
    const c = await TestPeer.enter({ app, peer: CAROL });
    const { handle: second } = await joinUp(c, a);
    const { handle: third, connectionId } = await joinUp(a, b, { virtualPort: 2 });
    const { handle: kept } = await joinUp(a, b, { virtualPort: 3 });
    if (isEvicted) await evictDurableObject(stub);
    await lose(stub, a);
    if (isEvicted) await evictDurableObject(stub);
    b.control("close", { handle: first, reason: 1_111, closedBy: 0, debug: "not you" });
    await nextClose(b);
    if (isEvicted) await evictDurableObject(stub);
    c.socket.close(1000);
    await c.closed;
    await b.fence();
    if (isEvicted) await evictDurableObject(stub);
    expect(await operatorOf(stub).closeConnection(connectionId as never, "test")).toBe(true);
    if (isEvicted) await evictDurableObject(stub);
    const { told, connections, peer } = await comeBack({ app, peer: ALICE }, a.key);
    expect(told).toEqual([
      ["close", { handle: first, reason: 1_111, closedBy: ClosedBy.Peer, debug: "not you" }],
      ["close", { handle: second, reason: EndReason.PeerLeft, closedBy: ClosedBy.Relay, debug: "" }],
      ["close", { handle: third, reason: EndReason.ClosedByAdmin, closedBy: ClosedBy.Relay, debug: "" }],
      stateOf(kept, Connected),
    ]);
    expect(connections).toBe(1);
    await heard(b);
    await mustRelay({ a: peer, b, handle: kept, connectionId: 0n });
  });

  it.each([false, true])(
    "is told also when it was sent to a socket that then turned out to be lost (evicted: %s)",
    async (isEvicted) => {
      const app = freshApp();
      const stub = roomOf(app);
      const { a, b, handle } = await pairUp({ app });
      const { handle: kept } = await joinUp(a, b, { virtualPort: 3 });
      b.control("close", { handle, reason: 1_111, closedBy: 0, debug: "not you" });
      await nextClose(b);
      if (isEvicted) await evictDurableObject(stub);
      await lose(stub, a);
      const { told } = await comeBack({ app, peer: ALICE }, a.key);
      expect(told).toEqual([
        ["close", { handle, reason: 1_111, closedBy: ClosedBy.Peer, debug: "not you" }],
        stateOf(kept, Connected),
      ]);
    },
  );

  it("C6: a connect that timed out meanwhile", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, handle: kept } = await pairUp({ app });
    a.connect(DAVE);
    const { handle } = await a.next("connecting");
    await lose(stub, a);
    await evictDurableObject(stub);
    await clock.pass(12 * SECOND, stub);
    await evictDurableObject(stub);
    const { told } = await comeBack({ app, peer: ALICE }, a.key);
    expect(told).toEqual([
      ["close", { handle, reason: EndReason.Timeout, closedBy: ClosedBy.Relay, debug: "" }],
      stateOf(kept, Connected),
    ]);
  });
});
