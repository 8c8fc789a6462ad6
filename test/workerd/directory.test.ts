/** What the directory knows of rooms, how rooms follow it, and what that costs; both objects in workerd. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { type AppId, ERRORS, parseAppId } from "../../src/protocol/index.ts";
import type { AppDirectory, AppTotals, RoomSummary } from "../../src/relay/directory/report.ts";
import { PRESENCE_MS } from "../../src/relay/directory/app-ledger.ts";
import { REPORT_MS } from "../../src/relay/directory/reporting.ts";
import { type SettingOverrides, TIMES } from "../../src/relay/settings.ts";
import { objectsOf } from "../../src/runtime/cloudflare/objects.ts";
import { DurableDirectory } from "../../src/runtime/cloudflare/directory.ts";
import { dataFrame } from "../support/frames.ts";
import { Billing } from "./support/billing.ts";
import { Clock } from "./support/clock.ts";
import { captureLogs } from "./support/logs.ts";
import { ALICE, BOB, CAROL, DAVE, TestPeer, mustRelay, nextClose, pairUp } from "./support/peer.ts";
import { directoryOf, freshApp, operatorOf, roomOf } from "./support/room.ts";

const directory = new DurableDirectory(objectsOf(env));

function directoryFor(app: number): AppDirectory {
  return directory.app(parseAppId(app) as AppId);
}

/** Reports are sent and not waited for. */
function soon<T>(check: () => Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 5_000, interval: 5 });
}

async function totalsSoon(app: number, expected: Partial<AppTotals["statistics"]>): Promise<AppTotals> {
  return soon(async () => {
    const totals = await directoryFor(app).totals();
    expect(totals.statistics).toMatchObject(expected);
    return totals;
  });
}

function roomsOf(app: number): Promise<RoomSummary[]> {
  return directoryFor(app).rooms({ limit: 100 });
}

async function send(from: TestPeer, to: TestPeer, handle: number): Promise<void> {
  from.data(handle, new Uint8Array(10));
  await to.nextData();
}

async function set(app: number, overrides: SettingOverrides): Promise<void> {
  await directoryFor(app).setOverrides(overrides);
  expect(await directoryFor(app).overrides()).toEqual(overrides);
}

/** Whether the room has them: asked of the object, so nothing is sent. */
function follows(app: number, version: number, room?: string): Promise<void> {
  return soon(() =>
    runInDurableObject(roomOf(app, room), (_object, { storage }) => {
      expect(storage.sql.exec("SELECT version FROM following").one()).toEqual({ version });
    }),
  );
}

