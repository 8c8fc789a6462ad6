/** Two objects and the trunk between them: what only the platform can show of docs/trunk.md. */
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { type AppId, EndReason, type PeerId } from "../../src/protocol/index.ts";
import { shardOf } from "../../src/relay/directory/shards.ts";
import { objectsOf } from "../../src/runtime/cloudflare/objects.ts";
import { Clock } from "./support/clock.ts";
import { comeBack } from "./support/loss.ts";
import { ALICE, BOB, TestPeer, nextClose, pause } from "./support/peer.ts";
import { operatorOf, roomOf } from "./support/room.ts";

/** Apps whose rooms may reach each other (vitest.config.ts). */
let nextApp = 5_000;
/** One whose directory is divided between two objects. */
const DIVIDED = 5_010;
const KEPT_A_DAY = 5_011;
const DAY = 24 * 3_600_000;

interface Pair {
  readonly app: number;
  readonly a: TestPeer;
  readonly b: TestPeer;
  readonly hx: number;
  readonly hy: number;
}

/** Alice in room x and Bob in room y, connected. */
async function crossed(app = nextApp++, rooms: readonly [string, string] = ["x", "y"]): Promise<Pair> {
  const [a, b] = [
    await TestPeer.enter({ app, room: rooms[0], peer: ALICE }),
    await TestPeer.enter({ app, room: rooms[1], peer: BOB }),
  ];
  a.connect(BOB, { timeoutMs: 20_000 });
  const { handle: hx } = await a.next("connecting");
  const { handle: hy } = await b.next("incoming");
  b.control("accept", { handle: hy });
  await Promise.all([a.next("state"), b.next("state")]);
  return { app, a, b, hx, hy };
}

async function mustRelay({ a, b, hx, hy }: Pair): Promise<void> {
  a.data(hx, new Uint8Array([1]));
  expect((await b.nextData()).payload).toEqual(new Uint8Array([1]));
  b.data(hy, new Uint8Array([2]));
  expect((await a.nextData()).payload).toEqual(new Uint8Array([2]));
}

async function atRest(app: number): Promise<void> {
  for (const deadline = Date.now() + 15_000; ; await pause(200)) {
    const open = await runInDurableObject(roomOf(app, "y"), (_room, state) => {
      return state.getWebSockets("trunk").filter(({ readyState }) => readyState === WebSocket.OPEN).length;
    });
    if (open === 0) return;
    if (Date.now() > deadline) throw new Error("the trunk is not closed");
  }
}

describe("two objects", () => {
  it("[X1] [X2] [X3] relay between their peers, and count alike", async () => {
    const pair = await crossed();
    await mustRelay(pair);
    for (const room of ["x", "y"]) {
      const statistics = await operatorOf(roomOf(pair.app, room)).statistics();
      expect(statistics).toMatchObject({ totalPackets: 2, totalBytes: 2, activeConnections: 1, peers: 1 });
      expect(statistics.trunk.messagesIn).toBeGreaterThan(0);
    }
  });

  it("[X5] close an idle trunk, may both be evicted then, and go on as if nothing had been", async () => {
    const pair = await crossed();
    await mustRelay(pair);
    await atRest(pair.app);
    const before = await runInDurableObject(roomOf(pair.app, "x"), (room) => room);
    await evictDurableObject(roomOf(pair.app, "x"));
    await evictDurableObject(roomOf(pair.app, "y"));
    expect(await runInDurableObject(roomOf(pair.app, "x"), (room) => room)).not.toBe(before);
    await mustRelay(pair);
    expect(pair.a.inbox.filter(({ control }) => control?.frame === "close")).toEqual([]);
  });

  it("[X4] end together, with one code", async () => {
    const pair = await crossed();
    pair.a.control("close", { handle: pair.hx, reason: 1234, closedBy: 0, debug: "" });
    expect(await nextClose(pair.b)).toMatchObject({ handle: pair.hy, reason: 1234 });
    const other = await crossed();
    await operatorOf(roomOf(other.app, "x")).kick(ALICE as never, "test");
    expect(await nextClose(other.b)).toMatchObject({ reason: EndReason.PeerKicked });
  });

  it("[X6] [X7] [R10] find their halves again after both were aborted", async () => {
    const pair = await crossed();
    await mustRelay(pair);
    await abortAllDurableObjects();
    const a = await comeBack({ app: pair.app, room: "x", peer: ALICE }, pair.a.key);
    const b = await comeBack({ app: pair.app, room: "y", peer: BOB }, pair.b.key);
    expect(a.connections + b.connections).toBe(2);
    await b.peer.nextOf("path open", ({ control }) => control?.frame === "path" && control.values.path === 0);
    await mustRelay({ ...pair, a: a.peer, b: b.peer });
    const detail = await operatorOf(roomOf(pair.app, "x")).statistics();
    expect(detail.activeConnections).toBe(1);
  });

  it("[X8] make no trunk of a client, whatever it asks with", async () => {
    const { app } = await crossed();
    const before = await runInDurableObject(roomOf(app, "y"), (_room, state) => state.getWebSockets("trunk").length);
    const eve = await TestPeer.enter({
      app,
      room: "y",
      peer: 66n,
      headers: { "edge-relay-from": `app/${app}/room/x` },
    });
    eve.stir();
    await eve.fence();
    const after = await runInDurableObject(roomOf(app, "y"), (_room, state) => state.getWebSockets("trunk").length);
    expect(after).toBe(before);
  });
});

describe("an app whose directory is divided", () => {
  const objects = objectsOf(env);
  const rooms = Array.from({ length: 12 }, (_, index) => `r${index}`);
  const namesOf = (shard: number) => rooms.filter((room) => shardOf(room, 2) === shard);
  const whereIs = async (shard: number) => {
    const found = await objects.directory(DIVIDED as AppId, shard).locate([BOB as PeerId]);
    return found[0]?.room;
  };

  it("[X1] finds peers wherever their rooms report to, whichever of the two asks", async () => {
    const [near = "", other = ""] = namesOf(0);
    const [far = ""] = namesOf(1);
    const pair = await crossed(DIVIDED, [near, far]);
    await mustRelay(pair);
    expect([await whereIs(0), await whereIs(1)]).toEqual([undefined, far]);
    for (const peer of [pair.a, pair.b]) peer.socket.close(1000);
    await Promise.all([pair.a.closed, pair.b.closed]);
    await vi.waitFor(async () => expect(await whereIs(1)).toBeUndefined(), 5_000);
    await mustRelay(await crossed(DIVIDED, [far, other]));
    expect([await whereIs(0), await whereIs(1)]).toEqual([other, undefined]);
  });
});

function tablesOf(room: string): Promise<number> {
  return runInDurableObject(roomOf(KEPT_A_DAY, room), (_room, { storage }) => {
    return storage.sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'counters'").toArray().length;
  });
}

describe("a room that keeps what it has for a day", () => {
  it("has far halves for as long as their peers are there, and is cleared when they have gone", async () => {
    const pair = await crossed(KEPT_A_DAY);
    await mustRelay(pair);
    pair.a.socket.close(1000);
    await pair.a.closed;
    await nextClose(pair.b);
    await atRest(KEPT_A_DAY);
    using clock = new Clock();
    await clock.pass(DAY + 60_000, roomOf(KEPT_A_DAY, "x"));
    expect([await tablesOf("x"), await tablesOf("y")]).toEqual([0, 1]);
    expect(await operatorOf(roomOf(KEPT_A_DAY, "y")).statistics()).toMatchObject({ peers: 1, totalPackets: 2 });
  });
});
