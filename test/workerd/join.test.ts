import { env, exports } from "cloudflare:workers";
import { evictDurableObject, listDurableObjectIds } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type ProblemCode, PROBLEMS } from "../../src/http/problem.ts";
import { JOIN_URL } from "../../src/runtime/cloudflare/watching.ts";
import worker, { RelayRoom } from "../../src/runtime/cloudflare/worker.ts";
import { base64url, forgeToken, testTicket } from "../support/tickets.ts";
import { captureLogs } from "./support/logs.ts";
import { ALICE, BOB, TestPeer, connectUrl, upgrade } from "./support/peer.ts";
import { operatorOf, freshApp, roomOf } from "./support/room.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
}

/** Sends a request that must be refused with this problem, and must leave every object alone. */
async function refused(code: ProblemCode, request: Promise<Response> | (() => Promise<Response>)): Promise<Problem> {
  const before = (await listDurableObjectIds(env.RELAY_ROOMS)).length;
  const response = await (typeof request === "function" ? request() : request);
  const problem = await response.json<Problem>();
  expect({ status: response.status, code: problem.code }).toEqual({ status: PROBLEMS[code], code });
  expect(problem.status).toBe(PROBLEMS[code]);
  expect(response.webSocket).toBeNull();
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  expect(problem.detail.length).toBeGreaterThan(10);
  expect(await listDurableObjectIds(env.RELAY_ROOMS)).toHaveLength(before);
  return problem;
}

function get(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return exports.default.fetch(url, { headers });
}