describe("what rooms say", () => {
  it("comes at once with the first peer, the first connection, and the last who leaves", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, peer: ALICE });
    await totalsSoon(app, { peers: 1, activeConnections: 0 });
    const b = await TestPeer.enter({ app, peer: BOB });
    a.connect(BOB);
    const { handle } = await a.next("connecting");
    b.control("accept", { handle });
    await totalsSoon(app, { peers: 2, activeConnections: 1 });
    await mustRelay({ a, b, handle, connectionId: 0n });
    for (const peer of [a, b]) peer.socket.close(1000);
    const { rooms, oldest } = await totalsSoon(app, {
      peers: 0,
      activeConnections: 0,
      totalPackets: 2,
      totalBytes: 32,
    });
    expect({ rooms, oldest }).toEqual({ rooms: 0, oldest: null });
  });

  it("is of each room, the app's own first, and the app is listed", async () => {
    const app = freshApp();
    const own = await pairUp({ app });
    const lobby = await pairUp({ app, room: "lobby" });
    await mustRelay(own);
    await totalsSoon(app, { peers: 4, activeConnections: 2 });
    const rooms = await roomsOf(app);
    expect(rooms.map(({ room }) => room)).toEqual([null, "lobby"]);
    const [summary] = await directory.apps({ after: app - 1, limit: 1 });
    expect(summary).toMatchObject({ app, rooms: 2, peers: 4, activeConnections: 2 });
    for (const peer of [own.a, own.b, lobby.a, lobby.b]) peer.socket.close(1000);
    await totalsSoon(app, { peers: 0, totalPackets: 2 });
  });

  it("adds up to what the rooms themselves counted, whoever is evicted", async () => {
    const app = freshApp();
    const rooms = ["a", "b", "c"];
    const pairs = await Promise.all(rooms.map((room) => pairUp({ app, room })));
    for (let round = 0; round < 4; round++) {
      for (const [index, { a, b, handle }] of pairs.entries()) {
        for (let i = 0; i <= index; i++) await send(a, b, handle);
        a.control("accept", { handle: 999 });
        if (round % 2 === 0) await evictDurableObject(roomOf(app, rooms[index]));
      }
      await totalsSoon(app, { peers: 6 }); // so that it is awake
      await evictDurableObject(directoryOf(app));
    }
    for (const { a, b } of pairs) for (const peer of [a, b]) peer.socket.close(1000);
    const { statistics } = await totalsSoon(app, { peers: 0, totalPackets: 24, totalBytes: 240 });
    const own = await Promise.all(rooms.map((room) => operatorOf(roomOf(app, room)).statistics()));
    const sumOf = (count: (one: (typeof own)[number]) => number) => own.reduce((sum, one) => sum + count(one), 0);
    expect(statistics.totalBytes).toBe(sumOf(({ totalBytes }) => totalBytes));
    expect(statistics.refusals).toMatchObject({ unknown_handle: sumOf(({ refusals }) => refusals.unknown_handle) });
    expect(statistics.monthBytes).toBe(240);
  });

  it("of one whose storage was cleared stays in the sum", async () => {
    const app = freshApp();
    for (const packets of [2, 4]) {
      const pair = await pairUp({ app });
      await mustRelay(pair);
      for (const peer of [pair.a, pair.b]) peer.socket.close(1000);
      await totalsSoon(app, { peers: 0, totalPackets: packets });
      await runInDurableObject(roomOf(app), (_room, { storage }) => storage.deleteAll());
      await evictDurableObject(roomOf(app));
    }
  });

  it("counts as gone when it dies without a word", async () => {
    using clock = new Clock();
    const app = freshApp();
    await TestPeer.enter({ app, peer: ALICE });
    await totalsSoon(app, { peers: 1 });
    clock.set(clock.now + PRESENCE_MS);
    expect(await directoryFor(app).totals()).toMatchObject({ rooms: 0, statistics: { peers: 0 } });
  });

  it("is not heard of a room that only operators and strangers have asked for", async () => {
    const app = freshApp();
    await operatorOf(roomOf(app)).statistics();
    await operatorOf(roomOf(app)).ban({ kind: "peer", subject: "5", until: null, reason: "" }, "operator");
    await operatorOf(roomOf(app)).kick(ALICE as never, "operator");
    expect(await directoryFor(app).totals()).toMatchObject({ rooms: 0 });
    expect(await roomsOf(app)).toEqual([]);
  });

  it("is lost when the directory fails, which the room survives, and said again with the next", async () => {
    const lines = captureLogs();
    using clock = new Clock();
    const app = freshApp();
    await directoryFor(app).totals();
    const rename = (from: string, to: string) =>
      runInDurableObject(directoryOf(app), (_object, { storage }) => {
        storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
      });
    await rename("directory_rooms", "hidden");
    const pair = await pairUp({ app });
    await mustRelay(pair);
    await soon(async () => expect(lines.filter(({ event }) => event === "report_failed").length).toBeGreaterThan(0));
    await rename("hidden", "directory_rooms");
    await evictDurableObject(directoryOf(app));
    clock.set(clock.now + REPORT_MS);
    await mustRelay(pair);
    await totalsSoon(app, { peers: 2, activeConnections: 1 });
  });
});

describe("what it costs", () => {
  it("a row for each report, which come at most every 30 s under traffic, also where the room is evicted all the time", async () => {
    using billing = await Billing.start();
    for (const evictEveryMs of [Infinity, 11_000]) {
      using clock = new Clock();
      const app = freshApp();
      const { a, b, handle } = await pairUp({ app });
      await totalsSoon(app, { activeConnections: 1 });
      billing.reset();
      const end = clock.now + 180_000;
      for (let nextEviction = clock.now + evictEveryMs; clock.now < end;) {
        clock.set(clock.now + 1_000);
        for (const peer of [a, b]) peer.stir();
        await send(a, b, handle);
        if (clock.now < nextEviction) continue;
        await evictDurableObject(roomOf(app));
        nextEviction += evictEveryMs;
      }
      await soon(async () => expect(billing.directoryRows).toBe(180_000 / REPORT_MS));
      const { statistics } = await directoryFor(app).totals();
      expect(statistics.totalPackets).toBeGreaterThanOrEqual(179); // the last was of the first message in its second
      a.socket.close(1000);
      b.socket.close(1000);
    }
  });

  it("next to nothing in a room where nobody talks, no alarm of its own, and nothing while it sleeps", async () => {
    using billing = await Billing.start();
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    await pairUp({ app });
    await totalsSoon(app, { activeConnections: 1 });
    /** Clients that only ping, which the platform answers by itself: the time of its answers cannot be faked, so it is given. */
    const live = async (seconds: number) => {
      await runInDurableObject(stub, (_room, state) => {
        state.getWebSocketAutoResponseTimestamp = () => new Date();
      });
      await clock.pass(seconds * 1_000, stub);
    };
    await live(60);
    billing.reset();
    for (let minute = 0; minute < 3; minute++) {
      await live(60);
      await evictDurableObject(stub);
    }
    expect(billing.directoryRows).toBeLessThanOrEqual(1);
    expect(billing.statements).toEqual({});
  });
});

