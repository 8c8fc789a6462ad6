import { env, exports } from "cloudflare:workers";
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { HistoryBucket } from "../../src/http/admin/types.ts";
import { type ProblemCode, PROBLEMS } from "../../src/http/problem.ts";
import { CloseCode, ClosedBy, DROP_REASONS, EndReason } from "../../src/protocol/index.ts";
import { JOIN_REFUSALS, REFUSALS } from "../../src/relay/limits/refusals.ts";
import { TRUNK_COUNTS } from "../../src/relay/trunk/traffic.ts";
import worker from "../../src/runtime/cloudflare/worker.ts";
import { ALICE, BOB, CAROL, TestPeer, joinUp, mustRelay, nextClose, pairUp } from "./support/peer.ts";
import { freshApp, roomOf } from "./support/room.ts";

const TOKEN = "test-admin-token-0123456789abcdef";
const authorization = { authorization: `Bearer ${TOKEN}` };

function admin(path: string, init: RequestInit = {}): Promise<Response> {
  return exports.default.fetch(`http://relay.test/v1/admin${path}`, { headers: authorization, ...init });
}

async function refused(code: ProblemCode, request: Promise<Response>): Promise<Response> {
  const response = await request;
  const problem = await response.json<{ code: string; status: number; detail: string }>();
  expect({ status: response.status, code: problem.code }).toEqual({ status: PROBLEMS[code], code });
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(JSON.stringify(problem).length).toBeLessThan(500);
  return response;
}

async function json<T>(request: Promise<Response>): Promise<T> {
  const response = await request;
  expect(response.status).toBe(200);
  return response.json<T>();
}

interface Page {
  readonly connections: { readonly connectionId: string; readonly virtualPort: number }[];
  readonly next: string | null;
}

describe("who may", () => {
  it("nobody, where no ADMIN_TOKEN is set: there is nothing there", async () => {
    const app = freshApp();
    for (const token of [undefined, ""]) {
      const without = { ...env, ADMIN_TOKEN: token };
      for (const headers of [authorization, { authorization: "Bearer " }, {}]) {
        const request = new Request(`http://relay.test/v1/admin/apps/${app}/statistics`, { headers });
        await refused("not_found", Promise.resolve(worker.fetch(request, without)));
      }
    }
  });

  it("nobody without the token", async () => {
    const path = `http://relay.test/v1/admin/apps/${freshApp()}/statistics`;
    const bare = await refused("admin_token_missing", exports.default.fetch(path));
    expect(bare.headers.get("www-authenticate")).toBe("Bearer");
    await refused("admin_token_missing", exports.default.fetch(path, { headers: { authorization: TOKEN } }));
    await refused("admin_token_missing", exports.default.fetch(`${path}?token=${TOKEN}`));
    for (const token of ["wrong", `${TOKEN}x`, TOKEN.slice(0, -1), TOKEN.toUpperCase()]) {
      const headers = { authorization: `Bearer ${token}` };
      await refused("admin_token_wrong", exports.default.fetch(path, { headers }));
    }
  });

  it("nobody learns without it what is there and what is not, nor changes anything", async () => {
    const app = freshApp();
    const pair = await pairUp({ app });
    const base = `http://relay.test/v1/admin/apps/${app}`;
    for (const path of ["/nothing", `/connections/${pair.connectionId}`, "/connections/0", `/peers/${ALICE}/kick`]) {
      for (const method of ["GET", "POST", "DELETE"]) {
        await refused("admin_token_missing", exports.default.fetch(`${base}${path}`, { method }));
      }
    }
    await mustRelay(pair);
  });
});

const NONE = { opened: 0, active: 0, packets: 0, bytes: 0 };

