/** An object may be evicted whenever it has nothing to do, with its sockets open; or die, with its sockets. */
import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { ClosedBy, ConnectionState, DROP_REASONS, ERRORS, EndReason, FrameType } from "../../src/protocol/index.ts";
import type { RelayRoom } from "../../src/runtime/cloudflare/relay-room.ts";
import { dataFrame } from "../support/frames.ts";
import { Clock } from "./support/clock.ts";
import {
  ALICE,
  BOB,
  CAROL,
  DAVE,
  TestPeer,
  joinUp,
  joinUpOften,
  mustRelay,
  nextClose,
  pairUp,
  pause,
} from "./support/peer.ts";
import { DEFAULT_SETTINGS } from "../../src/relay/settings.ts";
import {
  openConnections,
  operatorOf,
  type RoomStub,
  alarmOf,
  freshApp,
  roomOf,
  storedConnections,
  storedSessions,
  storedTotals,
} from "./support/room.ts";

const NO_DROPS = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0]));

/** The instance that serves the room just now. */
function instanceOf(stub: RoomStub): Promise<object> {
  return runInDurableObject(stub, (room) => room);
}

describe("a room that hibernates with its sockets open", () => {
  it("comes back as another instance with the same sockets, sessions and connections, and relays on", async () => {
    const stub = roomOf(freshApp());
    const app = Number(stub.name?.slice(4));
    const pair = await pairUp({ app });
    const other = await joinUp(await TestPeer.enter({ app, peer: CAROL }), pair.b, { virtualPort: 3 });
    const before = await instanceOf(stub);
    const views = await openConnections(stub, 10);
    await evictDurableObject(stub);
    expect(await instanceOf(stub)).not.toBe(before);
    expect(await openConnections(stub, 10)).toEqual(views);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 3, activeConnections: 2 });
    await evictDurableObject(stub);
    await mustRelay(pair); // the first event after an eviction is a message
    await evictDurableObject(stub);
    await mustRelay(other);
    // Sessions are the same: a second hello on the same socket is still a second hello.
    await evictDurableObject(stub);
    pair.a.control("hello", { version: 1, session: 0n, token: new Uint8Array() });
    expect(await pair.a.next("bye")).toMatchObject({ code: 4001 });
    expect(await nextClose(pair.b)).toMatchObject({ handle: pair.handle, reason: EndReason.PeerLeft });
  });

  it("keeps statistics exact, however soon after the traffic it is evicted", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const pair = await pairUp({ app });
    let packets = 0;
    let bytes = 0;
    for (let round = 1; round <= 6; round++) {
      for (let i = 0; i < round * 10; i++) {
        const [sender, size] = i % 2 === 0 ? [pair.a, 100 + i] : [pair.b, i];
        sender.data(pair.handle, new Uint8Array(size));
        packets++;
        bytes += size;
      }
      await Promise.all([pair.a.fence(), pair.b.fence()]);
      await evictDurableObject(stub);
      const expected = { totalPackets: packets, totalBytes: bytes };
      expect(await operatorOf(stub).statistics()).toMatchObject(expected);
      const [view] = await openConnections(stub, 1);
      expect(view).toMatchObject({ packetsRelayed: packets, bytesRelayed: bytes });
    }
    // Nothing of this went to disk, where each flush is a billed row: the sockets carried it.
    expect(await storedTotals(stub)).toBeUndefined();
  });

  it("keeps every drop that was counted", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    a.data(4_000_000_000);
    a.data(4_000_000_001);
    a.connect(DAVE, { virtualPort: 9 });
    const { handle: pending } = await a.next("connecting");
    a.data(pending);
    await a.fence();
    await evictDurableObject(stub);
    expect((await operatorOf(stub).statistics()).drops).toEqual({ ...NO_DROPS, unknown_handle: 2, not_connected: 1 });
    b.data(handle + 100);
    await b.fence();
    await evictDurableObject(stub);
    expect((await operatorOf(stub).statistics()).drops).toEqual({ ...NO_DROPS, unknown_handle: 3, not_connected: 1 });
  });

  it("keeps what the last speaker's socket carried, when that socket is closed before the flush", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    b.data(handle, new Uint8Array(1));
    await a.nextData();
    await pause(120); // past the checkpoint's interval: this one is written at once
    for (let i = 0; i < 5; i++) a.data(handle, new Uint8Array(10));
    for (let i = 0; i < 5; i++) await b.nextData();
    a.socket.close(1000, "done");
    await a.closed;
    await b.next("close");
    await evictDurableObject(stub);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, totalPackets: 6, totalBytes: 51 });
  });

  it("keeps statistics when the sender leaves while the room sleeps", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    for (let i = 0; i < 7; i++) a.data(handle, new Uint8Array(10));
    for (let i = 0; i < 7; i++) await b.nextData();
    await evictDurableObject(stub);
    a.socket.close(1000, "done"); // the first event after the eviction: its socket carries the newest counters
    await a.closed;
    expect(await nextClose(b)).toMatchObject({ handle, reason: EndReason.PeerLeft, closedBy: ClosedBy.Relay });
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, totalPackets: 7, totalBytes: 70 });
    await evictDurableObject(stub);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, totalPackets: 7, totalBytes: 70 });
  });

  it("keeps the newest counters when two speak in the same millisecond", async () => {
    using clock = new Clock(); // which stands still
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    const start = clock.now;
    for (let packets = 1; packets <= 8; packets += 2) {
      a.data(handle, new Uint8Array(1));
      await b.nextData();
      if (packets > 4) await evictDurableObject(stub);
      b.data(handle, new Uint8Array(1));
      await a.nextData();
      await evictDurableObject(stub);
      expect(await operatorOf(stub).statistics()).toMatchObject({ totalPackets: packets + 1, totalBytes: packets + 1 });
    }
    expect(clock.now).toBe(start);
  });

  it("keeps what a peer's socket carries that is being thrown out", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    const kicked = await TestPeer.enter({ app, peer: CAROL, holdsClose: true });
    a.data(handle, new Uint8Array(10));
    await b.nextData();
    await pause(120);
    kicked.data(999);
    kicked.data(999);
    await kicked.fence();
    await pause(120);
    await operatorOf(stub).kick(CAROL as never, "test");
    await kicked.next("bye");
    await evictDurableObject(stub);
    expect(await operatorOf(stub).statistics()).toMatchObject({ totalPackets: 1, drops: { unknown_handle: 2 } });
    kicked.socket.close();
    await kicked.closed;
    await evictDurableObject(stub);
    expect(await operatorOf(stub).statistics()).toMatchObject({ totalPackets: 1, drops: { unknown_handle: 2 } });
  });

  it("S5: tells the others when several leave at once while the room sleeps", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const [a, b, c] = await Promise.all([ALICE, BOB, CAROL].map((peer) => TestPeer.enter({ app, peer })));
    const withA = await joinUp(a!, c!);
    const withB = await joinUp(b!, c!);
    await evictDurableObject(stub);
    // The first close wakes the object; the second socket is no longer listed then, and its event is yet to come.
    b!.socket.close(1000);
    a!.socket.close(1000);
    const told = [await nextClose(c!), await nextClose(c!)];
    expect(told.map(({ handle }) => handle).toSorted()).toEqual([withA.handle, withB.handle].toSorted());
    expect(told).toMatchObject([{ reason: EndReason.PeerLeft }, { reason: EndReason.PeerLeft }]);
    await Promise.all([a!.closed, b!.closed]);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, activeConnections: 0 });
  });

  it("does not let a close that comes late end the session that has followed", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const [a, c] = await Promise.all([ALICE, CAROL].map((peer) => TestPeer.enter({ app, peer, holdsClose: true })));
    await evictDurableObject(stub);
    // As above, the room is rebuilt by another event while this socket is no longer listed.
    const lost: WebSocket[] = [];
    await runInDurableObject<RelayRoom, void>(stub, async (room, state) => {
      lost.push(...state.getWebSockets(`peer:${ALICE}`));
      const others = state.getWebSockets(`peer:${CAROL}`);
      const listed = vi.spyOn(state, "getWebSockets").mockImplementation((tag) => (tag === undefined ? others : []));
      expect(await operatorOf(room).statistics()).toMatchObject({ peers: 1 });
      listed.mockRestore();
    });
    const again = await TestPeer.enter({ app, peer: ALICE });
    const pair = await joinUp(again, c!);
    await runInDurableObject<RelayRoom, void>(stub, (room) => room.webSocketClose(lost[0]!, 1000, "late"));
    expect((await a!.closed).code).toBe(1000);
    await mustRelay(pair);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, activeConnections: 1 });
  });

  it("counts on top of the flush that came between, not twice", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    const say = async (times: number) => {
      for (let i = 0; i < times; i++) a.data(handle, new Uint8Array(10));
      for (let i = 0; i < times; i++) await b.nextData();
    };
    await say(3);
    await evictDurableObject(stub);
    await clock.pass(10_000, stub, [a, b]);
    expect(await storedTotals(stub)).toEqual({ packets: 3, bytes: 30 });
    await evictDurableObject(stub); // the socket still carries the checkpoint of before the flush
    expect(await operatorOf(stub).statistics()).toMatchObject({ totalPackets: 3, totalBytes: 30 });
    await say(2);
    await evictDurableObject(stub);
    expect(await operatorOf(stub).statistics()).toMatchObject({ totalPackets: 5, totalBytes: 50 });
    expect(await openConnections(stub, 1)).toMatchObject([{ packetsRelayed: 5, bytesRelayed: 50 }]);
  });

  it("keeps counters of more connections than an attachment can hold", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const [a, b] = await Promise.all([TestPeer.enter({ app, peer: ALICE }), TestPeer.enter({ app, peer: BOB })]);
    const handles = await joinUpOften(a, b, 500);
    const payload = new Uint8Array(2);
    a.send(...handles.map((handle) => dataFrame({ handle, payload })));
    for (let i = 0; i < handles.length; i++) await b.nextData();
    await evictDurableObject(stub);
    expect(await operatorOf(stub).statistics()).toMatchObject({
      activeConnections: 500,
      totalPackets: 500,
      totalBytes: 1000,
    });
    for (const view of await openConnections(stub, 500)) expect(view.packetsRelayed).toBe(1);
  });

  it("C7, C8: keeps who refused, and who began to disconnect", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    a.connect(BOB, { virtualPort: 5 });
    const { handle: refused } = await a.next("connecting");
    await b.next("incoming");
    b.control("refuse", { handle: refused, reason: 1000, debug: "" });
    b.control("close", { handle, reason: 1234, closedBy: 0, debug: "" }, 1);
    await b.next("state");
    await a.next("close");
    await evictDurableObject(stub);
    b.control("accept", { handle: refused });
    expect(await b.next("error")).toMatchObject({ code: ERRORS.illegal_state.code, about: refused });
    await clock.pass(6_000, stub);
    expect(await nextClose(a)).toEqual({ handle, reason: 1234, closedBy: ClosedBy.Peer });
    expect(await nextClose(b)).toEqual({ handle, reason: 1234, closedBy: ClosedBy.Local });
    await clock.pass(5_000, stub);
    expect(await nextClose(a)).toMatchObject({ handle: refused, reason: EndReason.Timeout });
    await b.fence();
    expect(b.inbox).toEqual([]);
  });

  it("keeps a connection that is not answered yet, and its deadline", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const a = await TestPeer.enter({ app, peer: ALICE });
    a.connect(BOB);
    const { handle } = await a.next("connecting");
    await evictDurableObject(stub);
    const b = await TestPeer.enter({ app, peer: BOB });
    expect(await b.next("incoming")).toMatchObject({ handle, peer: ALICE });
    await evictDurableObject(stub);
    b.control("accept", { handle });
    expect(await a.next("state")).toMatchObject({ handle, state: ConnectionState.Connected });
    a.connect(CAROL);
    const second = await a.next("connecting");
    await evictDurableObject(stub);
    await clock.pass(9_999, stub);
    await a.fence();
    expect(a.inbox).toEqual([]);
    await evictDurableObject(stub);
    await clock.pass(1_000, stub);
    expect(await nextClose(a)).toEqual({ handle: second.handle, reason: EndReason.Timeout, closedBy: ClosedBy.Relay });
  });

  it("keeps a guest a guest: hello is still the first frame", async () => {
    const app = freshApp();
    const [guest, other] = [await TestPeer.join({ app, peer: ALICE }), await TestPeer.join({ app, peer: BOB })];
    await evictDurableObject(roomOf(app));
    expect(await guest.hello()).toMatchObject({ peer: ALICE });
    await evictDurableObject(roomOf(app));
    other.control("accept", { handle: 1 });
    expect(await other.next("error")).toMatchObject({ code: 6, frame: FrameType.Accept });
  });

  it("keeps what a ticket grants", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const a = await TestPeer.enter({ app, peer: ALICE, visible: true });
    const b = await TestPeer.enter({ app, peer: BOB });
    a.connect(BOB);
    const { handle } = await b.next("incoming");
    await evictDurableObject(stub);
    b.control("refuse", { handle, reason: 1234, debug: "busy" });
    expect(await a.next("close")).toMatchObject({ handle, reason: 1234, closedBy: ClosedBy.Peer, debug: "busy" });
  });

  it("does not take a peer back that it has thrown out, while that peer's socket lingers", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const kicked = await TestPeer.enter({ app, peer: ALICE, holdsClose: true });
    const older = await TestPeer.enter({ app, peer: BOB, holdsClose: true });
    const broken = await TestPeer.enter({ app, peer: CAROL, holdsClose: true });
    const newer = await TestPeer.enter({ app, peer: BOB });
    expect(await operatorOf(stub).kick(kicked.id as never, "test")).toBe(true);
    broken.socket.send("not the protocol");
    await Promise.all([kicked.next("bye"), older.next("bye"), broken.next("bye")]);
    await evictDurableObject(stub);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1 });
    // What was said after the end is not read, and connections reach the newer session.
    older.connect(DAVE);
    const d = await TestPeer.enter({ app, peer: DAVE });
    await mustRelay(await joinUp(d, newer));
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, activeConnections: 1 });
    for (const peer of [kicked, older, broken]) peer.socket.close();
    await Promise.all([kicked.closed, older.closed, broken.closed]);
    await evictDurableObject(stub);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, activeConnections: 1 });
  });
});

