/** Refusals of joins, bans, revoked tickets and rates, from the admin API to the socket (rules L1, L3, L4). */
import { exports } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { type ProblemCode, PROBLEMS } from "../../src/http/problem.ts";
import { CloseCode, ClosedBy, EndReason, MAX_DEBUG } from "../../src/protocol/index.ts";
import { batch, dataFrame } from "../support/frames.ts";
import { testTicket } from "../support/tickets.ts";
import { Clock } from "./support/clock.ts";
import {
  ALICE,
  BOB,
  CAROL,
  type JoinOptions,
  TestPeer,
  connectUrl,
  mustRelay,
  nextClose,
  pairUp,
  upgrade,
} from "./support/peer.ts";
import { freshApp, roomOf } from "./support/room.ts";

const authorization = { authorization: "Bearer test-admin-token-0123456789abcdef" };

function admin(method: string, path: string, body?: unknown): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return exports.default.fetch(`http://relay.test/v1/admin${path}`, {
    method,
    headers: authorization,
    ...(body !== undefined && { body: text }),
  });
}

async function json<T = Record<string, unknown>>(request: Promise<Response>): Promise<T> {
  const response = await request;
  expect(response.status).toBe(200);
  return response.json<T>();
}

interface Refusal {
  readonly detail: string;
  readonly retryAfter: string | null;
}

async function refused(code: ProblemCode, request: Promise<Response>): Promise<Refusal> {
  const response = await request;
  const problem = await response.json<{ code: string; status: number; detail: string }>();
  expect({ status: response.status, code: problem.code }).toEqual({ status: PROBLEMS[code], code });
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  return { detail: problem.detail, retryAfter: response.headers.get("retry-after") };
}

/** The same join as a plain request, as a browser asks why. */
async function explain({ app = 480, room, headers, ...ticket }: JoinOptions): Promise<Response> {
  const token = await testTicket({ app, peer: ticket.peer, id: ticket.id, rateClass: ticket.rateClass });
  return exports.default.fetch(connectUrl({ app, room }), {
    headers: { ...headers, authorization: `Bearer ${token}` },
  });
}

/** An upgrade and a plain request are refused alike. */
async function refusedJoin(code: ProblemCode, options: JoinOptions): Promise<Refusal> {
  const refusal = await refused(code, upgrade(options));
  expect(await refused(code, explain(options))).toEqual(refusal);
  return refusal;
}

const from = (address: string) => ({ headers: { "cf-connecting-ip": address } });

describe("[L3] 429", () => {
  it("room_full: the place of one who left is free, and another room has places", async () => {
    const app = 3001;
    const [a] = [await TestPeer.enter({ app, peer: ALICE }), await TestPeer.enter({ app, peer: BOB })];
    expect((await refusedJoin("room_full", { app, peer: CAROL })).retryAfter).toBe("10");
    await TestPeer.enter({ app, room: "other", peer: CAROL });
    a.socket.close(1000);
    await a.closed;
    await refused("upgrade_required", explain({ app, peer: CAROL }));
    const c = await TestPeer.enter({ app, peer: CAROL });
    const statistics = await json(admin("GET", `/apps/${app}/statistics`));
    expect(statistics).toMatchObject({ peers: 2, joinRefusals: { room_full: 1 } });
    c.socket.close();
  });

  it("too_many_joins: per client address, before the room is touched; refused ones by the room count too", async () => {
    const app = 3002;
    const here = { app, ...from("2001:db8:1:2::1") };
    for (const peer of [ALICE, BOB, CAROL]) await TestPeer.join({ ...here, peer });
    const neighbour = { ...here, ...from("2001:db8:1:2:ffff::9"), peer: ALICE };
    const { retryAfter } = await refusedJoin("too_many_joins", neighbour);
    expect(Number(retryAfter)).toBeGreaterThan(15);
    expect(Number(retryAfter)).toBeLessThanOrEqual(20);
    await TestPeer.join({ app, ...from("2001:db8:1:3::1"), peer: ALICE });
    // A bad ticket takes nothing from those who share an address.
    for (let n = 0; n < 5; n++) {
      const headers = { ...from("203.0.113.9").headers, authorization: "Bearer x" };
      await refused("ticket_malformed", exports.default.fetch(connectUrl({ app }), { headers }));
    }
    await TestPeer.join({ app, ...from("203.0.113.9"), peer: ALICE });
  });

  it("budget_exhausted: until the month ends", async () => {
    const app = 3003;
    using clock = new Clock();
    const pair = await pairUp({ app });
    await mustRelay(pair); // more than there is, and who is in the room stays
    const { retryAfter, detail } = await refusedJoin("budget_exhausted", { app, peer: CAROL });
    expect(detail).toMatch(/10 bytes of its month.*-01T00:00:00\.000Z/);
    await evictDurableObject(roomOf(app));
    await refusedJoin("budget_exhausted", { app, peer: CAROL });
    clock.set(clock.now + Number(retryAfter) * 1000);
    await TestPeer.enter({ app, peer: CAROL });
  });
});

