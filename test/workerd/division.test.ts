/** An app whose rooms several directory objects share, and how they are divided anew without a count that is lost. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type AppId, parseAppId, parseRoomName } from "../../src/protocol/index.ts";
import { NOTHING } from "../../src/relay/directory/figures.ts";
import type { RoomReport } from "../../src/relay/directory/report.ts";
import { shardOf } from "../../src/relay/directory/shards.ts";
import { DurableDirectory } from "../../src/runtime/cloudflare/directory.ts";
import { objectsOf } from "../../src/runtime/cloudflare/objects.ts";
import type { RelayDirectory } from "../../src/runtime/cloudflare/relay-directory.ts";
import { ALICE, TestPeer } from "./support/peer.ts";
import { freshApp, roomOf } from "./support/room.ts";

const ROOMS = Array.from({ length: 12 }, (_, index) => `r${index}`);
/** One isolate runs them all, so what a deployment changes is changed for all objects at once. */
const variables = env as { APP_SETTINGS?: string | undefined };
const { APP_SETTINGS: deployed } = variables;
const objects = objectsOf(env);
const directory = new DurableDirectory(objects);

afterEach(() => {
  variables.APP_SETTINGS = deployed;
});

function divide(app: number, directoryShards: number): void {
  variables.APP_SETTINGS = JSON.stringify({ [app]: { directoryShards } });
  expect(objects.shardsOf(app as AppId)).toBe(directoryShards);
}

function shard(app: number, number: number): DurableObjectStub<RelayDirectory> {
  return objects.directory(parseAppId(app) as AppId, number);
}

/** What its room would say: it has counted so many packets, and the directory knew of `before`. */
async function report(app: number, room: string | undefined, totalPackets: number, before?: number) {
  const name = parseRoomName(room);
  const statistics = { ...NOTHING, totalPackets, peers: 1 };
  const said: RoomReport = {
    room: name,
    at: Date.now(),
    statistics,
    life: `life of ${room}`,
    version: 0,
    ...(before !== undefined && { before: { ...NOTHING, totalPackets: before } }),
  };
  return objects.directoryOf({ app: app as AppId, room: name }).report(said);
}

async function totalsOf(app: number) {
  const { rooms, statistics } = await directory.app(app as AppId).totals();
  return { rooms, peers: statistics.peers, packets: statistics.totalPackets };
}

describe("rooms of an app that is divided", () => {
  it("report to one object each, and are one list and one sum", async () => {
    const app = freshApp();
    divide(app, 4);
    await report(app, undefined, 1_000);
    for (const [index, room] of ROOMS.entries()) await report(app, room, index + 1);
    expect(new Set(ROOMS.map((room) => shardOf(room, 4))).size).toBeGreaterThan(2);
    expect(await totalsOf(app)).toEqual({ rooms: 13, peers: 13, packets: 1_078 });
    const all = await directory.app(app as AppId).rooms({ limit: 100 });
    expect(all.map(({ room }) => room)).toEqual([null, ...ROOMS.toSorted()]);
    const second = await directory.app(app as AppId).rooms({ after: "r1", limit: 3 });
    expect(second.map(({ room }) => room)).toEqual(["r10", "r11", "r2"]);
    expect(await directory.apps({ after: app - 1, limit: 1 })).toMatchObject([{ app, rooms: 13, peers: 13 }]);
    expect(await shard(app, 3).totals()).not.toMatchObject({ rooms: 13 });
  });

  it("are in use as any: real rooms find their object", async () => {
    const peers = await Promise.all(ROOMS.map((room) => TestPeer.enter({ app: 3006, room, peer: ALICE })));
    await vi.waitFor(async () => expect(await totalsOf(3006)).toMatchObject({ rooms: 12, peers: 12 }));
    await directory.app(3006 as AppId).setOverrides({ maxPayload: 77 });
    for (const room of ROOMS) {
      await vi.waitFor(() =>
        runInDurableObject(roomOf(3006, room), (_room, { storage }) => {
          expect(storage.sql.exec("SELECT version FROM following").one()).toEqual({ version: 1 });
        }),
      );
    }
    for (const { socket } of peers) socket.close(1000);
    await vi.waitFor(async () => expect(await totalsOf(3006)).toMatchObject({ rooms: 0, peers: 0 }));
  });
});

describe("divided anew", () => {
  it("from 1 to 4 to 2 to 4: nothing is lost or counted twice, whether a room is heard of again or not", async () => {
    const app = freshApp();
    const known = new Map(ROOMS.map((room, index) => [room, 10 * (index + 1)]));
    const sum = () => [...known.values()].reduce((all, packets) => all + packets, 0);
    divide(app, 1);
    for (const [room, packets] of known) await report(app, room, packets);
    for (const [round, shards] of [4, 2, 4, 1].entries()) {
      divide(app, shards);
      expect(await totalsOf(app)).toEqual({ rooms: 12, peers: 12, packets: sum() });
      for (const [index, [room, packets]] of [...known].entries()) {
        if ((index + round) % 3 === 0) continue; // sleeps through it
        known.set(room, packets + 1);
        await report(app, room, packets + 1, packets);
        expect(await totalsOf(app)).toEqual({ rooms: 12, peers: 12, packets: sum() });
      }
      for (let number = 0; number < 4; number++) {
        await totalsOf(app);
        await evictDurableObject(shard(app, number)).catch(() => undefined); // not all are in use
      }
    }
    const all = await directory.app(app as AppId).rooms({ limit: 100 });
    expect(all.map(({ room }) => room)).toEqual(ROOMS.toSorted());
  });

  it("a new object has the rules before any room asks it, and is told of others", async () => {
    const app = freshApp();
    divide(app, 1);
    await directory.app(app as AppId).setOverrides({ maxPeers: 5 });
    const banned = { kind: "peer", subject: "7", until: null, reason: "secret" } as const;
    await directory.app(app as AppId).ban(banned);
    divide(app, 4);
    const room = ROOMS.find((name) => shardOf(name, 4) === 3);
    const told = [{ kind: "peer", subject: "7", until: null }];
    expect(await report(app, room, 1)).toEqual({ version: 2, overrides: { maxPeers: 5 }, bans: told });
    await directory.app(app as AppId).setOverrides({});
    expect(await report(app, room, 1)).toEqual({ version: 3, overrides: {}, bans: told });
    expect(await directory.app(app as AppId).bans({ after: { kind: "", subject: "" }, limit: 9 })).toMatchObject([
      banned,
    ]);
  });

  it("an object that is used no more is still asked", async () => {
    const app = freshApp();
    divide(app, 4);
    for (const room of ROOMS) await report(app, room, 1);
    divide(app, 1);
    expect(await totalsOf(app)).toEqual({ rooms: 12, peers: 12, packets: 12 });
    expect(await shard(app, 0).shards()).toBe(4);
  });
});