describe("the keep-alive", () => {
  it("H1: is answered while the room sleeps, and no instance is made for it", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const pair = await pairUp({ app });
    await evictDurableObject(stub);
    for (const peer of [pair.a, pair.b, pair.a]) {
      peer.socket.send("ping");
      expect(await peer.nextText()).toBe("pong");
    }
    await expect(evictDurableObject(stub)).rejects.toThrow("not currently running");
    await mustRelay(pair);
    await evictDurableObject(stub); // now there was one to evict
  });
});

describe("a room whose sockets are lost with it", () => {
  it("eviction with closed sockets: clients see the close, connections are on disk, and a fresh hello ends them", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b } = await pairUp({ app });
    await evictDurableObject(stub, { webSockets: "close" });
    expect((await Promise.all([a.closed, b.closed])).map(({ code }) => code)).toEqual([1006, 1006]);
    expect(await storedConnections(stub)).toEqual([[String(ALICE), String(BOB), ConnectionState.Connected]]);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, away: 2, activeConnections: 1 });
    await TestPeer.enter({ app, peer: ALICE });
    expect(await storedConnections(stub)).toEqual([]);
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, away: 1, activeConnections: 0 });
  });

  it("R10, S4: a crash of the object: the same; what an away peer asked for is offered, until it joins afresh", async () => {
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b } = await pairUp({ app });
    a.connect(CAROL);
    const { handle: asked } = await a.next("connecting");
    await abortAllDurableObjects();
    expect((await Promise.all([a.closed, b.closed])).map(({ code }) => code)).toEqual([1006, 1006]);
    const again = await TestPeer.enter({ app, peer: BOB });
    expect(await storedConnections(stub)).toEqual([[String(ALICE), String(CAROL), ConnectionState.Connecting]]);
    const c = await TestPeer.enter({ app, peer: CAROL });
    expect(await c.next("incoming")).toMatchObject({ handle: asked, peer: ALICE });
    const fresh = await TestPeer.enter({ app, peer: ALICE });
    expect(await nextClose(c)).toEqual({ handle: asked, reason: EndReason.PeerSuperseded, closedBy: ClosedBy.Relay });
    expect(await storedConnections(stub)).toEqual([]);
    await again.fence();
    expect(again.inbox).toEqual([]); // of what its older session had it knows nothing
    // Handles are not used again: a stale frame never meets a new owner.
    const pair = await joinUp(fresh, again);
    expect(pair.handle).toBeGreaterThan(asked);
    await mustRelay(pair);
  });

  it("C3: where sessions do not outlive sockets, what was asked before a crash is not offered", async () => {
    const where = { app: 4000, room: "crash" };
    const { app } = where;
    const stub = roomOf(app, where.room);
    const { a, b } = await pairUp(where);
    a.connect(CAROL);
    const { handle: asked } = await a.next("connecting");
    await abortAllDurableObjects();
    expect((await Promise.all([a.closed, b.closed])).map(({ code }) => code)).toEqual([1006, 1006]);
    expect(await storedConnections(stub)).toEqual([
      [String(ALICE), String(BOB), ConnectionState.Connected],
      [String(ALICE), String(CAROL), ConnectionState.Connecting],
    ]);
    // Bob is back: what he had with Alice, who is still away, is over for both.
    const again = await TestPeer.enter({ ...where, peer: BOB });
    expect(await storedConnections(stub)).toEqual([[String(ALICE), String(CAROL), ConnectionState.Connecting]]);
    // Carol comes, and is not offered what Alice asked before the crash; it ends when Alice is back.
    const c = await TestPeer.enter({ ...where, peer: CAROL });
    await c.fence();
    expect(c.inbox).toEqual([]);
    const fresh = await TestPeer.enter({ ...where, peer: ALICE });
    expect(await storedConnections(stub)).toEqual([]);
    // Handles are not used again: a stale frame never meets a new owner.
    const pair = await joinUp(fresh, again);
    expect(pair.handle).toBeGreaterThan(asked);
    await mustRelay(pair);
  });

  it("after a crash, what a visitor counted is on disk when it was the last to leave", async () => {
    const app = freshApp();
    const { a, b } = await pairUp({ app });
    await abortAllDurableObjects();
    await Promise.all([a.closed, b.closed]);
    const stub = roomOf(app);
    const visitor = await TestPeer.enter({ app, peer: CAROL });
    visitor.data(999);
    await visitor.fence();
    visitor.socket.close(1000);
    await visitor.closed;
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 0, activeConnections: 1 });
    await evictDurableObject(stub);
    expect((await operatorOf(stub).statistics()).drops).toMatchObject({ unknown_handle: 1 });
  });

  it("a crash loses no more than what came after the last flush", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b, handle } = await pairUp({ app });
    for (let i = 0; i < 4; i++) a.data(handle, new Uint8Array(10));
    for (let i = 0; i < 4; i++) await b.nextData();
    await clock.pass(10_000, stub, [a, b]);
    a.data(handle, new Uint8Array(10));
    await b.nextData();
    await abortAllDurableObjects();
    await Promise.all([a.closed, b.closed]);
    // A stub does not outlive a crash of its object.
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ totalPackets: 4, totalBytes: 40 });
  });

  it("R9, R10: connections that nobody comes back for end with the grace period, through the alarm alone", async () => {
    using clock = new Clock();
    const app = freshApp();
    const stub = roomOf(app);
    const { a, b } = await pairUp({ app });
    await abortAllDurableObjects();
    await Promise.all([a.closed, b.closed]);
    const back = await clock.pass(1, stub); // nothing has woken the object: it does not know yet
    expect(back).toBe(0);
    const due = (await alarmOf(stub))!;
    await clock.pass(due - clock.now + 29_000, stub);
    expect(await storedConnections(stub)).toHaveLength(1);
    await clock.pass(3_000, stub);
    expect(await storedConnections(stub)).toEqual([]);
    expect(await storedSessions(stub)).toEqual([]);
    expect(await runDurableObjectAlarm(stub)).toBe(false);
  });

  it("C11: where sessions do not outlive sockets, they end by the idle timeout, through the alarm alone", async () => {
    using clock = new Clock();
    const where = { app: 4000, room: "idle" };
    const stub = roomOf(where.app, where.room);
    const { a, b } = await pairUp(where);
    await abortAllDurableObjects();
    await Promise.all([a.closed, b.closed]);
    await clock.pass(290_000, stub);
    expect(await storedConnections(stub)).toHaveLength(1);
    await clock.pass(20_000, stub);
    expect(await storedConnections(stub)).toEqual([]);
    const patience = DEFAULT_SETTINGS.retentionMs;
    expect(await alarmOf(stub)).toBeGreaterThan(clock.now + patience - 60_000); // for the end of its retention alone
  });
});
