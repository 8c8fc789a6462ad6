/** The live feed of a room, over real sockets of a Durable Object that hibernates. */
import { exports } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { CloseCode, EndReason } from "../../src/protocol/index.ts";
import { WATCH_SUBPROTOCOL, type WatchEvent } from "../../src/relay/watching/events.ts";
import { MAX_QUEUED_BYTES } from "../../src/relay/watching/watcher.ts";
import { MAX_WATCHERS } from "../../src/relay/watching/watchers.ts";
import { watchRequest } from "../../src/runtime/cloudflare/watching.ts";
import { Billing } from "./support/billing.ts";
import { ALICE, BOB, CAROL, TestPeer, connectUrl, joinUp, mustRelay, pairUp, pause, upgrade } from "./support/peer.ts";
import { type RoomStub, freshApp, operatorOf, roomOf } from "./support/room.ts";
import { TestWatcher, watchResponse } from "./support/watcher.ts";

function instanceOf(stub: RoomStub): Promise<object> {
  return runInDurableObject(stub, (room) => room);
}

/** What was told, as short as it can be; statistics come by the clock. */
function told(events: readonly WatchEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === "statistics") return [];
    if (event.type === "peer") return [`${event.peer} ${event.change}`];
    if (event.type === "changed") return [`${event.previous} → ${event.state}`];
    if (event.type === "closed") return [`closed: ${event.reason}`];
    return [event.type];
  });
}

describe("who watches a room", () => {
  it("is told what happens there in its order, and nothing of other rooms", async () => {
    const where = { app: freshApp(), room: "lobby" };
    const response = await watchResponse(where);
    expect(response.headers.get("sec-websocket-protocol")).toBe(WATCH_SUBPROTOCOL);
    response.webSocket?.accept();
    const watcher = await TestWatcher.watch(where);
    const first = await watcher.next("statistics");
    expect(first.room).toBe(`app/${where.app}/room/lobby`);
    expect(first.statistics).toEqual(await operatorOf(roomOf(where.app, "lobby")).statistics());
    const other = await TestPeer.enter({ app: where.app, peer: CAROL });
    const { a, b, connectionId } = await pairUp(where);
    const query = { sort: "created", isDescending: false, limit: 9 } as const;
    const { connections: views } = await operatorOf(roomOf(where.app, "lobby")).connections(query);
    a.control("bye", { code: 1000, reconnectAfterMs: 0, debug: "" });
    await b.next("close");
    const events = await watcher.fence();
    const joined = told(events).slice(0, 2).toSorted();
    expect(joined).toEqual([`${ALICE} joined`, `${BOB} joined`]);
    expect(told(events).slice(2)).toEqual(["opened", "Connecting → Connected", "closed: peer_left", `${ALICE} left`]);
    const opened = events.find((event) => event.type === "opened");
    const closed = events.find((event) => event.type === "closed");
    expect(opened?.connection).toMatchObject({ connectionId: String(connectionId), state: "Connecting" });
    expect({ ...closed?.connection, state: "Connected" }).toEqual(views[0]);
    expect(closed?.code).toBe(EndReason.PeerLeft);
    other.socket.close(1000);
  });

  it("is told statistics within a second of the last packet", async () => {
    const app = freshApp();
    const pair = await pairUp({ app });
    const watcher = await TestWatcher.watch({ app });
    expect((await watcher.next("statistics")).statistics).toMatchObject({ peers: 2, activeConnections: 1 });
    for (let i = 0; i < 20; i++) pair.a.data(pair.handle, new Uint8Array(10));
    for (let i = 0; i < 20; i++) await pair.b.nextData();
    const last = await watcher.next("statistics", ({ statistics }) => statistics.totalPackets === 20);
    expect(last.statistics.totalBytes).toBe(200);
    expect(last.statistics).toEqual(await operatorOf(roomOf(app)).statistics());
  });

  it("is told of joins that are refused, which are no turn of the room", async () => {
    const where = { app: 3001, room: "refusals" }; // of two peers at most
    await pairUp(where);
    const watcher = await TestWatcher.watch(where);
    expect((await upgrade({ ...where, peer: CAROL })).status).toBe(429);
    await watcher.next("statistics", ({ statistics }) => statistics.joinRefusals.room_full === 1);
  });

  it("does not count as a peer, and no operator's drain ends it", async () => {
    const app = freshApp();
    const watchers = [await TestWatcher.watch({ app }), await TestWatcher.watch({ app })];
    const stub = roomOf(app);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 0 });
    const { a } = await pairUp({ app });
    expect(await operatorOf(stub).drain(1_000, "operator")).toBe(2);
    await a.closed;
    await watchers[0]!.next("peer", ({ peer, change }) => peer === String(ALICE) && change === "away");
    expect(await runInDurableObject(stub, (_room, ctx) => ctx.getWebSockets("watcher").length)).toBe(2);
  });

  it("says nothing but the keep-alive", async () => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    const [talker, listener] = [await TestWatcher.watch({ app }), await TestWatcher.watch({ app })];
    await talker.fence();
    talker.socket.send("hello?");
    expect(await talker.closed).toMatchObject({ code: CloseCode.ProtocolError });
    const [binary] = [await TestWatcher.watch({ app })];
    binary.socket.send(new Uint8Array([1, 2, 3]));
    expect(await binary.closed).toMatchObject({ code: CloseCode.ProtocolError });
    await mustRelay({ a, b, handle, connectionId: 0n });
    await listener.next("statistics", ({ statistics }) => statistics.totalPackets === 2);
  });

  it("finds no place as the seventeenth, until one has gone", async () => {
    const app = freshApp();
    const watchers: TestWatcher[] = [];
    for (let i = 0; i < MAX_WATCHERS; i++) watchers.push(await TestWatcher.watch({ app }));
    const refused = await watchResponse({ app });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: "too_many_watchers" });
    watchers[0]!.socket.close(1000, "seen enough");
    expect(await watchers[0]!.closed).toMatchObject({ code: 1000 });
    await TestWatcher.watch({ app });
    expect((await watchResponse({ app })).status).toBe(429);
    // Peers have their own places.
    await pairUp({ app });
  });
});

