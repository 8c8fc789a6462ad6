/** How sockets and sessions end, and how one session follows another. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { CloseCode, ClosedBy, EndReason, Path } from "../../src/protocol/index.ts";
import { closeQuietly } from "../../src/runtime/cloudflare/hibernatable-socket.ts";
import type { RelayRoom } from "../../src/runtime/cloudflare/relay-room.ts";
import { captureLogs } from "./support/logs.ts";
import { ALICE, BOB, CAROL, TestPeer, joinUp, mustRelay, nextClose, pairUp, pause } from "./support/peer.ts";
import { operatorOf, freshApp, roomOf, storedConnections, storedSessions } from "./support/room.ts";

describe("S4: the same peer joins again", () => {
  it.each([false, true])(
    "the older session is told 4003 and closed, and the newer one takes over (evicted: %s)",
    async (isEvicted) => {
      const app = freshApp();
      const stub = roomOf(app);
      const { a: older, b, handle } = await pairUp({ app });
      if (isEvicted) await evictDurableObject(stub);
      const newer = await TestPeer.join({ app, peer: ALICE });
      await mustRelay({ a: older, b, handle, connectionId: 0n }); // a socket is not a session yet
      if (isEvicted) await evictDurableObject(stub);
      const welcome = await newer.hello();
      expect(await older.next("bye")).toEqual({
        code: CloseCode.Superseded,
        reconnectAfterMs: 0,
        debug: "superseded",
      });
      expect(await older.closed).toEqual({ code: CloseCode.Superseded, reason: "superseded", wasClean: true });
      expect(await nextClose(b)).toEqual({ handle, reason: EndReason.PeerSuperseded, closedBy: ClosedBy.Relay });
      expect(welcome.peer).toBe(ALICE);
      expect(await storedConnections(stub)).toEqual([]);
      await mustRelay(await joinUp(newer, b));
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1 + 1, activeConnections: 1 });
      await pause(20); // the older socket's close event has come by now, and ended nothing
      expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 2, activeConnections: 1 });
      expect(newer.close).toBeUndefined();
    },
  );

  it("the newer session hears what was asked of the older one and not answered", async () => {
    const app = freshApp();
    const [older, b] = await Promise.all([TestPeer.enter({ app, peer: ALICE }), TestPeer.enter({ app, peer: BOB })]);
    b.connect(ALICE);
    const { handle } = await b.next("connecting");
    await older.next("incoming");
    const newer = await TestPeer.enter({ app, peer: ALICE });
    expect(await newer.next("incoming")).toMatchObject({ handle, peer: BOB });
    newer.control("accept", { handle });
    expect(await b.next("state")).toMatchObject({ handle, state: 1 });
  });

  it("concerns its own room only", async () => {
    const app = freshApp();
    const inApp = await pairUp({ app });
    const inRoom = await pairUp({ app, room: "other" });
    await mustRelay(inApp);
    await mustRelay(inRoom);
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 2, totalPackets: 2 });
    expect(await operatorOf(roomOf(app, "other")).statistics()).toMatchObject({ peers: 2, totalPackets: 2 });
  });

  it("a guest that says nothing supersedes nobody, and leaves without a trace", async () => {
    const app = freshApp();
    const pair = await pairUp({ app });
    const guest = await TestPeer.join({ app, peer: ALICE });
    guest.socket.close(1000);
    await guest.closed;
    await mustRelay(pair);
  });
});

describe("the end of a session", () => {
  it("S6: bye ends it at once, and the relay closes with 1000", async () => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    a.control("bye", { code: 1000, reconnectAfterMs: 0, debug: "logging off" });
    expect(await a.next("bye")).toMatchObject({ code: CloseCode.Normal });
    expect(await a.closed).toMatchObject({ code: CloseCode.Normal });
    expect(await nextClose(b)).toEqual({ handle, reason: EndReason.PeerLeft, closedBy: ClosedBy.Relay });
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 1, activeConnections: 0 });
  });

  it.each([1000, undefined])(
    "S5: a socket closed with code %s ends it, for everyone it was connected to",
    async (code) => {
      const app = freshApp();
      const { a, b, handle } = await pairUp({ app });
      const c = await TestPeer.enter({ app, peer: CAROL });
      const other = await joinUp(c, a);
      if (code === undefined) a.socket.close();
      else a.socket.close(code, "page closed");
      const left = { reason: EndReason.PeerLeft, closedBy: ClosedBy.Relay };
      expect(await nextClose(b)).toEqual({ handle, ...left });
      expect(await nextClose(c)).toEqual({ handle: other.handle, ...left });
      await mustRelay(await joinUp(b, c));
      expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 2, away: 0, activeConnections: 1 });
    },
  );

  it("S5, R3: one closed with any other code leaves it away, and everyone it was connected to is told", async () => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    const c = await TestPeer.enter({ app, peer: CAROL });
    const other = await joinUp(c, a);
    a.socket.close(1001, "page closed");
    expect(await b.next("path")).toEqual({ handle, path: Path.Away });
    expect(await c.next("path")).toEqual({ handle: other.handle, path: Path.Away });
    expect((await a.closed).code).toBe(1001);
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 2, away: 1, activeConnections: 2 });
    await mustRelay(await joinUp(b, c));
    await TestPeer.enter({ app, peer: ALICE }); // a fresh hello
    const superseded = { reason: EndReason.PeerSuperseded, closedBy: ClosedBy.Relay };
    expect(await nextClose(b)).toEqual({ handle, ...superseded });
    expect(await nextClose(c)).toEqual({ handle: other.handle, ...superseded });
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 3, away: 0, activeConnections: 1 });
  });

  it("S5: one without connections ends with its socket, however that was lost; what others asked of it stays", async () => {
    const app = freshApp();
    const [a, b] = await Promise.all([TestPeer.enter({ app, peer: ALICE }), TestPeer.enter({ app, peer: BOB })]);
    b.connect(ALICE);
    await a.next("incoming");
    a.socket.close(1001, "page closed");
    await a.closed;
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 1, away: 0, activeConnections: 1 });
    await b.fence();
    expect(b.inbox).toMatchObject([{ control: { frame: "connecting" } }]);
  });

  it("S5: of an app with graceMs 0 ends with its socket, and no row is written of it", async () => {
    const { a, b, handle } = await pairUp({ app: 4000, room: "no-grace" });
    a.socket.close(1001, "page closed");
    expect(await nextClose(b)).toEqual({ handle, reason: EndReason.PeerLeft, closedBy: ClosedBy.Relay });
    const stub = roomOf(4000, "no-grace");
    expect(await operatorOf(stub).statistics()).toMatchObject({ peers: 1, away: 0, activeConnections: 0 });
    expect(await storedSessions(stub)).toEqual([]);
  });
});

describe("a client that closes gets its close event back at once", () => {
  const closes: [string, number | undefined, string | undefined, number][] = [
    ["1000", 1000, "", 1000],
    ["1001 with a reason", 1001, "going away", 1001],
    ["3000", 3000, "library", 3000],
    ["4999 with a reason of 123 bytes", 4999, "x".repeat(123), 4999],
    ["no code at all, which is reported as 1005", undefined, undefined, 1005],
  ];
  it.each(closes)("%s", async (_name, code, reason, seen) => {
    const app = freshApp();
    for (const isEvicted of [false, true]) {
      const peer = await TestPeer.enter({ app, peer: ALICE });
      if (isEvicted) await evictDurableObject(roomOf(app));
      const before = performance.now();
      if (code === undefined) peer.socket.close();
      else peer.socket.close(code, reason);
      expect(await peer.closed).toEqual({ code: seen, reason: reason ?? "", wasClean: true });
      expect(performance.now() - before).toBeLessThan(1_000);
      expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 0 });
      const open = await runInDurableObject(roomOf(app), (_room, state) => state.getWebSockets().length);
      expect(open).toBe(0);
    }
  });

  it("a guest's, too", async () => {
    const guest = await TestPeer.join({ app: freshApp(), peer: ALICE });
    const before = performance.now();
    guest.socket.close(1000, "never mind");
    expect(await guest.closed).toMatchObject({ code: 1000 });
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  // A lost TCP connection cannot be had inside one isolate; these are the events that the platform makes of it.
  it.each([0, 999, 1004, 1005, 1006, 1015, 5000, 65_535])(
    "S8: %i, which may not be sent, is answered with a bare close",
    async (code) => {
      const app = freshApp();
      const { a, b, handle } = await pairUp({ app });
      await runInDurableObject<RelayRoom, void>(roomOf(app), async (room, state) => {
        const [socket] = state.getWebSockets(`peer:${ALICE}`);
        await room.webSocketClose(socket!, code, "");
      });
      expect((await a.closed).code).toBe(1005);
      // Without a code the client said that it is leaving; everything else is a socket that was lost (rules S5, R3).
      if (code === 1005) expect(await nextClose(b)).toMatchObject({ handle, reason: EndReason.PeerLeft });
      else expect(await b.next("path")).toEqual({ handle, path: Path.Away });
      await b.fence();
      expect(b.inbox).toEqual([]);
    },
  );

  it("S8: a reason that grew when its broken text was read is cut to what a close frame holds", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, peer: ALICE });
    await runInDurableObject<RelayRoom, void>(roomOf(app), async (room, state) => {
      const [socket] = state.getWebSockets(`peer:${ALICE}`);
      await room.webSocketClose(socket!, 1000, "\ufffd".repeat(123));
    });
    expect(await a.closed).toMatchObject({ code: 1000, reason: "\ufffd".repeat(41) });
  });

  it("S8: a close that the platform refuses all the same is answered without a code", async () => {
    const lines = captureLogs();
    const closed: unknown[][] = [];
    const close = (...args: unknown[]): void => {
      closed.push(args);
      if (args.length > 0) throw new TypeError("no such code");
    };
    closeQuietly({ readyState: 1, close } as unknown as WebSocket, 4001, "why");
    expect(closed).toEqual([[4001, "why"], []]);
    expect(lines).toMatchObject([{ level: "warn", event: "close_failed", code: 4001 }]);
    vi.restoreAllMocks();
  });

  it("a socket that failed is closed, too", async () => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    await runInDurableObject<RelayRoom, void>(roomOf(app), async (room, state) => {
      const [socket] = state.getWebSockets(`peer:${ALICE}`);
      await room.webSocketError(socket!, new Error("Network connection lost."));
    });
    expect((await a.closed).code).toBe(1005);
    expect(await b.next("path")).toEqual({ handle, path: Path.Away });
    expect(await operatorOf(roomOf(app)).statistics()).toMatchObject({ peers: 1, away: 1, activeConnections: 1 });
  });

  it("R3, R4: an error event and a close event for the same socket are one loss, told once", async () => {
    const lines = captureLogs();
    const app = freshApp();
    const { b, handle } = await pairUp({ app });
    await runInDurableObject<RelayRoom, void>(roomOf(app), async (room, state) => {
      const [socket] = state.getWebSockets(`peer:${ALICE}`);
      await room.webSocketError(socket!, new Error("Network connection lost."));
      await room.webSocketClose(socket!, 1006, "");
    });
    expect(await b.next("path")).toEqual({ handle, path: Path.Away });
    await b.fence();
    expect(b.inbox).toEqual([]);
    expect(lines.filter(({ event }) => event === "session_away")).toHaveLength(1);
    expect(lines.filter(({ event }) => event === "session_closed")).toHaveLength(0);
    vi.restoreAllMocks();
  });

  it("data for a socket that is closing does not fall back on who sent it", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, peer: ALICE });
    const b = await TestPeer.enter({ app, peer: BOB, holdsClose: true });
    const { handle } = await joinUp(a, b);
    await runInDurableObject(roomOf(app), (_room, state) => {
      for (const socket of state.getWebSockets(`peer:${BOB}`)) socket.close(1001, "the platform goes away");
    });
    a.data(handle);
    await a.fence();
    expect(a.inbox).toEqual([]);
    b.socket.close();
    expect(await nextClose(a)).toMatchObject({ handle, reason: EndReason.PeerLeft });
  });
});