/** An upgrade with this token as it is. */
function upgradeWith(token: string, url = connectUrl({})): Promise<Response> {
  return get(url, { upgrade: "websocket", "sec-websocket-protocol": `edge-relay.v1, ticket.${token}` });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A test's title should not be 10 KB long. */
const tenKilobytesOr = (text: string) => (text === "10 KB" ? "1".repeat(10_240) : text);
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const goodClaims = () => ({ aud: "edge-relay", sub: String(ALICE), app: 480, exp: inAnHour() });

describe("a join is let in", () => {
  it("with the ticket in a subprotocol, and answers edge-relay.v1 alone", async () => {
    const response = await upgrade({ app: freshApp(), peer: ALICE });
    expect(response.status).toBe(101);
    expect(response.headers.get("sec-websocket-protocol")).toBe("edge-relay.v1");
    response.webSocket?.accept();
    response.webSocket?.close();
  });

  it("with the ticket in Authorization, whatever the order of the offered subprotocols", async () => {
    const app = freshApp();
    for (const [offered, scheme] of [
      ["edge-relay.v1", "Bearer"],
      ["something.else,edge-relay.v1", "bearer"],
    ]) {
      const response = await get(connectUrl({ app }), {
        upgrade: "WebSocket",
        "sec-websocket-protocol": offered!,
        authorization: `${scheme} ${await testTicket({ app, peer: ALICE })}`,
      });
      expect(response.status).toBe(101);
      expect(response.headers.get("sec-websocket-protocol")).toBe("edge-relay.v1");
      response.webSocket?.accept();
      response.webSocket?.close();
    }
  });

  it("S7: as the peer of the ticket, whatever edge-relay-admission it sends along", async () => {
    const seen = vi.spyOn(RelayRoom.prototype, "fetch");
    const headers = { "edge-relay-admission": `${BOB};1` };
    const peer = await TestPeer.join({ app: freshApp(), peer: ALICE, headers });
    expect(await peer.hello()).toMatchObject({ peer: ALICE });
    // Nor does it grant visibility, which this ticket does not.
    expect(seen.mock.calls[0]![0].headers.get("edge-relay-admission")).toBe(`${ALICE};0`);
    peer.socket.close();
  });

  it("without its ticket: the object sees who, nothing that could be used again, and no word of the client's own", async () => {
    const seen = vi.spyOn(RelayRoom.prototype, "fetch");
    const app = freshApp();
    const token = await testTicket({ app, peer: ALICE });
    const second = await testTicket({ app, peer: ALICE, visible: true });
    const response = await get(connectUrl({ app }), {
      upgrade: "websocket",
      "sec-websocket-protocol": `edge-relay.v1, ticket.${token}`,
      authorization: `Bearer ${second}`,
      "edge-relay-admission": `${BOB};1`,
      "edge-relay-shards": "9 64 64 0",
    });
    expect(response.status).toBe(101);
    expect(seen).toHaveBeenCalledOnce();
    const request = seen.mock.calls[0]![0];
    expect(Object.fromEntries(request.headers)).toEqual({
      upgrade: "websocket",
      "sec-websocket-protocol": "edge-relay.v1",
      // The ticket of Authorization goes before the one among the subprotocols.
      "edge-relay-admission": `${ALICE};1`,
    });
    // Not the client's: what may watch is told by the address alone (watching.ts).
    expect(request.url).toBe(JOIN_URL);
    response.webSocket?.accept();
    response.webSocket?.close();
  });

  it("with a ticket for any room into a named room, and with a ticket for that room", async () => {
    const app = freshApp();
    const any = await TestPeer.enter({ app, room: "lobby-1", peer: ALICE });
    const token = await testTicket({ app, peer: BOB, room: "lobby-1" });
    const one = await upgradeWith(token, connectUrl({ app, room: "lobby-1" }));
    expect(one.status).toBe(101);
    expect(await operatorOf(roomOf(app, "lobby-1")).statistics()).toMatchObject({ peers: 1 });
    one.webSocket?.accept();
    one.webSocket?.close();
    any.socket.close();
  });
});

describe("a join is refused", () => {
  it("401 without a ticket", async () => {
    const problem = await refused(
      "ticket_missing",
      get(connectUrl({}), { upgrade: "websocket", "sec-websocket-protocol": "edge-relay.v1" }),
    );
    expect(problem.detail).toContain("Authorization: Bearer");
  });

  it("401 with an empty ticket, one that is no JWT, or one of 10 KB", async () => {
    await refused("ticket_malformed", upgradeWith(""));
    await refused("ticket_malformed", upgradeWith("not-a-jwt"));
    await refused("ticket_malformed", upgradeWith("x.y.z"));
    const { detail } = await refused("ticket_malformed", upgradeWith(`${"a".repeat(10_000)}.b.c`));
    expect(detail.length).toBeLessThan(300);
  });

  it("401 with an expired ticket, past the tolerance for clocks", async () => {
    const now = Date.now() - 120_000;
    const { detail } = await refused("ticket_expired", upgrade({ peer: ALICE, now, expiresInSeconds: 60 }));
    expect(detail).toMatch(/expired 6\d s ago/);
  });

  it("401 with a ticket from the future", async () => {
    await refused("ticket_not_yet_valid", upgrade({ peer: ALICE, now: Date.now() + 60_000 }));
  });

  it("401 with a ticket that another key signed, or whose payload was changed", async () => {
    const header = { alg: "HS256", typ: "JWT" };
    const other = "another-secret-of-at-least-thirty-two-bytes";
    await refused("ticket_bad_signature", upgradeWith(await forgeToken(header, goodClaims(), other)));
    const [head, , signature] = (await testTicket({ peer: ALICE })).split(".");
    const payload = base64url(JSON.stringify({ ...goodClaims(), sub: String(BOB) }));
    await refused("ticket_bad_signature", upgradeWith(`${head}.${payload}.${signature}`));
  });

  it("401 with alg none, signed or not, and with an algorithm that is not the key's", async () => {
    const none = { alg: "none", typ: "JWT" };
    await refused("ticket_algorithm", upgradeWith(await forgeToken(none, goodClaims())));
    const bare = `${base64url(JSON.stringify(none))}.${base64url(JSON.stringify(goodClaims()))}.`;
    await refused("ticket_algorithm", upgradeWith(bare));
    await refused("ticket_algorithm", upgradeWith(await forgeToken({ alg: "HS512" }, goodClaims())));
    await refused("ticket_algorithm", upgradeWith(await forgeToken({ alg: "EdDSA" }, goodClaims())));
  });

  it("401 with a kid that names no key", async () => {
    await refused("ticket_unknown_key", upgradeWith(await forgeToken({ alg: "HS256", kid: "nobody" }, goodClaims())));
  });

  it("401 with a ticket for another audience, or none", async () => {
    const header = { alg: "HS256" };
    await refused("ticket_wrong_audience", upgradeWith(await forgeToken(header, { ...goodClaims(), aud: "shop" })));
    await refused("ticket_wrong_audience", upgradeWith(await forgeToken(header, { ...goodClaims(), aud: undefined })));
  });

  it("401 with claims that are not what they have to be", async () => {
    const changes: Record<string, unknown>[] = [
      { exp: undefined },
      { exp: Date.now() + 3_600_000 },
      { sub: "0" },
      { sub: Number(ALICE) },
      { sub: "18446744073709551616" },
      { app: "480" },
      { room: "../x" },
      { visible: 1 },
    ];
    for (const change of changes) {
      await refused(
        "ticket_bad_claim",
        upgradeWith(await forgeToken({ alg: "HS256" }, { ...goodClaims(), ...change })),
      );
    }
  });

  it("403 with a ticket for another app", async () => {
    const token = await testTicket({ app: 481, peer: ALICE });
    const { detail } = await refused("ticket_wrong_app", upgradeWith(token));
    expect(detail).toContain("for app 481, not for app 480");
  });

  it("403 with a ticket for one room: into another, and into the app's own", async () => {
    const token = await testTicket({ peer: ALICE, room: "lobby" });
    await refused("ticket_wrong_room", upgradeWith(token, connectUrl({ room: "lobby2" })));
    await refused("ticket_wrong_room", upgradeWith(token));
  });

  it.each(["0", "-1", "4294967296", "18446744073709551616", "text", "1e3", "0480", "480.0", "%34", " 1", "10 KB"])(
    "400 for the app id %s",
    async (id) => {
      const token = await testTicket({ peer: ALICE });
      // "%34" is the digit 4 in disguise: it is decoded, and then it is app 4, for which the ticket is not.
      const code = id === "%34" ? "ticket_wrong_app" : "invalid_app_id";
      const problem = await refused(
        code,
        upgradeWith(token, `http://relay.test/v1/apps/${tenKilobytesOr(id)}/connect`),
      );
      expect(problem.detail.length).toBeLessThan(250);
    },
  );

  it.each(["-lobby", "a%2Fb", "a%20b", "%00", "%E2%82%AC", "%E0%A4%A", "a;b", "x".repeat(65), "10 KB"])(
    "400 for the room name %s",
    async (room) => {
      const token = await testTicket({ peer: ALICE });
      const problem = await refused("invalid_room", upgradeWith(token, connectUrl({ room: tenKilobytesOr(room) })));
      expect(problem.detail.length).toBeLessThan(250);
    },
  );

  it("400 for an upgrade that offers another subprotocol, or none", async () => {
    const authorization = `Bearer ${await testTicket({ peer: ALICE })}`;
    const { detail } = await refused(
      "unsupported_subprotocol",
      get(connectUrl({}), { upgrade: "websocket", authorization }),
    );
    expect(detail).toContain("edge-relay.v1");
    for (const offered of ["edge-relay.v2", "edge-relay.v10", "EDGE-RELAY.V1", `ticket.${authorization.slice(7)}`]) {
      const headers = { upgrade: "websocket", authorization, "sec-websocket-protocol": offered };
      await refused("unsupported_subprotocol", get(connectUrl({}), headers));
    }
  });

  it("426 for a plain request without a ticket", async () => {
    const response = await get(connectUrl({}));
    expect(response.headers.get("upgrade")).toBe("websocket");
    await refused("upgrade_required", get(connectUrl({})));
  });

  it("a plain request with a ticket: 426 when it is good, and what is wrong with it when it is not", async () => {
    await operatorOf(roomOf(480)).statistics(); // the room is asked whether it would let the peer in
    await refused("upgrade_required", get(connectUrl({}), bearer(await testTicket({ peer: ALICE }))));
    const expired = await testTicket({ peer: ALICE, now: Date.now() - 7_200_000, expiresInSeconds: 1 });
    await refused("ticket_expired", get(connectUrl({}), bearer(expired)));
    await refused("ticket_wrong_app", get(connectUrl({ app: 481 }), bearer(await testTicket({ peer: ALICE }))));
    await refused("ticket_bad_signature", get(connectUrl({}), bearer(`${expired.slice(0, -4)}AAAA`)));
  });

  it("404 for any other path or method, and never a ticket from the URL", async () => {
    const token = await testTicket({ peer: ALICE });
    const response = await exports.default.fetch(connectUrl({}), { method: "POST" });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "not_found" });
    await refused(
      "ticket_missing",
      get(`${connectUrl({})}?ticket=${token}&token=${token}`, {
        upgrade: "websocket",
        "sec-websocket-protocol": "edge-relay.v1",
      }),
    );
  });

  it("503 when no key is configured, naming the remedy", async () => {
    const token = await testTicket({ peer: ALICE });
    const request = () =>
      new Request(connectUrl({}), {
        headers: { upgrade: "websocket", "sec-websocket-protocol": `edge-relay.v1, ticket.${token}` },
      });
    const keyless = { ...env, TICKET_SECRET: "", TICKET_KEYS: undefined };
    const problem = await refused("relay_not_configured", async () => worker.fetch(request(), keyless));
    expect(problem.detail).toContain("set TICKET_SECRET (at least 32 bytes");
    expect(problem.detail).toContain("npx wrangler secret put TICKET_SECRET");
    const short = await refused("relay_not_configured", async () =>
      worker.fetch(request(), { ...env, TICKET_SECRET: "too-short" }),
    );
    expect(short.detail).toContain("has 9 bytes and needs 32");
    expect(short.detail).not.toContain("too-short");
    const settings = await refused("relay_not_configured", async () =>
      worker.fetch(request(), { ...env, APP_SETTINGS: `{"480":{"idleTimeout":1}}` }),
    );
    expect(settings.detail).toContain("APP_SETTINGS");
  });

  it("without waking a room that sleeps, and without a word about the ticket in the logs", async () => {
    const app = freshApp();
    const peer = await TestPeer.enter({ app, peer: ALICE });
    await evictDurableObject(roomOf(app));
    const lines = captureLogs();
    const url = connectUrl({ app });
    const expired = await testTicket({ app, peer: BOB, now: Date.now() - 7_200_000, expiresInSeconds: 1 });
    await refused("ticket_expired", upgradeWith(expired, url));
    await refused("ticket_malformed", upgradeWith("nonsense", url));
    await refused("upgrade_required", get(url));
    await refused("unsupported_subprotocol", get(url, { upgrade: "websocket" }));
    await expect(evictDurableObject(roomOf(app))).rejects.toThrow("not currently running");
    const refusal = { level: "info", event: "join_refused", room: `app/${app}` };
    expect(lines).toEqual([
      { ...refusal, reason: "ticket_expired" },
      { ...refusal, reason: "ticket_malformed" },
      { ...refusal, reason: "unsupported_subprotocol" },
    ]);
    peer.socket.close();
  });
});

