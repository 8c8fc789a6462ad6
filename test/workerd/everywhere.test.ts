/** Bans from all rooms of an app: those present, those who come, rooms that sleep and rooms that are new. */
import { evictDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { CloseCode } from "../../src/protocol/index.ts";
import type { AppId } from "../../src/protocol/index.ts";
import type { BanKind } from "../../src/relay/limits/bans.ts";
import { DurableDirectory } from "../../src/runtime/cloudflare/directory.ts";
import { objectsOf } from "../../src/runtime/cloudflare/objects.ts";
import { Clock } from "./support/clock.ts";
import { ALICE, BOB, CAROL, TestPeer, mustRelay, pairUp, upgrade } from "./support/peer.ts";
import { freshApp, operatorOf, roomOf } from "./support/room.ts";

const directory = new DurableDirectory(objectsOf(env));

function ban(app: number, kind: BanKind, subject: string, until: number | null = null) {
  return directory.app(app as AppId).ban({ kind, subject, until, reason: "aimbot" });
}

function known(app: number, rooms: number): Promise<void> {
  return vi.waitFor(async () => expect((await directory.app(app as AppId).totals()).rooms).toBe(rooms));
}

async function refusalOf(app: number, room: string, peer: bigint, more: object = {}): Promise<unknown> {
  const response = await upgrade({ app, room, peer, ...more });
  if (response.webSocket) throw new Error("it was let in");
  return response.json();
}

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: "Bearer test-admin-token-0123456789abcdef" };
  return exports.default.fetch(`http://relay.test/v1/admin${path}`, { ...init, headers });
}

describe("a ban from all rooms", () => {
  it("ends whom it meets in each, disturbs nobody else, and lets them in nowhere", async () => {
    const app = freshApp();
    const first = await pairUp({ app, room: "a" });
    const second = await pairUp({ app, room: "b" }, ALICE, CAROL);
    const other = await pairUp({ app, room: "c" }, BOB, CAROL);
    await known(app, 3);
    await ban(app, "peer", String(ALICE));
    expect((await Promise.all([first.a.closed, second.a.closed])).map(({ code }) => code)).toEqual([
      CloseCode.Banned,
      CloseCode.Banned,
    ]);
    await mustRelay(other);
    const detail = "this peer is banned from all rooms of this app for good";
    for (const room of ["a", "b", "c"]) {
      expect(await refusalOf(app, room, ALICE)).toMatchObject({ code: "peer_banned", detail });
    }
  });

  it("holds in a room that slept and was not told, from its own report on, and after evictions", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, room: "r", peer: ALICE });
    a.socket.close(1000);
    await a.closed;
    await known(app, 0);
    await evictDurableObject(roomOf(app, "r"));
    await ban(app, "peer", String(ALICE));
    // It has never heard of it: its first peer may be the one, and is ended when the answer to its first report comes.
    const again = await TestPeer.enter({ app, room: "r", peer: ALICE });
    expect((await again.closed).code).toBe(CloseCode.Banned);
    await evictDurableObject(roomOf(app, "r"));
    expect(await refusalOf(app, "r", ALICE)).toMatchObject({ code: "peer_banned" });
  });

  it("is by address and by ticket, too, and ends by itself", async () => {
    using clock = new Clock();
    const app = freshApp();
    const bob = await TestPeer.enter({ app, room: "r", peer: BOB, id: "match-7", now: clock.now });
    await known(app, 1);
    await ban(app, "ticket", "match-7");
    expect((await bob.closed).code).toBe(CloseCode.Banned);
    await ban(app, "address", "203.0.113.7", clock.now + 60_000);
    const from = { now: clock.now, headers: { "cf-connecting-ip": "203.0.113.7" } };
    await TestPeer.enter({ app, room: "r", peer: CAROL, now: clock.now }); // its report's answer has both
    await vi.waitFor(async () => {
      expect(await refusalOf(app, "r", ALICE, from)).toMatchObject({ code: "address_banned" });
    });
    clock.set(clock.now + 61_000);
    const again = await upgrade({ app, room: "r", peer: ALICE, ...from });
    expect(again.webSocket).toBeDefined();
    again.webSocket?.accept();
  });

  it("is lifted for all, and a room's own ban stands beside it", async () => {
    const app = freshApp();
    await TestPeer.enter({ app, room: "r", peer: CAROL });
    await known(app, 1);
    await ban(app, "peer", String(ALICE));
    await ban(app, "peer", String(BOB));
    await operatorOf(roomOf(app, "r")).ban({ kind: "peer", subject: String(BOB), until: null, reason: "" }, "op");
    expect(await directory.app(app as AppId).unban("peer", String(ALICE))).toBe(true);
    expect(await directory.app(app as AppId).unban("peer", String(BOB))).toBe(true);
    expect(await directory.app(app as AppId).unban("peer", String(BOB))).toBe(false);
    await vi.waitFor(async () => {
      const response = await upgrade({ app, room: "r", peer: ALICE });
      expect(response.webSocket).toBeTruthy();
      response.webSocket?.accept();
    });
    const detail = "this peer is banned from this room for good";
    expect(await refusalOf(app, "r", BOB)).toMatchObject({ detail });
  });

  it("that was lifted while a room slept is asked about by whom it keeps out there", async () => {
    const app = freshApp();
    const a = await TestPeer.enter({ app, room: "r", peer: ALICE });
    await known(app, 1);
    await ban(app, "peer", String(ALICE));
    await a.closed;
    await known(app, 0);
    await evictDurableObject(roomOf(app, "r"));
    await directory.app(app as AppId).unban("peer", String(ALICE));
    expect(await refusalOf(app, "r", ALICE)).toMatchObject({ code: "peer_banned" });
    await vi.waitFor(async () => {
      const response = await upgrade({ app, room: "r", peer: ALICE });
      expect(response.webSocket).toBeTruthy();
      response.webSocket?.accept();
    });
  });

  it("also ends a session that waits for its client", async () => {
    const app = freshApp();
    const { a, b } = await pairUp({ app, room: "r" });
    await known(app, 1);
    a.socket.close(4000);
    await a.closed;
    await ban(app, "peer", String(ALICE));
    await b.next("close");
  });
});

