/** The lobby list: a room is in it because one of its players asked, and leaves it with them or without a word. */
import { evictDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { PRESENCE_MS } from "../../src/relay/directory/app-ledger.ts";
import { Clock } from "./support/clock.ts";
import { type TestTicket, testTicket } from "../support/tickets.ts";
import { ALICE, BOB, TestPeer } from "./support/peer.ts";
import { freshApp, roomOf } from "./support/room.ts";

interface Ask extends Partial<TestTicket> {
  readonly method?: string;
  readonly body?: unknown;
}

/** A peer of its own for each question, unless one is named: each may only ask so often. */
let stranger = 500n;

async function ask(app: number, path: string, { method = "GET", body, ...claims }: Ask = {}): Promise<Response> {
  const ticket = await testTicket({ app, peer: stranger++, ...claims });
  return exports.default.fetch(`http://relay.test/v1/apps/${app}${path}`, {
    method,
    headers: { authorization: `Bearer ${ticket}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

function announce(app: number, room: string, body: unknown, claims: Partial<TestTicket> = {}): Promise<Response> {
  return ask(app, `/rooms/${room}/lobby`, { method: "PUT", body, peer: ALICE, lobby: true, ...claims });
}

interface Page {
  readonly rooms: { room: string; players: number; ageMs: number; data: object; maxPlayers: number | null }[];
  readonly next: string | null;
}

async function listed(app: number, query = "", now?: number): Promise<Page> {
  const response = await ask(app, `/rooms${query}`, now === undefined ? {} : { now });
  expect(response.status).toBe(200);
  return response.json();
}

function listedSoon(app: number, rooms: readonly string[], query = "", now?: () => number): Promise<Page> {
  return vi.waitFor(async () => {
    const page = await listed(app, query, now?.());
    expect(page.rooms.map(({ room }) => room)).toEqual(rooms);
    return page;
  });
}

describe("a room", () => {
  it("is not listed by a ticket for another one, also where it has no name", async () => {
    const app = freshApp();
    await TestPeer.enter({ app, peer: ALICE }); // with a ticket that is not bound, and may not list anything
    const claims = { peer: ALICE, lobby: true, room: "mine" };
    for (const path of ["/lobby", "/rooms/other/lobby"]) {
      const refused = await ask(app, path, { method: "PUT", body: {}, ...claims });
      expect(await refused.json()).toMatchObject({ code: "ticket_wrong_room" });
    }
    expect((await ask(app, "/place", { ...claims, peer: BOB })).status).toBe(403);
    expect((await ask(app, "/rooms", { ...claims, peer: BOB })).status).toBe(200);
  });

  it("is listed as one of its players says, for everybody with a ticket, until it is taken out", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, room: "r", peer: ALICE });
    await TestPeer.enter({ app, room: "silent", peer: BOB });
    expect(await listed(app)).toEqual({ rooms: [], next: null });
    const data = { name: "Bob's", mode: "ctf", level: 3, ranked: true };
    expect((await announce(app, "r", { maxPlayers: 8, data })).status).toBe(204);
    const { rooms } = await listedSoon(app, ["r"]);
    expect(rooms[0]).toEqual({ room: "r", region: null, players: 1, maxPlayers: 8, data, ageMs: expect.any(Number) });
    await announce(app, "r", { data: { mode: "dm" } });
    await vi.waitFor(async () =>
      expect((await listed(app)).rooms[0]).toMatchObject({ data: { mode: "dm" }, maxPlayers: null }),
    );
    await evictDurableObject(roomOf(app, "r"));
    const taken = await ask(app, "/rooms/r/lobby", { method: "DELETE", peer: ALICE, lobby: true });
    expect(taken.status).toBe(204);
    await listedSoon(app, []);
    a.socket.close(1000);
  });

  it("leaves the list with its last player, and is not in it again by itself", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, room: "r", peer: ALICE });
    await announce(app, "r", {});
    await listedSoon(app, ["r"]);
    a.socket.close(1000);
    await a.closed;
    await listedSoon(app, []);
    await TestPeer.enter({ app, room: "r", peer: ALICE });
    expect((await listed(app)).rooms).toEqual([]);
  });

  it("leaves it in time when it dies without a word, and says until then how old its word is", async () => {
    using clock = new Clock();
    const app = freshApp();
    await TestPeer.enter({ app, room: "r", peer: ALICE, now: clock.now });
    await announce(app, "r", {}, { now: clock.now });
    await listedSoon(app, ["r"], "", () => clock.now);
    clock.set(clock.now + 60_000);
    const { rooms } = await listed(app, "", clock.now);
    expect(rooms[0]!.ageMs).toBeGreaterThanOrEqual(60_000);
    clock.set(clock.now + PRESENCE_MS);
    expect((await listed(app, "", clock.now)).rooms).toEqual([]);
  });
});

describe("who asks", () => {
  it("finds by fields, free places and pages", async () => {
    const app = freshApp();
    for (const [index, room] of ["a", "b", "c"].entries()) {
      await TestPeer.enter({ app, room, peer: BigInt(700 + index) });
      const listing = { maxPlayers: index + 1, data: { level: index, mode: index === 1 ? "dm" : "ctf" } };
      await announce(app, room, listing, { peer: BigInt(700 + index) });
    }
    await listedSoon(app, ["a", "b", "c"]);
    const names = async (query: string) => (await listed(app, query)).rooms.map(({ room }) => room);
    expect(await names("?data.mode=ctf")).toEqual(["a", "c"]);
    expect(await names("?data.mode=ctf&data.level.min=1")).toEqual(["c"]);
    expect(await names("?free=1")).toEqual(["b", "c"]);
    expect(await names("?region=weur")).toEqual([]);
    const first = await listed(app, "?limit=2");
    expect(first.next).toBe("b");
    expect(await listed(app, `?limit=2&after=${first.next}`)).toMatchObject({ rooms: [{ room: "c" }], next: null });
    const refused = await ask(app, "/rooms?mode=ctf");
    expect([refused.status, await refused.json()]).toMatchObject([400, { code: "invalid_query" }]);
  });

  it("may ask five times at once and once a second, and others are not the worse for it", async () => {
    using clock = new Clock();
    const app = freshApp();
    const codes = async (count: number, peer: bigint) => {
      const answers = [];
      for (let i = 0; i < count; i++) answers.push((await ask(app, "/rooms", { peer, now: clock.now })).status);
      return answers;
    };
    expect(await codes(6, ALICE)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(await codes(1, BOB)).toEqual([200]);
    clock.set(clock.now + 1_000);
    const [answer] = [await ask(app, "/rooms", { peer: ALICE, now: clock.now })];
    expect(answer.status).toBe(200);
    const late = await ask(app, "/rooms", { peer: ALICE, now: clock.now });
    expect([late.status, late.headers.get("retry-after")]).toEqual([429, "1"]);
  });

  it.each([
    ["without a ticket", undefined, 401, "ticket_missing"],
    ["with another app's", { app: 5 }, 403, "ticket_wrong_app"],
  ])("%s learns nothing", async (_what, claims, status, code) => {
    const app = freshApp();
    const headers = claims && { authorization: `Bearer ${await testTicket({ peer: 1n, ...claims })}` };
    for (const path of ["rooms", "rooms/r/place", "place"]) {
      const response = await exports.default.fetch(`http://relay.test/v1/apps/${app}/${path}`, headers && { headers });
      expect([response.status, await response.json()]).toMatchObject([status, { code }]);
    }
  });
});