describe("a watched room", () => {
  it("hibernates while nothing happens, and its watchers hear on when it wakes", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const pair = await pairUp({ app });
    const watcher = await TestWatcher.watch({ app });
    await watcher.fence();
    const before = await instanceOf(stub);
    await evictDurableObject(stub);
    // Answered without waking the object.
    await watcher.fence();
    await joinUp(pair.a, pair.b, { virtualPort: 5 });
    expect(await instanceOf(stub)).not.toBe(before);
    expect(told(await watcher.fence())).toEqual(["opened", "Connecting → Connected"]);
    await evictDurableObject(stub);
    pair.a.socket.close(1000);
    await pair.a.closed;
    expect(told(await watcher.fence())).toEqual(["closed: peer_left", "closed: peer_left", `${ALICE} left`]);
    await evictDurableObject(stub);
    const second = await TestWatcher.watch({ app }); // woken by one who watches
    await TestPeer.enter({ app, peer: CAROL });
    for (const each of [watcher, second]) expect(told(await each.fence())).toEqual([`${CAROL} joined`]);
  });

  it("is left by watchers while it sleeps, and by those who speak when it wakes", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const pair = await pairUp({ app });
    const watchers: TestWatcher[] = [];
    for (let i = 0; i < 3; i++) watchers.push(await TestWatcher.watch({ app }));
    await evictDurableObject(stub);
    for (const { socket } of watchers.slice(0, 2)) socket.close(1000); // both before the object wakes
    for (const { closed } of watchers.slice(0, 2)) expect(await closed).toMatchObject({ code: 1000 });
    await evictDurableObject(stub);
    watchers[2]!.socket.send("hello?");
    expect(await watchers[2]!.closed).toMatchObject({ code: CloseCode.ProtocolError });
    await mustRelay(pair);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, activeConnections: 1, totalPackets: 2 });
    expect(await runInDurableObject(stub, (_room, ctx) => ctx.getWebSockets("watcher").length)).toBe(0);
  });

  it("can be evicted soon after traffic: the timer for its watchers is gone within a second", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const pair = await pairUp({ app });
    const watcher = await TestWatcher.watch({ app });
    await mustRelay(pair);
    const before = await instanceOf(stub);
    await evictDurableObject(stub); // waits for timers
    expect(await instanceOf(stub)).not.toBe(before);
    await watcher.next("statistics", ({ statistics }) => statistics.totalPackets === 2);
    const totals = { totalPackets: 2, totalBytes: 32 };
    expect(await operatorOf(stub).statistics()).toMatchObject(totals);
  });

  it("writes no row for those who watch it, and sets no alarm", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    await instanceOf(stub);
    using billing = await Billing.start();
    billing.reset();
    const watchers = [await TestWatcher.watch({ app }), await TestWatcher.watch({ app })];
    await evictDurableObject(stub);
    for (const { socket, closed } of watchers) {
      socket.close(1000);
      await closed;
    }
    expect(billing.statements).toEqual({});
    expect(billing.rows).toBe(0);
  });

  it("is told by an alarm that wakes the object what has ended meanwhile", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const watcher = await TestWatcher.watch({ app });
    const a = await TestPeer.enter({ app, peer: ALICE });
    a.connect(BOB, { timeoutMs: 100 });
    await a.next("connecting");
    await watcher.next("opened");
    await evictDurableObject(stub);
    expect(await watcher.next("closed")).toMatchObject({ reason: "timeout", code: EndReason.Timeout });
  });

  it("holds no more than its bound for a watcher that never reads, and its players do not notice", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { webSocket } = await watchResponse({ app }); // not accepted: nothing is ever taken from it
    expect(webSocket).toBeDefined();
    const watcher = await TestWatcher.watch({ app });
    const bob = await TestPeer.enter({ app, peer: BOB });
    let most = 0;
    const known = { heard: 0, skipped: 0 };
    const hear = async () => {
      for (const event of await watcher.fence()) {
        if (event.type === "skipped") known.skipped += event.events;
        else if (event.type !== "statistics") known.heard++;
      }
      await pause(100);
    };
    for (let peer = CAROL; peer < CAROL + 8n; peer++) {
      const a = await TestPeer.enter({ app, peer });
      for (let port = 0; port < 200; port++) a.connect(BOB, { virtualPort: port });
      await a.fence();
      a.socket.close(1000); // and all that it has asked for ends
      await a.closed;
      most = Math.max(most, await heldForWatchers(stub));
      for (let i = 0; i < 5; i++) await hear();
    }
    expect(most).toBeGreaterThan(MAX_QUEUED_BYTES / 2);
    expect(most).toBeLessThan(MAX_QUEUED_BYTES + 1_024);
    // The one who reads knows of each, as it was told or as a number.
    while (known.heard + known.skipped < 1 + 8 * 402) await hear();
    expect(known.heard + known.skipped).toBe(1 + 8 * 402);
    await mustRelay(await joinUp(await TestPeer.enter({ app, peer: ALICE }), bob));
  });
});