describe("the routes", () => {
  it("set, list and lift, and leave a line in the audit log of the app's own room", async () => {
    const app = freshApp();
    const place = `/apps/${app}/everywhere`;
    const body = JSON.stringify({ seconds: 60, reason: "aimbot" });
    const put = await ask(`${place}/bans/peers/7`, { method: "PUT", body });
    expect([put.status, await put.json()]).toMatchObject([200, { kind: "peer", subject: "7", reason: "aimbot" }]);
    await ask(`${place}/bans/addresses/${encodeURIComponent("2001:db8::1")}`, { method: "PUT" });
    await ask(`${place}/tickets/match-7/revocation`, { method: "PUT" });
    const page = (await (await ask(`${place}/bans?limit=2`)).json()) as { bans: object[]; next: string };
    expect(page).toMatchObject({
      bans: [
        { kind: "address", subject: "2001:db8::/64", until: null },
        { kind: "peer", subject: "7" },
      ],
      next: "peer/7",
    });
    const rest = await (await ask(`${place}/bans?limit=2&after=${page.next}`)).json();
    expect(rest).toMatchObject({ bans: [{ kind: "ticket", subject: "match-7" }], next: null });
    expect((await ask(`${place}/bans/peers/7`, { method: "DELETE" })).status).toBe(204);
    const gone = await ask(`${place}/bans/peers/7`, { method: "DELETE" });
    expect([gone.status, await gone.json()]).toMatchObject([404, { code: "ban_not_found" }]);
    const entries = await operatorOf(roomOf(app)).audit({ before: Infinity, limit: 10 });
    expect(entries.map(({ actor, action, subject, detail }) => [actor, action, subject, detail.slice(0, 20)])).toEqual([
      ["admin", "unban", "peer/7", "everywhere"],
      ["admin", "ban", "ticket/match-7", "everywhere, for good"],
      ["admin", "ban", "address/2001:db8::/64", "everywhere, for good"],
      ["admin", "ban", "peer/7", "everywhere, until 20"],
    ]);
  });
});