describe("who lists a room", () => {
  it("has the claim for it, is in the room, and says what may be said", async () => {
    const app = freshApp();
    await TestPeer.enter({ app, room: "r", peer: ALICE });
    const refusals = [
      await announce(app, "r", {}, { lobby: false }),
      await announce(app, "r", {}, { peer: BOB }),
      await announce(app, "r", {}, { room: "other" }),
      await announce(app, "r", { data: { mode: null } }),
      await announce(app, "r", undefined),
    ];
    const told = await Promise.all(
      refusals.map(async (one) => [one.status, ((await one.json()) as { code: string }).code]),
    );
    expect(told).toEqual([
      [403, "lobby_not_allowed"],
      [409, "not_in_room"],
      [403, "ticket_wrong_room"],
      [400, "invalid_body"],
      [400, "invalid_body"],
    ]);
  });

  it("may change it five times at once, whoever asks: each change is a row here and one in the directory", async () => {
    const app = freshApp();
    const peers = [11n, 12n, 13n];
    for (const peer of peers) await TestPeer.enter({ app, room: "r", peer });
    const statuses = [];
    for (let i = 0; i < 6; i++) {
      statuses.push((await announce(app, "r", { data: { n: i } }, { peer: peers[i % 3]! })).status);
    }
    expect(statuses).toEqual([204, 204, 204, 204, 204, 429]);
  });
});

it("where a room is, and which edge has answered", async () => {
  const app = freshApp();
  const cf = { latitude: "52.2", longitude: "21.0", colo: "WAW" };
  await TestPeer.enter({ app, room: "r", peer: ALICE, cf });
  const ticket = await testTicket({ app, peer: BOB });
  const response = await exports.default.fetch(`http://relay.test/v1/apps/${app}/rooms/r/place`, {
    headers: { authorization: `Bearer ${ticket}` },
    cf: { colo: "SYD", latitude: "-33.9", longitude: "151.2" },
  });
  expect(await response.json()).toEqual({ region: "eeur", colo: "SYD", nearest: "oc" });
});

it("pages of any origin may ask", async () => {
  const preflight = await exports.default.fetch("http://relay.test/v1/apps/480/rooms/r/lobby", {
    method: "OPTIONS",
    headers: { origin: "https://game.example", "access-control-request-method": "PUT" },
  });
  expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
  expect(preflight.headers.get("access-control-allow-methods")).toContain("PUT");
  const refused = await exports.default.fetch("http://relay.test/v1/apps/480/rooms");
  expect(refused.headers.get("access-control-allow-origin")).toBe("*");
});
