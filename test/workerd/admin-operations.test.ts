/** What the admin API shows and does beyond admin.test.ts: peers, ends, lists, the audit log, settings, apps, watching. */
import { evictDurableObject } from "cloudflare:test";
import { hc } from "hono/client";
import { beforeEach, describe, expect, it } from "vitest";
import type { AdminApp, AuditEntry, PeerView, RoomSummary } from "../../src/http/admin/types.ts";
import { type ProblemCode, PROBLEMS } from "../../src/http/problem.ts";
import { CloseCode } from "../../src/protocol/index.ts";
import { DEFAULT_SETTINGS } from "../../src/relay/settings.ts";
import { AdminRelay, type AskOptions, TOKENS, type TokenName, tokensFor } from "./support/admin.ts";
import { ALICE, BOB, CAROL, TestPeer, joinUp, mustRelay, pairUp } from "./support/peer.ts";
import { freshApp, roomOf } from "./support/room.ts";

let relay: AdminRelay;
let app: number;

beforeEach(async () => {
  relay = new AdminRelay(await tokensFor());
  app = freshApp();
});

function as(name: TokenName, path: string, options: AskOptions = {}): Promise<Response> {
  return relay.ask(path, { token: TOKENS[name], ...options });
}

const from = (address: string) => ({ headers: { "x-test-address": address } });

async function json<T>(request: Promise<Response>): Promise<T> {
  const response = await request;
  expect(response.status).toBe(200);
  return response.json<T>();
}

async function refused(code: ProblemCode, request: Promise<Response>): Promise<string> {
  const response = await request;
  const problem = await response.json<{ code: string; detail: string }>();
  expect({ status: response.status, code: problem.code }).toEqual({ status: PROBLEMS[code], code });
  return problem.detail;
}

describe("who asks", () => {
  it("is told who it is", async () => {
    const common = { runtime: "test", version: expect.any(String) };
    expect(await json(as("admin", "/whoami"))).toEqual({ name: "admin", scope: "operate", apps: null, ...common });
    expect(await json(as("reader", "/whoami"))).toEqual({ name: "reader", scope: "read", apps: null, ...common });
    expect(await json(as("other", "/whoami"))).toEqual({ name: "other", scope: "operate", apps: [7], ...common });
  });

  it.each([
    "/%61pps/480/statistics",
    "/apps/%34%38%30/statistics",
    "/apps/480/rooms/x/../statistics",
    "/apps/480/statistics?app=7",
  ])("a token for app 7 gets nowhere by %s", async (path) => {
    expect((await as("other", path)).status).toBe(403);
  });

  it("cannot pass another app's room for its own", async () => {
    for (const path of ["/apps/7%2F..%2F480/statistics", "/apps/7/../480/statistics", "/apps//480/statistics"]) {
      expect((await as("other", path)).status).toBeGreaterThanOrEqual(400);
    }
    expect((await as("other", "/apps/7/statistics")).status).toBe(200);
    expect((await as("other", "/apps/7/rooms/apps/statistics")).status).toBe(200);
    expect((await as("other", "/apps/7/drain", { method: "POST" })).status).toBe(200);
  });

  it("is limited: each token by itself, and wrong ones by their address", async () => {
    relay.tickMs = 0;
    const statuses = await Promise.all(Array.from({ length: 210 }, async () => (await as("reader", "/whoami")).status));
    expect(statuses.filter((status) => status === 429)).toHaveLength(10);
    expect((await as("operator", "/whoami")).status).toBe(200);
    for (let guess = 0; guess < 10; guess++) {
      await refused("admin_token_wrong", relay.ask("/whoami", { token: `guess-${guess}`, ...from("203.0.113.7") }));
    }
    const right = { token: TOKENS.admin, ...from("203.0.113.7") };
    const response = await relay.ask("/whoami", right);
    expect(response.headers.get("retry-after")).toBe("6");
    await refused("too_many_requests", Promise.resolve(response));
    expect((await relay.ask("/whoami", { ...right, ...from("203.0.113.8") })).status).toBe(200);
  });
});

interface Peers {
  readonly peers: PeerView[];
  readonly next: string | null;
  readonly total: number;
}

describe("peers", () => {
  it("in pages, and one of them", async () => {
    const { a } = await pairUp({ app });
    await TestPeer.enter({ app, peer: CAROL });
    const page = await json<Peers>(as("reader", `/apps/${app}/peers?limit=2`));
    expect(page).toMatchObject({
      next: String(BOB),
      total: 3,
      peers: [{ peer: String(ALICE) }, { peer: String(BOB) }],
    });
    const rest = await json<Peers>(as("reader", `/apps/${app}/peers?limit=2&cursor=${page.next}`));
    expect(rest).toMatchObject({ next: null, total: 3, peers: [{ peer: String(CAROL), connections: 0 }] });
    await evictDurableObject(roomOf(app));
    const alice = await json<PeerView>(as("reader", `/apps/${app}/peers/${a.id}`));
    expect(alice).toMatchObject({
      peer: String(ALICE),
      state: "present",
      connections: 1,
      queuedBytes: 0,
      stalled: false,
    });
    await refused("peer_not_found", as("reader", `/apps/${app}/peers/77`));
    await refused("invalid_page", as("reader", `/apps/${app}/peers?cursor=0`));
  });

  it("getDestinationPeer", async () => {
    const { connectionId } = await pairUp({ app });
    const ask = (id: unknown, from: unknown) => as("reader", `/apps/${app}/connections/${id}/destination?from=${from}`);
    expect(await json(ask(connectionId, ALICE))).toEqual({ peer: String(BOB) });
    expect(await json(ask(connectionId, BOB))).toEqual({ peer: String(ALICE) });
    expect(await refused("connection_not_found", ask(connectionId, CAROL))).toContain(String(CAROL));
    await refused("connection_not_found", ask(5, ALICE));
    await refused("invalid_peer_id", ask(connectionId, "x"));
    await refused("invalid_query", as("reader", `/apps/${app}/connections/${connectionId}/destination`));
  });
});

