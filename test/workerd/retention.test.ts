/** A room that nobody is in gives up its storage: with an alarm, once, and for no row more than it costs to fall silent. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { type AppId, parseAppId } from "../../src/protocol/index.ts";
import { DurableDirectory } from "../../src/runtime/cloudflare/directory.ts";
import { objectsOf } from "../../src/runtime/cloudflare/objects.ts";
import { Billing } from "./support/billing.ts";
import { Clock } from "./support/clock.ts";
import { captureLogs } from "./support/logs.ts";
import { ALICE, BOB, TestPeer, mustRelay, pairUp } from "./support/peer.ts";
import { alarmOf, directoryOf, freshApp, operatorOf, roomOf, storedTotals } from "./support/room.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function totalsOf(app: number) {
  return new DurableDirectory(objectsOf(env)).app(parseAppId(app) as AppId).totals();
}

function listed(app: number) {
  return new DurableDirectory(objectsOf(env)).app(parseAppId(app) as AppId).rooms({ limit: 10 });
}

async function known(app: number, statistics: object): Promise<void> {
  await vi.waitFor(async () => expect((await totalsOf(app)).statistics).toMatchObject(statistics));
}

function tablesOf(app: number, room: string): Promise<number> {
  return runInDurableObject(roomOf(app, room), (_room, { storage }) => {
    return storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'counters'").toArray().length;
  });
}

/** Two have been here, relayed 32 bytes, and left. */
async function visited(app: number, room: string): Promise<void> {
  const pair = await pairUp({ app, room });
  await mustRelay(pair);
  for (const peer of [pair.a, pair.b]) peer.socket.close(1000);
  await Promise.all([pair.a.closed, pair.b.closed]);
}

describe("a named room", () => {
  it("is nothing a day after the last has left; what it counted is not lost, and it begins anew", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app, "r");
    await visited(app, "r");
    const left = clock.now; // waiting for what is known moves it
    await known(app, { peers: 0, totalPackets: 2 });
    expect(await alarmOf(stub)).toBe(left + DAY);
    await evictDurableObject(stub);
    expect(await clock.pass(DAY, stub)).toBe(1);
    expect(await tablesOf(app, "r")).toBe(0);
    expect(await alarmOf(stub)).toBeNull();
    expect(await listed(app)).toEqual([]);
    await known(app, { totalPackets: 2, totalBytes: 32 });
    await visited(app, "r");
    await known(app, { peers: 0, totalPackets: 4, totalBytes: 64, joins: 4 });
    expect(await storedTotals(stub)).toEqual({ packets: 2, bytes: 32 });
  });

  it("asked for something while it is being cleared, and after: it will be cleared again", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app, "r");
    await visited(app, "r");
    await known(app, { peers: 0 });
    const cleared = clock.pass(DAY, stub);
    for (let i = 0; i < 20; i++) await stub.region();
    expect(await cleared).toBe(1);
    await stub.region(); // has tables again
    expect(await alarmOf(stub)).toBeGreaterThan(clock.now);
  });

  it("stays while somebody comes within that time, and is cleared a day after them", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app, "r");
    await visited(app, "r");
    await clock.pass(20 * HOUR, stub);
    await visited(app, "r");
    const left = clock.now;
    await clock.pass(20 * HOUR, stub);
    expect(await tablesOf(app, "r")).toBe(1);
    await operatorOf(stub).statistics(); // who only looks changes nothing
    expect(await alarmOf(stub)).toBe(left + DAY);
    await clock.pass(4 * HOUR, stub);
    expect(await tablesOf(app, "r")).toBe(0);
  });

  it("costs no row more to fall silent than to have nothing due, and one alarm in all", async () => {
    using billing = await Billing.start();
    const bill = async (room: string | undefined) => {
      const app = freshApp();
      using clock = new Clock();
      const a = await TestPeer.enter({ app, room, peer: ALICE });
      await known(app, { peers: 1 });
      billing.reset();
      a.socket.close(1000);
      await a.closed;
      await known(app, { peers: 0 });
      await clock.pass(HOUR, roomOf(app, room));
      return { rows: billing.rows, sql: billing.statements };
    };
    const kept = await bill(undefined); // the app's own: nothing will be due in it
    expect(await bill("r")).toEqual(kept);
  });

  it("stays while a ban holds, which would let somebody in again", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app, "r");
    await operatorOf(stub).ban({ kind: "peer", subject: String(BOB), until: clock.now + 30 * HOUR, reason: "" }, "op");
    await visitedBy(app, ALICE);
    await clock.pass(DAY, stub);
    expect(await tablesOf(app, "r")).toBe(1);
    await clock.pass(DAY, stub);
    expect(await tablesOf(app, "r")).toBe(0);
  });

  it("that only strangers and operators have asked for is cleared, too, and the directory never hears of it", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app, "r");
    await operatorOf(stub).statistics();
    expect(await tablesOf(app, "r")).toBe(1);
    const due = clock.now + DAY;
    clock.set(clock.now + HOUR);
    await evictDurableObject(stub);
    await operatorOf(stub).statistics();
    expect(await alarmOf(stub)).toBe(due);
    await evictDurableObject(stub);
    await clock.pass(DAY - HOUR, stub);
    expect(await tablesOf(app, "r")).toBe(0);
    expect(await listed(app)).toEqual([]);
  });

  it("stays as it is when the directory cannot hear the last of it, and tries again a day later", async () => {
    const lines = captureLogs();
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app, "r");
    await visited(app, "r");
    await known(app, { peers: 0, totalPackets: 2 });
    const rename = (from: string, to: string) =>
      runInDurableObject(directoryOf(app), (_object, { storage }) => {
        storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
      });
    await rename("directory_rooms", "hidden");
    await clock.pass(DAY, stub);
    expect(lines.filter(({ event }) => event === "clear_failed")).toHaveLength(1);
    expect(await tablesOf(app, "r")).toBe(1);
    await rename("hidden", "directory_rooms");
    await evictDurableObject(directoryOf(app));
    await clock.pass(DAY, stub);
    expect(await tablesOf(app, "r")).toBe(0);
    await known(app, { totalPackets: 2 });
  });

  it("is not cleared while somebody is in it who came since the alarm was set", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app, "r");
    await visited(app, "r");
    clock.set(clock.now + DAY - 1_000);
    const a = await TestPeer.enter({ app, room: "r", peer: ALICE });
    await clock.pass(20_000, stub, [a]);
    await a.fence();
    expect(await tablesOf(app, "r")).toBe(1);
    a.socket.close(1000);
  });
});

describe("an app's own room", () => {
  it("is kept for ever, and named rooms too where the setting is 0, unless it has a time of its own", async () => {
    using clock = new Clock();
    const app = freshApp();
    const a = await TestPeer.enter({ app, peer: ALICE });
    a.socket.close(1000);
    await a.closed;
    expect(await alarmOf(roomOf(app))).toBeNull();
    await visited(3007, "r");
    expect(await alarmOf(roomOf(3007, "r"))).toBeNull();
    const b = await TestPeer.enter({ app: 3007, peer: ALICE });
    b.socket.close(1000);
    await b.closed;
    expect(await alarmOf(roomOf(3007))).toBe(clock.now + HOUR);
  });
});

async function visitedBy(app: number, peer: bigint): Promise<void> {
  const a = await TestPeer.enter({ app, room: "r", peer });
  a.socket.close(1000);
  await a.closed;
}