describe("[L4] bans", () => {
  it.each([false, true])("of a peer: out at once, and not in again (evicted: %s)", async (isEvicted) => {
    const app = freshApp();
    const { a, b, handle } = await pairUp({ app });
    if (isEvicted) await evictDurableObject(roomOf(app));
    const path = `/apps/${app}/bans/peers/${ALICE}`;
    const ban = await json(admin("PUT", path, { reason: "cheating" }));
    expect(ban).toEqual({
      kind: "peer",
      subject: String(ALICE),
      until: null,
      created: expect.any(Number),
      reason: "cheating",
      ended: 1,
    });
    expect(await a.next("bye")).toMatchObject({ code: CloseCode.Banned, debug: "banned" });
    expect(await a.closed).toMatchObject({ code: CloseCode.Banned });
    expect(await nextClose(b)).toEqual({ handle, reason: EndReason.PeerBanned, closedBy: ClosedBy.Relay });
    await evictDurableObject(roomOf(app));
    const { detail } = await refusedJoin("peer_banned", { app, peer: ALICE });
    expect(detail).not.toContain("cheating");
    await TestPeer.enter({ app, room: "another", peer: ALICE }); // a ban holds for its room
    expect((await admin("DELETE", path)).status).toBe(204);
    await refused("ban_not_found", admin("DELETE", path));
    await TestPeer.enter({ app, peer: ALICE });
  });

  it("of an address, in a named room: whoever comes from there", async () => {
    const [app, room] = [freshApp(), "lobby"];
    const a = await TestPeer.enter({ app, room, peer: ALICE, ...from("2001:db8:1:2::1") });
    const b = await TestPeer.enter({ app, room, peer: BOB, ...from("203.0.113.7") });
    const base = `/apps/${app}/rooms/${room}`;
    const address = encodeURIComponent("2001:DB8:1:2:3:4:5:6");
    const ban = await json(admin("PUT", `${base}/bans/addresses/${address}`, { seconds: 60 }));
    expect(ban).toMatchObject({ subject: "2001:db8:1:2::/64", ended: 1 });
    const lasts = (ban["until"] as number) - (ban["created"] as number); // by the worker's clock and the object's
    expect(Math.abs(lasts - 60_000)).toBeLessThan(1_000);
    expect(await a.closed).toMatchObject({ code: CloseCode.Banned });
    const other = { app, room, peer: CAROL, ...from("2001:db8:1:2:9::") };
    const { detail } = await refusedJoin("address_banned", other);
    expect(detail).toContain(new Date(ban["until"] as number).toISOString());
    await TestPeer.enter({ app, room, peer: ALICE, ...from("203.0.113.8") });
    const listed = encodeURIComponent("2001:db8:1:2::/64");
    expect((await admin("DELETE", `${base}/bans/addresses/${listed}`)).status).toBe(204);
    await TestPeer.enter(other);
    b.socket.close();
  });

  it("of a ticket: it is revoked, another of the same peer is good", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, peer: ALICE, id: "stolen ticket/1" });
    const path = `/apps/${app}/tickets/${encodeURIComponent("stolen ticket/1")}/revocation`;
    const until = Date.now() + 3_600_000;
    expect(await json(admin("PUT", path, { until }))).toMatchObject({ kind: "ticket", until, ended: 1 });
    expect(await a.closed).toMatchObject({ code: CloseCode.Banned });
    await refusedJoin("ticket_revoked", { app, peer: ALICE, id: "stolen ticket/1" });
    await TestPeer.enter({ app, peer: ALICE, id: "new ticket" });
    await TestPeer.enter({ app, peer: BOB });
  });

  it("are listed, page by page, while they hold", async () => {
    const app = freshApp();
    using clock = new Clock();
    for (const peer of [1, 2, 3]) await json(admin("PUT", `/apps/${app}/bans/peers/${peer}`, { seconds: peer * 10 }));
    await json(admin("PUT", `/apps/${app}/tickets/t%2F1/revocation`));
    interface Page {
      readonly bans: { readonly subject: string }[];
      readonly next: string | null;
    }
    const page = (query: string) => json<Page>(admin("GET", `/apps/${app}/bans${query}`));
    const first = await page("?limit=2");
    expect(first.bans.map(({ subject }) => subject)).toEqual(["1", "2"]);
    const second = await page(`?limit=2&after=${encodeURIComponent(first.next!)}`);
    expect(second.bans.map(({ subject }) => subject)).toEqual(["3", "t/1"]);
    expect(await page(`?limit=2&after=${encodeURIComponent(second.next!)}`)).toEqual({ bans: [], next: null });
    clock.set(clock.now + 20_000);
    expect((await page("")).bans.map(({ subject }) => subject)).toEqual(["3", "t/1"]);
    for (const query of ["limit=0", "limit=1001", "limit=x", "after=", "after=x", "after=other/1"]) {
      await refused("invalid_page", admin("GET", `/apps/${app}/bans?${query}`));
    }
  });

  it("what is no subject, or no term, is refused with its name, and nothing is kept", async () => {
    const app = freshApp();
    for (const method of ["PUT", "DELETE"]) {
      await refused("invalid_peer_id", admin(method, `/apps/${app}/bans/peers/0`));
      for (const address of ["x", "1.2.3", "2001%3Adb8%3A%3A%2F48"]) {
        await refused("invalid_address", admin(method, `/apps/${app}/bans/addresses/${address}`));
      }
      await refused("invalid_ticket_id", admin(method, `/apps/${app}/tickets/${"x".repeat(65)}/revocation`));
      await refused("invalid_ticket_id", admin(method, `/apps/${app}/tickets/%0A/revocation`));
    }
    for (const [body, field] of [
      ["{", "JSON"],
      ["[]", "object"],
      ["null", "object"],
      [" ".repeat(4_097), "4096"],
      [{ until: 5 }, "until"],
      [{ until: String(Date.now() + 1e6) }, "until"],
      [{ until: 8.64e15 + 1 }, "until"],
      [{ until: null }, "until"],
      [{ seconds: 0 }, "seconds"],
      [{ seconds: 1.5 }, "seconds"],
      [{ seconds: 1e12 }, "seconds"],
      [{ until: Date.now() + 1e6, seconds: 5 }, "until or seconds"],
      [{ reason: 5 }, "reason"],
      [{ reason: "é".repeat(64) }, `${MAX_DEBUG} bytes`],
      [{ duration: 5 }, "duration"],
    ] as const) {
      expect((await refused("invalid_body", admin("PUT", `/apps/${app}/bans/peers/1`, body))).detail).toContain(field);
    }
    expect(await json(admin("GET", `/apps/${app}/bans`))).toEqual({ bans: [], next: null });
    await refused("not_found", admin("POST", `/apps/${app}/bans/peers/1`));
  });

  it("no more than there may be", async () => {
    const app = freshApp();
    await runInDurableObject(roomOf(app), (_room, { storage }) => {
      const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)";
      storage.sql.exec(`INSERT INTO bans ${numbers} SELECT 'peer', CAST(i AS TEXT), NULL, 0, '' FROM n`);
    });
    const { detail } = await refused("too_many_bans", admin("PUT", `/apps/${app}/bans/peers/20000`));
    expect(detail).toContain("10000 bans");
    await json(admin("PUT", `/apps/${app}/bans/peers/7`, { seconds: 5 }));
  });
});