describe("what it shows", () => {
  it("statistics", async () => {
    const app = freshApp();
    expect(await json(admin(`/apps/${app}/statistics`))).toEqual({
      activeConnections: 0,
      totalPackets: 0,
      totalBytes: 0,
      peers: 0,
      away: 0,
      monthBytes: 0,
      families: { NetworkOld: NONE, NetworkPb: NONE, NetworkingSockets: NONE, NetworkingMessages: NONE },
      groups: { packets: 0, bytes: 0 },
      trunk: Object.fromEntries(TRUNK_COUNTS.map((count) => [count, 0])),
      messages: 0,
      joins: 0,
      drops: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])),
      refusals: Object.fromEntries(REFUSALS.map((error) => [error, 0])),
      joinRefusals: Object.fromEntries(JOIN_REFUSALS.map((code) => [code, 0])),
    });
    const pair = await pairUp({ app });
    await mustRelay(pair);
    pair.a.data(999);
    await pair.a.fence();
    await evictDurableObject(roomOf(app));
    expect(await json(admin(`/apps/${app}/statistics`))).toMatchObject({
      activeConnections: 1,
      totalPackets: 2,
      totalBytes: 32,
      peers: 2,
      away: 0,
      monthBytes: 32,
      families: { NetworkOld: NONE, NetworkingSockets: { opened: 1, active: 1, packets: 2, bytes: 32 } },
      joins: 2,
      drops: { unknown_handle: 1 },
      refusals: { unknown_handle: 2 }, // the second is the fence
    });
  });

  it("connections page by page, in order of creation", async () => {
    const app = freshApp();
    const { a, b } = await pairUp({ app });
    for (const virtualPort of [1, 2, 3, 4]) await joinUp(a, b, { virtualPort });
    const all = await json<Page>(admin(`/apps/${app}/connections`));
    expect(all.connections.map(({ virtualPort }) => virtualPort)).toEqual([0, 1, 2, 3, 4]);
    expect(all.next).toBeNull();
    const seen: number[] = [];
    const sizes: number[] = [];
    let after = "";
    for (let page = 0; page < 5; page++) {
      const { connections, next } = await json<Page>(admin(`/apps/${app}/connections?limit=2${after}`));
      seen.push(...connections.map(({ virtualPort }) => virtualPort));
      sizes.push(connections.length);
      if (next === null) break;
      after = `&cursor=${next}`;
    }
    expect(seen).toEqual([0, 1, 2, 3, 4]);
    expect(sizes).toEqual([2, 2, 1]);
  });

  it("a page that cannot be is refused", async () => {
    const path = `/apps/${freshApp()}/connections`;
    for (const query of [
      "limit=0",
      "limit=1001",
      "limit=-1",
      "limit=1.5",
      "limit=all",
      "cursor=-1",
      "cursor=created.asc.1.4294967296",
      "cursor=created.asc.9007199254740993.1",
      "cursor=created.asc.1",
      "cursor=created.desc.1.1",
      "cursor=packets.asc.1.1",
      "cursor=handle.asc.1.1",
      "cursor=x",
    ]) {
      await refused("invalid_page", admin(`${path}?${query}`));
    }
  });

  it("one connection: every 64-bit id as a decimal string", async () => {
    const app = freshApp();
    const pair = await pairUp({ app });
    await mustRelay(pair);
    const response = await admin(`/apps/${app}/connections/${pair.connectionId}`);
    const text = await response.text();
    for (const [name, id] of [
      ["connectionId", pair.connectionId],
      ["fromPeerId", ALICE],
      ["toPeerId", BOB],
    ] as const) {
      expect(text).toContain(`"${name}":"${id}"`);
    }
    expect(JSON.parse(text)).toEqual({
      connectionId: String(pair.connectionId),
      fromPeerId: String(ALICE),
      toPeerId: String(BOB),
      appId: app,
      type: "NetworkingSockets",
      state: "Connected",
      created: expect.any(Number),
      lastActivity: expect.any(Number),
      packetsRelayed: 2,
      bytesRelayed: 32,
      virtualPort: 0,
      states: [
        { state: "Connecting", at: expect.any(Number) },
        { state: "Connected", at: expect.any(Number) },
      ],
      ends: [ALICE, BOB].map((peer) => ({
        peer: String(peer),
        presence: "present",
        lastHeard: expect.any(Number),
        queuedBytes: 0,
        quality: null,
      })),
    });
  });

  it("a peer's connections", async () => {
    const app = freshApp();
    const { a, b } = await pairUp({ app });
    const c = await TestPeer.enter({ app, peer: CAROL });
    const { connectionId } = await joinUp(c, b);
    const ofCarol = await json<Page>(admin(`/apps/${app}/peers/${CAROL}/connections`));
    expect(ofCarol.connections).toMatchObject([{ connectionId: String(connectionId), fromPeerId: String(CAROL) }]);
    expect((await json<Page>(admin(`/apps/${app}/peers/${b.id}/connections`))).connections).toHaveLength(2);
    expect((await json<Page>(admin(`/apps/${app}/peers/${a.id}/connections`))).connections).toHaveLength(1);
    expect((await json<Page>(admin(`/apps/${app}/peers/77/connections`))).connections).toEqual([]);
  });

  it("ids that are none are refused", async () => {
    const app = freshApp();
    for (const id of ["0", "-1", "18446744073709551616", "text", "0x10", "01", "1.0", "1".repeat(5_000)]) {
      await refused("invalid_connection_id", admin(`/apps/${app}/connections/${id}`));
      await refused("invalid_connection_id", admin(`/apps/${app}/connections/${id}`, { method: "DELETE" }));
      await refused("invalid_peer_id", admin(`/apps/${app}/peers/${id}/connections`));
      await refused("invalid_peer_id", admin(`/apps/${app}/peers/${id}/kick`, { method: "POST" }));
    }
    for (const id of ["0", "-1", "4294967296", "text", "1".repeat(5_000)]) {
      await refused("invalid_app_id", admin(`/apps/${id}/statistics`));
    }
    for (const room of ["-x", "a%2Fb", "%E0%A4%A", "%00", "x".repeat(65)]) {
      await refused("invalid_room", admin(`/apps/${app}/rooms/${room}/statistics`));
    }
    await refused("connection_not_found", admin(`/apps/${app}/connections/18446744073709551615`));
    await refused("not_found", admin(`/apps/${app}/nothing`));
    await refused("not_found", admin("/"));
    await refused("not_found", admin(`/apps/${app}/statistics`, { method: "POST" }));
  });

  it("a named room apart from the app's own", async () => {
    const app = freshApp();
    const inApp = await pairUp({ app });
    await mustRelay(inApp);
    const inRoom = await pairUp({ app, room: "lobby~1" }, CAROL, BOB);
    const statistics = (place: string) => json(admin(`/apps/${app}${place}/statistics`));
    expect(await statistics("")).toMatchObject({ peers: 2, totalPackets: 2 });
    expect(await statistics("/rooms/lobby~1")).toMatchObject({ peers: 2, totalPackets: 0 });
    expect(await statistics("/rooms/lobby%7E1")).toMatchObject({ peers: 2, totalPackets: 0 });
    expect(await statistics("/rooms/lobby")).toMatchObject({ peers: 0 });
    // Ids are unique in their room only: a first connection of the same second has the same id in another.
    const id = String((await joinUp(inRoom.a, inRoom.b, { virtualPort: 1 })).connectionId);
    await refused("connection_not_found", admin(`/apps/${app}/connections/${id}`, { method: "DELETE" }));
    expect(await json(admin(`/apps/${app}/rooms/lobby~1/connections/${id}`))).toMatchObject({ connectionId: id });
    const kick = await admin(`/apps/${app}/rooms/lobby~1/peers/${BOB}/kick`, { method: "POST" });
    expect(kick.status).toBe(204);
    expect(await inRoom.b.closed).toMatchObject({ code: CloseCode.Kicked });
    await mustRelay(inApp); // where Bob still is
  });
});