describe("health", () => {
  it("is 200 without a ticket, and says whether there is a key", async () => {
    const response = await get("http://relay.test/healthz");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: "ok", runtime: "workerd", configured: true });
    const keyless = await worker.fetch(new Request("http://relay.test/healthz"), { ...env, TICKET_SECRET: "" });
    expect(keyless.status).toBe(200);
    expect(await keyless.json()).toMatchObject({ status: "ok", configured: false });
  });
});

describe("pages of any origin", () => {
  it("may ask why a join was refused", async () => {
    const response = await exports.default.fetch(connectUrl({}), {
      method: "OPTIONS",
      headers: {
        origin: "https://game.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("authorization");
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
  });
});

describe("geo", () => {
  it("what the edge knows of a client reaches the log line of its join, and no further", async () => {
    const lines = captureLogs();
    const app = freshApp();
    const seen = vi.spyOn(RelayRoom.prototype, "fetch");
    const cf = {
      colo: "AMS",
      country: "NL",
      continent: "EU",
      latitude: "52.37403",
      longitude: "4.88969",
      city: "Amsterdam",
    };
    const peer = await TestPeer.enter({ app, peer: ALICE, cf });
    const joins = lines.filter(({ event }) => event === "join");
    expect(joins).toEqual([
      { level: "info", event: "join", room: `app/${app}`, peer: String(ALICE), colo: "AMS", country: "NL" },
    ]);
    const others = JSON.stringify(lines.filter(({ event }) => event !== "join"));
    expect(others).not.toMatch(/AMS|Amsterdam|52\.37/);
    const request = seen.mock.calls[0]![0];
    expect(JSON.stringify([...request.headers])).not.toMatch(/AMS|NL|52\.37/);
    expect(JSON.stringify(request.cf ?? {})).not.toMatch(/AMS|NL|52\.37/);
    peer.socket.close();
  });
});
