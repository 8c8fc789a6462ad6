/** Development tickets, as those see them who are not to have any. One refusal is as good as another: there is nothing. */
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyTicket } from "../../src/auth/index.ts";
import { createApp } from "../../src/http/app.ts";
import type { RelayEnvironment, RoomGateway } from "../../src/http/gateway.ts";
import { connect } from "../../src/client/index.ts";
import { loadOrThrow } from "../unit/auth/keys.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { RUNTIMES } from "../support/runtimes.ts";
import { TEST_SECRET } from "../support/tickets.ts";

const PATH = "/v1/development/ticket";
const BODY = JSON.stringify({ app: 480, peer: "76561197960287930" });
type Headers = Readonly<Record<string, string>>;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** With node:http, which sends any header there is, Host included. */
function ask(url: string, headers: Headers, body = BODY, path = PATH): Promise<Answer> {
  const base = { origin: url, "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${url}${path}`, { method: "POST", headers: { ...base, ...headers } }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** What an unknown path answers, with this one's name in it. */
async function nothingAt(url: string): Promise<Answer> {
  const { status, body } = await ask(url, {}, BODY, "/v1/development/unknown");
  return { status, body: body.replace("/v1/development/unknown", PATH) };
}

const ATTACKS: readonly (readonly [string, (url: string) => Headers])[] = [
  ["another site's page", () => ({ origin: "https://attacker.example" })],
  ["another server on this machine", () => ({ origin: "http://127.0.0.1:1" })],
  ["a sandboxed frame or a file", () => ({ origin: "null" })],
  ["another site's page whose browser says so", () => ({ "sec-fetch-site": "cross-site" })],
  ["a page of the same site, not of the same origin", () => ({ "sec-fetch-site": "same-site" })],
  ["a form", () => ({ "content-type": "text/plain" })],
  ["a form with an encoding", () => ({ "content-type": "application/x-www-form-urlencoded" })],
  [
    "a name that DNS was rebound for",
    (url) => {
      const host = `attacker.example:${new URL(url).port}`;
      return { host, origin: `http://${host}`, "sec-fetch-site": "same-origin" };
    },
  ],
  [
    "a name that begins like a local one",
    (url) => {
      const host = `127.0.0.1.attacker.example:${new URL(url).port}`;
      return { host, origin: `http://${host}` };
    },
  ],
  [
    "a name that ends like a local one",
    (url) => {
      const host = `attackerlocalhost:${new URL(url).port}`;
      return { host, origin: `http://${host}` };
    },
  ],
  ["somebody behind a proxy", () => ({ "x-forwarded-for": "203.0.113.7" })],
  ["somebody behind a proxy who claims to be local", () => ({ "x-forwarded-for": "127.0.0.1" })],
  ["somebody behind a proxy that says so the standard way", () => ({ forwarded: "for=203.0.113.7" })],
];

describe.each(RUNTIMES)("development tickets on %s", (runtime) => {
  let relay: RunningRelay;
  beforeAll(async () => {
    relay = await RunningRelay.start({ DEVELOPMENT: "1" }, { runtime });
  });
  afterAll(() => relay[Symbol.asyncDispose]());

  test("a page of this relay gets one, which lets its peer in", async () => {
    const { status, body } = await ask(relay.url, { "sec-fetch-site": "same-origin" });
    expect(status).toBe(200);
    const { ticket, expiresAt } = JSON.parse(body) as { ticket: string; expiresAt: number };
    expect(Math.abs(expiresAt - Date.now() - 3_600_000)).toBeLessThan(60_000);
    await using client = await connect({ url: relay.url, app: 480, ticket });
    expect(client.peer).toBe(76561197960287930n);
  });

  test.each(ATTACKS)("none for %s", async (_, headersFor) => {
    expect(await ask(relay.url, headersFor(relay.url))).toEqual(await nothingAt(relay.url));
  });

  test("none for a request that is no page's", async () => {
    const response = await fetch(`${relay.url}${PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: BODY,
    });
    expect(response.status).toBe(404);
  });

  test("none for a GET, which an image could send", async () => {
    expect((await fetch(`${relay.url}${PATH}`)).status).toBe(404);
  });

  test("no other origin is told that it may ask", async () => {
    const response = await fetch(`${relay.url}${PATH}`, {
      method: "OPTIONS",
      headers: { origin: "https://attacker.example", "access-control-request-method": "POST" },
    });
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([404, null]);
  });
});

test.each(RUNTIMES)("without DEVELOPMENT=1 there are none on %s", async (runtime) => {
  for (const variables of [{}, { DEVELOPMENT: "" }, { DEVELOPMENT: "0" }, { DEVELOPMENT: "true" }]) {
    await using relay = await RunningRelay.start(variables, { runtime });
    expect(await ask(relay.url, {})).toEqual(await nothingAt(relay.url));
  }
});

describe("the route by itself", () => {
  const url = "http://127.0.0.1:8787";
  const answer = (
    address: string | undefined,
    init: RequestInit = {},
    env: RelayEnvironment = {},
  ): Promise<Response> => {
    const app = createApp<RelayEnvironment>({
      runtime: "test",
      rooms: () => ({}) as RoomGateway,
      pages: () => undefined,
      geo: () => ({}),
      address: () => address,
      now: () => Date.now(),
      log: () => undefined,
    });
    const headers = { origin: url, "content-type": "application/json" };
    const request = new Request(`${url}${PATH}`, { method: "POST", headers, body: BODY, ...init });
    return Promise.resolve(app.fetch(request, { TICKET_SECRET: TEST_SECRET, DEVELOPMENT: "1", ...env }));
  };

  test.each(["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])("answers %s", async (address) => {
    expect((await answer(address)).status).toBe(200);
  });

  test.each([
    "203.0.113.7",
    "10.0.0.1",
    "192.168.1.5",
    "::ffff:10.0.0.1",
    "fd00::1",
    "127.0.0.1.example",
    "0.0.0.0",
    undefined,
  ])("is not there for %s", async (address) => {
    expect((await answer(address)).status).toBe(404);
  });

  test.each([
    ["not JSON", "invalid_body"],
    ["[]", "invalid_body"],
    ['{"app":480}', "invalid_body"],
    ['{"app":480,"peer":1}', "invalid_body"],
    ['{"app":480,"peer":"0"}', "invalid_body"],
    ['{"app":0,"peer":"1"}', "invalid_app_id"],
    ['{"peer":"1"}', "invalid_app_id"],
    ['{"app":480,"peer":"1","room":"../x"}', "invalid_room"],
    ['{"app":480,"peer":"1","room":7}', "invalid_room"],
    ['{"app":480,"peer":"1","visible":"yes"}', "invalid_body"],
    ['{"app":480,"peer":"1","class":"A B"}', "invalid_body"],
    ['{"app":480,"peer":"1","exp":99999999999}', "invalid_body"],
    [`{"app":480,"peer":"${"1".repeat(2_000)}"}`, "invalid_body"],
  ])("refuses %s", async (body, code) => {
    const response = await answer("127.0.0.1", { body });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, code]);
  });

  test("signs what it was asked for, for an hour", async () => {
    const body = JSON.stringify({
      app: 480,
      peer: "18446744073709551615",
      room: "lobby",
      visible: true,
      class: "server",
    });
    const { ticket } = (await (await answer("::1", { body })).json()) as { ticket: string };
    const verified = await verifyTicket(ticket, await loadOrThrow({ TICKET_SECRET: TEST_SECRET }), Date.now());
    expect(verified).toMatchObject({
      ok: true,
      ticket: { app: 480, peer: 18446744073709551615n, room: "lobby", visible: true, rateClass: "server" },
    });
    const late = await verifyTicket(
      ticket,
      await loadOrThrow({ TICKET_SECRET: TEST_SECRET }),
      Date.now() + 2 * 3_600_000,
    );
    expect(late).toMatchObject({ ok: false, refusal: { code: "ticket_expired" } });
  });

  test("says what is missing where it cannot sign", async () => {
    const response = await answer("::1", {}, { TICKET_SECRET: undefined });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      503,
      "relay_not_configured",
    ]);
  });
});