describe("connections", () => {
  it("filtered, sorted, and counted", async () => {
    const pair = await pairUp({ app });
    const carol = await TestPeer.enter({ app, peer: CAROL });
    const other = await joinUp(carol, pair.b, { virtualPort: 5 });
    await mustRelay(other);
    const list = async (query: string) => {
      const page = await json<{ connections: { virtualPort: number }[]; total: number }>(
        as("reader", `/apps/${app}/connections?${query}`),
      );
      return [page.total, ...page.connections.map(({ virtualPort }) => virtualPort)];
    };
    expect(await list("sort=packets&order=desc")).toEqual([2, 5, 0]);
    expect(await list("sort=bytes")).toEqual([2, 0, 5]);
    expect(await list("limit=1")).toEqual([2, 0]);
    expect(await list(`peer=${CAROL}`)).toEqual([1, 5]);
    expect(await list("type=NetworkOld")).toEqual([0]);
    expect(await list("type=NetworkingSockets&state=Connected")).toEqual([2, 0, 5]);
    expect(await list("state=Connecting")).toEqual([0]);
  });

  it.each([
    "stat=Connected",
    "state=connected",
    "state=Closed",
    "type=2",
    "sort=peers",
    "order=up",
    "sort=bytes&sort=bytes",
  ])("?%s is refused, not ignored", async (query) => {
    await refused("invalid_query", as("reader", `/apps/${app}/connections?${query}`));
  });
});

it("the audit log says who did what, also after an eviction", async () => {
  const pair = await pairUp({ app });
  const base = `/apps/${app}`;
  expect((await as("operator", `${base}/connections/${pair.connectionId}`, { method: "DELETE" })).status).toBe(204);
  expect((await as("admin", `${base}/peers/${ALICE}/kick`, { method: "POST" })).status).toBe(204);
  expect((await as("admin", `${base}/peers/${ALICE}/kick`, { method: "POST" })).status).toBe(404);
  await json(as("admin", `${base}/bans/peers/9`, { method: "PUT", body: '{"reason":"spam"}' }));
  await json(as("operator", `${base}/settings`, { method: "PUT", body: '{"graceMs":0}' }));
  await json(as("operator", `${base}/drain`, { method: "POST" }));
  expect(await pair.b.closed).toMatchObject({ code: CloseCode.Restarting });
  await evictDurableObject(roomOf(app));
  const page = await json<{ entries: AuditEntry[]; next: string | null }>(as("reader", `${base}/audit?limit=3`));
  expect(page.entries.map(({ actor, action, subject, detail }) => [actor, action, subject, detail])).toEqual([
    ["operator", "drain", "room", "1 sockets, to come back after 0 ms"],
    ["operator", "settings", "app", '{"graceMs":0}'],
    ["admin", "ban", "peer/9", "for good: spam"],
  ]);
  const rest = await json<typeof page>(as("reader", `${base}/audit?limit=3&cursor=${page.next}`));
  expect(rest.entries.map(({ actor, action, subject }) => [actor, action, subject])).toEqual([
    ["admin", "kick", String(ALICE)],
    ["operator", "close", String(pair.connectionId)],
  ]);
  expect(rest.next).toBeNull();
});

describe("settings", () => {
  it("are those of APP_SETTINGS, until they are set, and again when that is taken back", async () => {
    const path = `/apps/${app}/settings`;
    const deployed = { ...DEFAULT_SETTINGS, graceMs: 5_000, classes: {} };
    expect(await json(as("reader", path))).toEqual({ settings: deployed, overrides: {} });
    const overrides = { idleTimeoutMs: 60_000, maxPeers: 5 };
    const changed = { settings: { ...deployed, ...overrides }, overrides };
    expect(await json(as("operator", path, { method: "PUT", body: JSON.stringify(overrides) }))).toEqual(changed);
    expect(await json(as("reader", path))).toEqual(changed);
    expect(await json(as("operator", path, { method: "PUT", body: '{"maxPeers":6}' }))).toMatchObject({
      overrides: { maxPeers: 6 },
    });
    expect(await json(as("operator", path, { method: "DELETE" }))).toEqual({ settings: deployed, overrides: {} });
  });

  it.each([
    "",
    "[]",
    "{",
    '{"maxPeers":0}',
    '{"maxPeers":"5"}',
    '{"graceMs":-1}',
    '{"joinsPerMinute":1}',
    '{"classes":{}}',
  ])("%s is refused, and changes nothing", async (body) => {
    const path = `/apps/${app}/settings`;
    await refused("invalid_body", as("operator", path, { method: "PUT", body }));
    expect(await json(as("reader", path))).toMatchObject({ overrides: {} });
  });
});