/** The most that the platform holds for any of them. */
function heldForWatchers(stub: RoomStub): Promise<number> {
  return runInDurableObject(stub, (_room, ctx) => {
    const sockets = ctx.getWebSockets("watcher") as (WebSocket & { readonly bufferedAmount: number })[];
    return Math.max(...sockets.map(({ bufferedAmount }) => bufferedAmount));
  });
}

describe("who may become a watcher", () => {
  it("nobody who asks to join, whatever its request says", async () => {
    const app = freshApp();
    const forged = { "edge-relay-watch": "1", "sec-websocket-protocol-2": WATCH_SUBPROTOCOL, host: "room" };
    const response = await upgrade({ app, peer: ALICE, headers: forged });
    expect(response.headers.get("sec-websocket-protocol")).toBe("edge-relay.v1");
    response.webSocket?.accept();
    const stub = roomOf(app);
    const sockets = await runInDurableObject(stub, (_room, ctx) => ctx.getWebSockets("watcher").length);
    expect(sockets).toBe(0);
    const { url } = watchRequest();
    for (const target of [url, connectUrl({ app }).replace("connect", "watch")]) {
      const answer = await exports.default.fetch(target, { headers: { upgrade: "websocket" } });
      expect(answer.webSocket).toBeNull();
      expect(answer.status).toBe(404);
    }
  });
});