describe("apps", () => {
  it("settings hold in rooms that are open, and are gone again when they are taken back", async () => {
    const app = freshApp();
    await pairUp({ app });
    const path = `/apps/${app}/settings`;
    const put = await json<{ settings: object }>(admin(path, { method: "PUT", body: '{"maxPeers":2}' }));
    expect(put).toMatchObject({ settings: { maxPeers: 2 }, overrides: { maxPeers: 2 } });
    expect(await json(admin(path))).toEqual(put);
    expect(await json(admin(`/apps/${app}/audit`))).toMatchObject({
      entries: [{ actor: "admin", action: "settings" }],
    });
    expect(await json(admin(path, { method: "DELETE" }))).toMatchObject({ overrides: {} });
    expect(await json(admin(`/apps/${app}/rooms`))).toMatchObject({ rooms: expect.any(Array), next: null });
    expect(await json(admin(`/apps/${app}/totals`))).toMatchObject({ app });
  });

  it("a room is watched with the token among the subprotocols, of which it selects its own", async () => {
    const app = freshApp();
    const protocols = `edge-relay.watch.v1, token.${btoa(TOKEN).replaceAll("=", "")}`;
    const headers = { upgrade: "websocket", "sec-websocket-protocol": protocols };
    const response = await admin(`/apps/${app}/watch`, { headers });
    expect([response.status, response.headers.get("sec-websocket-protocol")]).toEqual([101, "edge-relay.watch.v1"]);
    const socket = response.webSocket!;
    socket.accept();
    const first = await new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)));
    expect(JSON.parse(String(first))).toMatchObject({ type: "statistics", statistics: { peers: 0 } });
    socket.close(1000);
  });

  it("history, minute by minute", async () => {
    const app = freshApp();
    await mustRelay(await pairUp({ app }));
    const answer = await json<{ resolution: string; buckets: HistoryBucket[] }>(admin(`/apps/${app}/history`));
    expect(answer.resolution).toBe("minute");
    // A minute may have ended meanwhile.
    const sum = (count: (bucket: HistoryBucket) => number) => answer.buckets.reduce((all, b) => all + count(b), 0);
    expect([sum((b) => b.packets), sum((b) => b.bytes), sum((b) => b.opened), sum((b) => b.joins)]).toEqual([
      2, 32, 1, 2,
    ]);
    expect(await json(admin(`/apps/${app}/history?resolution=hour&to=1`))).toEqual({ resolution: "hour", buckets: [] });
    for (const query of ["resolution=day", "from=-1", "to=x", "since=1"]) {
      await refused("invalid_query", admin(`/apps/${app}/history?${query}`));
    }
  });
});