it("drain: everybody is told to come back, and may", async () => {
  const app = freshApp();
  const { a, b } = await pairUp({ app });
  const path = `/apps/${app}/drain`;
  for (const body of [{ reconnectAfterMs: -1 }, { reconnectAfterMs: "1" }, { reconnectAfterMs: 600_001 }, { x: 1 }]) {
    await refused("invalid_body", admin("POST", path, body));
  }
  expect(await json(admin("POST", path, { reconnectAfterMs: 2_500 }))).toEqual({ ended: 2 });
  for (const peer of [a, b]) {
    expect(await peer.next("bye")).toMatchObject({ code: CloseCode.Restarting, reconnectAfterMs: 2_500 });
    expect(await peer.closed).toMatchObject({ code: CloseCode.Restarting });
  }
  await TestPeer.enter({ app, peer: ALICE });
  expect(await json(admin("POST", path))).toEqual({ ended: 1 });
});

describe("rate classes", () => {
  it("the ticket's class is the welcome's limits; one that the app does not have is refused", async () => {
    const app = 3004;
    const welcomed = async (peer: bigint, rateClass?: string) =>
      (await TestPeer.join({ app, peer, rateClass })).hello();
    expect(await welcomed(ALICE)).toMatchObject({ messagesPerSecond: 5 });
    expect(await welcomed(BOB, "server")).toMatchObject({ messagesPerSecond: 5_000 });
    const { detail } = await refusedJoin("unknown_rate_class", { app, peer: CAROL, rateClass: "admin" });
    expect(detail).toContain('app 3004 has no rate class "admin"');
    await refusedJoin("unknown_rate_class", { app: freshApp(), peer: CAROL, rateClass: "server" });
  });

  it("L1: and what holds: one is dropped and then sent away, the other is not", async () => {
    const app = 3004;
    const slow = await TestPeer.enter({ app, room: "rates", peer: ALICE });
    const fast = await TestPeer.enter({ app, room: "rates", peer: BOB, rateClass: "server" });
    for (const peer of [slow, fast]) {
      for (let n = 0; n < 30; n++)
        peer.socket.send(batch(dataFrame({ handle: 9, payload: new Uint8Array(1), number: n })));
    }
    expect(await slow.closed).toMatchObject({ code: CloseCode.RateLimited, reason: "flooding" });
    await fast.fence();
    const statistics = await json(admin("GET", `/apps/${app}/rooms/rates/statistics`));
    expect(statistics).toMatchObject({ peers: 1, refusals: { flooding: 1 } });
    expect((statistics["drops"] as Record<string, number>)["rate_limited"]).toBeGreaterThan(5);
  });
});
