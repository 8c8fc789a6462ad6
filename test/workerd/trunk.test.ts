/** Two objects and the trunk between them: what only the platform can show of docs/trunk.md. */
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { EndReason } from "../../src/protocol/index.ts";
import { comeBack } from "./support/loss.ts";
import { ALICE, BOB, TestPeer, nextClose, pause } from "./support/peer.ts";
import { operatorOf, roomOf } from "./support/room.ts";

/** Apps whose rooms may reach each other (vitest.config.ts). */
let nextApp = 5_000;

interface Pair {
  readonly app: number;
  readonly a: TestPeer;
  readonly b: TestPeer;
  readonly hx: number;
  readonly hy: number;
}

/** Alice in room x and Bob in room y, connected. */
async function crossed(): Promise<Pair> {
  const app = nextApp++;
  const [a, b] = [
    await TestPeer.enter({ app, room: "x", peer: ALICE }),
    await TestPeer.enter({ app, room: "y", peer: BOB }),
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