describe("apps and rooms", () => {
  it("a token sees its own apps, and pages of them", async () => {
    const summary = { rooms: 1, peers: 2, activeConnections: 1, lastSeen: 5 };
    for (const id of [3, 7, 9]) relay.directory.summaries.push({ app: id, ...summary });
    const apps = async (name: TokenName, query = "") => {
      const page = await json<{ apps: { app: number }[]; next: number | null }>(as(name, `/apps${query}`));
      return [page.apps.map((entry) => entry.app), page.next];
    };
    expect(await apps("reader")).toEqual([[3, 7, 9], null]);
    expect(await apps("reader", "?limit=2")).toEqual([[3, 7], 7]);
    expect(await apps("reader", "?limit=2&after=7")).toEqual([[9], null]);
    expect(await apps("other")).toEqual([[7], null]);
    expect(await apps("other", "?after=7")).toEqual([[], null]);
    await refused("invalid_page", as("reader", "/apps?after=x"));
  });

  it("rooms in pages, the app's own first", async () => {
    const { statistics } = await relay.directory.app(app as never).totals();
    const room = (name: string | null): RoomSummary => ({ room: name, region: null, lastSeen: 1, statistics });
    relay.directory.rooms.push(room(null), room("a"), room("b"));
    const page = async (query: string) => {
      const { rooms, next } = await json<{ rooms: RoomSummary[]; next: string | null }>(
        as("reader", `/apps/${app}/rooms?limit=1${query}`),
      );
      return [rooms.map(({ room: name }) => name), next];
    };
    expect(await page("")).toEqual([[null], ""]);
    expect(await page("&after=")).toEqual([["a"], "a"]);
    expect(await page("&after=b")).toEqual([[], null]);
    expect(await json(as("reader", `/apps/${app}/totals`))).toMatchObject({ app, oldest: null });
  });
});

const encode = (token: string) => btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const offer = (...protocols: string[]) => ({
  headers: { upgrade: "websocket", "sec-websocket-protocol": protocols.join(", ") },
});

describe("watching", () => {
  it("takes the token from a header, or from the subprotocols of an upgrade", async () => {
    const path = `/apps/${app}/rooms/lobby/watch`;
    expect((await as("reader", path, offer("edge-relay.watch.v1"))).status).toBe(200);
    expect((await relay.ask(path, offer("edge-relay.watch.v1", `token.${encode(TOKENS.reader)}`))).status).toBe(200);
    expect(relay.watched.map(({ address }) => address)).toEqual(
      Array.from({ length: 2 }, () => ({ app, room: "lobby" })),
    );
  });

  it("is refused without the one or the other", async () => {
    const path = `/apps/${app}/watch`;
    await refused("admin_token_missing", relay.ask(path, offer("edge-relay.watch.v1")));
    await refused("admin_token_wrong", relay.ask(path, offer("edge-relay.watch.v1", `token.${encode("guess")}`)));
    await refused("admin_token_wrong", relay.ask(path, offer("edge-relay.watch.v1", "token.%%%")));
    await refused("admin_app", relay.ask(path, offer("edge-relay.watch.v1", `token.${encode(TOKENS.other)}`)));
    await refused("unsupported_subprotocol", relay.ask(path, offer(`token.${encode(TOKENS.reader)}`)));
    await refused("upgrade_required", as("reader", path));
    const plain = { headers: { "sec-websocket-protocol": `token.${encode(TOKENS.reader)}` } };
    await refused("admin_token_missing", relay.ask(path, plain));
    expect(relay.watched).toEqual([]);
  });
});

it("a client that is typed by the routes: hono/client", async () => {
  const pair = await pairUp({ app });
  const client = hc<AdminApp>("http://relay.test/v1/admin", {
    fetch: (input: RequestInfo | URL, init?: RequestInit) => {
      const { pathname, search } = new URL(input instanceof Request ? input.url : String(input));
      return as("reader", `${pathname.slice("/v1/admin".length)}${search}`, { method: init?.method ?? "GET" });
    },
  });
  const param = { app: String(app) };
  const list = await client.apps[":app"].connections.$get({ param, query: { sort: "bytes" } });
  const { connections, total } = await list.json();
  expect([connections[0]?.connectionId, total]).toEqual([String(pair.connectionId), 1]);
  const peer = await client.apps[":app"].peers[":peer"].$get({ param: { ...param, peer: String(ALICE) } });
  expect((await peer.json()).stalled).toBe(false);
  const rooms = client.apps[":app"].rooms[":room"];
  const statistics = await rooms.statistics.$get({ param: { ...param, room: "lobby" } });
  expect((await statistics.json()).peers).toBe(0);
});