describe("settings, live", () => {
  it("maxPayload: sessions that are open follow without a report, in all rooms, and back", async () => {
    const app = freshApp();
    const pairs = await Promise.all([pairUp({ app }), pairUp({ app, room: "lobby" })]);
    await totalsSoon(app, { activeConnections: 2 });
    await set(app, { maxPayload: 100 });
    await Promise.all([follows(app, 1), follows(app, 1, "lobby")]);
    for (const { a, handle } of pairs) {
      a.data(handle, new Uint8Array(101));
      expect(await a.next("error")).toMatchObject({ code: ERRORS.payload_too_large.code });
    }
    for (const pair of pairs) await mustRelay(pair);
    await set(app, {});
    await follows(app, 2);
    const { a, b, handle } = pairs[0]!;
    a.data(handle, new Uint8Array(101));
    expect((await b.nextData()).payload).toHaveLength(101);
  });

  it("messagesPerSecond: what is beyond it is dropped, and nobody is sent away by the change", async () => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    await totalsSoon(app, { activeConnections: 1 });
    await set(app, { messagesPerSecond: 5 });
    await follows(app, 1);
    const payload = new Uint8Array(1);
    for (let number = 1; number <= 15; number++) a.send(dataFrame({ handle, payload, number }));
    await a.next("error");
    await b.fence();
    const { drops, peers } = await operatorOf(roomOf(app)).statistics();
    expect(drops.rate_limited).toBeGreaterThan(0);
    expect(peers).toBe(2);
  });

  it("idleTimeoutMs: a connection that is idle for longer already ends at the next look", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b } = await pairUp({ app });
    await totalsSoon(app, { activeConnections: 1 });
    await clock.pass(60_000, stub, [a, b]);
    await set(app, { idleTimeoutMs: 30_000 });
    await follows(app, 1);
    const closed = nextClose(a);
    await clock.pass(TIMES.cleanupMs + 1_000, stub, [a, b]);
    await closed;
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, activeConnections: 0 });
  });

  it("hold for a room that wakes, at once, and for one that is new, from its first report on", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, peer: ALICE });
    await totalsSoon(app, { peers: 1 });
    await set(app, { maxPayload: 77, graceMs: 0 });
    await follows(app, 1);
    await evictDurableObject(roomOf(app));
    await evictDurableObject(directoryOf(app));
    expect(await (await TestPeer.join({ app, peer: BOB })).hello()).toMatchObject({ maxPayload: 77, graceMs: 0 });
    expect(await directoryFor(app).overrides()).toEqual({ maxPayload: 77, graceMs: 0 });
    await TestPeer.enter({ app, room: "new", peer: CAROL });
    await follows(app, 1, "new");
    expect(await (await TestPeer.join({ app, room: "new", peer: DAVE })).hello()).toMatchObject({ maxPayload: 77 });
    a.socket.close(1000);
  });

  it("a sleeping room that nobody is in is not woken; it follows with the first report after it wakes", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, peer: ALICE });
    await totalsSoon(app, { peers: 1 });
    a.socket.close(1000);
    await totalsSoon(app, { peers: 0 });
    await evictDurableObject(roomOf(app));
    await set(app, { maxPayload: 77 });
    await evictDurableObject(directoryOf(app)); // waits for all that it was about to tell
    await expect(evictDurableObject(roomOf(app))).rejects.toThrow(); // it is not running
    await TestPeer.enter({ app, peer: ALICE });
    await follows(app, 1);
  });

  it("of an app of which nothing is known are kept, and the app is listed", async () => {
    const app = freshApp();
    await set(app, { maxPayload: 5 });
    expect(await directory.apps({ after: app - 1, limit: 1 })).toMatchObject([{ app, rooms: 0, peers: 0 }]);
  });
});