describe("what it does", () => {
  it.each([false, true])("closes a connection: both ends are told 5104 (evicted: %s)", async (isEvicted) => {
    const app = freshApp();
    const pair = await pairUp({ app });
    const other = await joinUp(pair.a, pair.b, { virtualPort: 1 });
    if (isEvicted) await evictDurableObject(roomOf(app));
    const path = `/apps/${app}/connections/${pair.connectionId}`;
    const response = await admin(path, { method: "DELETE" });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe("");
    const told = { handle: pair.handle, reason: EndReason.ClosedByAdmin, closedBy: ClosedBy.Relay };
    expect(await nextClose(pair.a)).toEqual(told);
    expect(await nextClose(pair.b)).toEqual(told);
    await refused("connection_not_found", admin(path, { method: "DELETE" }));
    await refused("connection_not_found", admin(path));
    await mustRelay(other);
  });

  it.each([false, true])("kicks a peer: it is told 4004, the other ends 5105 (evicted: %s)", async (isEvicted) => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    const c = await TestPeer.enter({ app, peer: CAROL });
    const other = await joinUp(c, a);
    if (isEvicted) await evictDurableObject(roomOf(app));
    const path = `/apps/${app}/peers/${ALICE}/kick`;
    expect((await admin(path, { method: "POST" })).status).toBe(204);
    expect(await a.next("bye")).toMatchObject({ code: CloseCode.Kicked, debug: "kicked" });
    expect(await a.closed).toEqual({ code: CloseCode.Kicked, reason: "kicked", wasClean: true });
    const told = { reason: EndReason.PeerKicked, closedBy: ClosedBy.Relay };
    expect(await nextClose(b)).toEqual({ handle, ...told });
    expect(await nextClose(c)).toEqual({ handle: other.handle, ...told });
    await refused("peer_not_found", admin(path, { method: "POST" }));
    await mustRelay(await joinUp(b, c));
  });
});
