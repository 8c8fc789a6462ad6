/** Before the WebSocket: HTTP that is slow, huge, broken, or two things at once. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testTicket } from "../../support/tickets.ts";
import { capabilities } from "../capabilities.ts";
import { type Attacker, upgradeRequest } from "./attacker.ts";
import { Siege } from "./siege.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

const ADMIN = [401, "admin_token_wrong"] as const;
const NOWHERE = [404, "not_found"] as const;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The answer, where there is one: a connection that is cut without a word has none. */
async function ask(request: string): Promise<Attacker> {
  const attacker = siege.dial();
  attacker.write(request);
  await attacker.response.complete;
  return attacker;
}

async function bearer(): Promise<string> {
  return `Authorization: Bearer ${await testTicket({ peer: siege.newPeer() })}`;
}

describe("slow", () => {
  test("slowloris: 300 half handshakes that go on a byte at a time keep nobody out", () =>
    siege.withstand({}, async () => {
      const half = Array.from({ length: 300 }, () => siege.dial());
      for (const attacker of half) attacker.write("GET /v1/apps/480/connect HTTP/1.1\r\nHost: relay\r\nX-Slow: ");
      for (let second = 0; second < 3; second++) {
        for (const attacker of half) attacker.write("x");
        await sleep(1_000);
      }
      const player = await siege.attacker();
      await player.settled();
      expect(half.filter(({ isGone, response }) => !isGone && response.status === undefined).length).toBe(300);
    }));

  test("a handshake, and a hello, of one byte per packet are as good as any", () =>
    siege.withstand({}, async () => {
      const attacker = siege.dial();
      for (const character of upgradeRequest({ headers: [await bearer()] })) {
        attacker.write(character);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await attacker.response.complete;
      expect(attacker.response.status).toBe(101);
      attacker.hello();
      await attacker.next("welcome");
    }));

  test("[S2] an upgrade, and then a hello that never gets to its end: 4002", () =>
    siege.withstand({ refusals: { hello_timeout: 1 } }, async () => {
      const attacker = await siege.knock();
      // A binary frame of 13 bytes, of which three come.
      attacker.write(Uint8Array.of(0x82, 0x8d, 1, 2, 3, 4, 5, 6, 7));
      expect((await attacker.closed()).code).toBe(4002);
    }));
});

describe("huge, and broken", () => {
  test("one header of 1 MiB, and 20,000 small ones, are refused as HTTP", () =>
    siege.withstand({}, async () => {
      for (const headers of [
        [`X-Long: ${"x".repeat(1024 * 1024)}`],
        Array.from({ length: 20_000 }, (_, index) => `X-${index}: y`),
      ]) {
        const { response, isGone } = await ask(upgradeRequest({ headers: [await bearer(), ...headers] }));
        expect(isGone || (response.status ?? 0) >= 400).toBe(true);
        expect(response.status).not.toBe(101);
      }
    }));

  test("[Joining] 1,000 subprotocols: the good one among them is answered, and no other", () =>
    siege.withstand({}, async () => {
      const offered = Array.from({ length: 1_000 }, (_, index) => `p${index}`);
      const protocols = `Sec-WebSocket-Protocol: ${[...offered, "edge-relay.v1"].join(", ")}`;
      const { response } = await ask(upgradeRequest({ headers: [await bearer(), protocols] }));
      expect([response.status, response.header("sec-websocket-protocol")]).toEqual([101, "edge-relay.v1"]);
    }));

  test.each([
    ["another", "edge-relay.v2"],
    ["none", ""],
    ["one in capitals", "EDGE-RELAY.V1"],
    ["commas", ",,,,"],
  ])("[Joining] a subprotocol header of %s is unsupported_subprotocol", (_, protocols) =>
    siege.withstand({}, async () => {
      const headers = [await bearer(), `Sec-WebSocket-Protocol: ${protocols}`];
      const { response } = await ask(upgradeRequest({ headers }));
      expect([response.status, response.code]).toEqual([400, "unsupported_subprotocol"]);
    }),
  );

  test("[Joining] a subprotocol header of bytes that no header has is refused, by name or by the platform", () =>
    siege.withstand({}, async () => {
      const headers = [await bearer(), "Sec-WebSocket-Protocol: edge-relay.v1;\u00ff\u0001(){}"];
      const { response } = await ask(upgradeRequest({ headers }));
      const code = capabilities.tolerates.has("header bytes") ? "unsupported_subprotocol" : undefined;
      expect([response.status, response.code]).toEqual([400, code]);
    }));

  test.each([
    ["a path that climbs", "/v1/apps/480/rooms/..%2f..%2f731/connect", 400, "invalid_room"],
    ["a room of a control character", "/v1/apps/480/rooms/a%00b/connect", 400, "invalid_room"],
    ["a room of 10,000 characters", `/v1/apps/480/rooms/${"r".repeat(10_000)}/connect`, 400, "invalid_room"],
    ["an app above 32 bits", "/v1/apps/4294967776/connect", 400, "invalid_app_id"],
    ["an app in another notation", "/v1/apps/0x1e0/connect", 400, "invalid_app_id"],
    ["broken percent encoding", "/v1/apps/480/rooms/%ff%/connect", 400, "invalid_room"],
    // Where it is resolved it is the admin API, which the ticket does not open.
    ["nothing that there is", "/v1/apps/480/connect/../../../admin", ...(capabilities.resolvesDots ? ADMIN : NOWHERE)],
  ])("[Joining] %s is refused by name", (_, path, status, code) =>
    siege.withstand({}, async () => {
      const { response } = await ask(upgradeRequest({ path, headers: [await bearer()] }));
      expect([response.status, response.code]).toEqual([status, code]);
    }),
  );
});

describe("two requests in one", () => {
  const SMUGGLED = "GET /v1/admin/apps/480/statistics HTTP/1.1\r\nHost: relay\r\n\r\n";

  test("behind a refused upgrade: the second is its own request, and needs its own token", () =>
    siege.withstand({}, async () => {
      const attacker = await ask(`${upgradeRequest({ headers: [] })}${SMUGGLED}`);
      await attacker.until(
        "second answer",
        () => attacker.isGone || attacker.response.text.split("HTTP/1.1 ").length > 2,
      );
      expect(attacker.response.text).not.toContain("totalPackets");
    }));

  test.each([
    ["Content-Length and Transfer-Encoding", ["Content-Length: 4", "Transfer-Encoding: chunked"]],
    ["two lengths", ["Content-Length: 0", `Content-Length: ${SMUGGLED.length}`]],
    ["a negative length", ["Content-Length: -1"]],
    ["a folded header", ["X-A: b", " Transfer-Encoding: chunked"]],
  ])("%s: no admin answer, and no crash", (_, headers) =>
    siege.withstand({}, async () => {
      const attacker = siege.dial();
      attacker.write(`${upgradeRequest({ headers })}0\r\n\r\n${SMUGGLED}`);
      await attacker.until("answer", () => attacker.response.status ?? attacker.isGone);
      await sleep(200);
      expect(attacker.response.status).not.toBe(101);
      expect(attacker.response.text).not.toContain("totalPackets");
    }),
  );

  test("behind a good upgrade: bytes of a WebSocket, and no request", () =>
    siege.withstand({}, async () => {
      const attacker = siege.dial();
      attacker.write(`${upgradeRequest({ headers: [await bearer()] })}${SMUGGLED}`);
      await attacker.response.complete;
      expect(attacker.response.status).toBe(capabilities.readsBeforeAnswer ? 101 : undefined);
      await sleep(200);
      expect(attacker.response.text).not.toContain("totalPackets");
    }));
});

describe("the admin API", () => {
  test("2,000 wrong tokens: refused alike, whatever is right about them, and soon not looked at", () =>
    siege.withstand({}, async () => {
      const good = "test-admin-token-0123456789abcdef";
      const answers = new Set<string>();
      for (let i = 0; i < 2_000; i += 50) {
        const guesses = Array.from({ length: 50 }, (_, at) => `${good.slice(0, (i + at) % good.length)}#${i + at}`);
        const asked = guesses.map(async (token) => {
          const headers = { authorization: `Bearer ${token}` };
          const response = await fetch(`${siege.relay.url}/v1/admin/apps/480/statistics`, { headers });
          const { code } = (await response.json()) as { code: string };
          return `${response.status} ${code}`;
        });
        for (const answer of await Promise.all(asked)) answers.add(answer);
      }
      // That the relay goes on answering its operator from this address is what `withstand` looks at.
      expect([...answers]).toEqual(["401 admin_token_wrong", "429 too_many_requests"]);
    }));
});
