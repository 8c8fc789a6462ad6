/** Behind nginx and Caddy with TLS, by the files of deploy/ that docs/self-hosting.md tells operators to use. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RelayClient, connect } from "../../src/client/index.ts";
import type { WebSocketConstructor } from "../../src/client/websocket.ts";
import { CloseCode, SUBPROTOCOL } from "../../src/protocol/index.ts";
import { type HandshakeOptions, handshake, refusalOf } from "../support/handshake.ts";
import { ReverseProxy } from "../support/reverse-proxy.ts";
import { RunningRelay, TEST_ADMIN_TOKEN } from "../support/running-relay.ts";
import type { StandaloneRuntime } from "../support/runtimes.ts";
import { testTicket } from "../support/tickets.ts";
import { type Join, leave, newPair, outlive, until } from "../support/traffic.ts";

const SITES = [
  { proxy: "nginx", runtime: "node" },
  { proxy: "nginx", runtime: "bun" },
  { proxy: "nginx", runtime: "deno" },
  { proxy: "caddy", runtime: "node" },
  { proxy: "caddy", runtime: "bun" },
] as const;

const PAIRS = 10;
/** Joins are limited in this app only. */
const LIMITED_APP = 730;
const JOINS = 3;
const SETTINGS = { default: { joinsPerMinute: 0 }, [LIMITED_APP]: { joinsPerMinute: JOINS } };

function startRelay(runtime: StandaloneRuntime): Promise<RunningRelay> {
  const args = ["--trusted-proxies=127.0.0.1"];
  return RunningRelay.start({ APP_SETTINGS: JSON.stringify(SETTINGS) }, { runtime, args });
}

/** Where a client dials to, and where from. */
interface Route extends Omit<HandshakeOptions, "path"> {
  readonly url: string;
}

/** A player's client, from an address of its own. */
function joiningFrom({ url, ...options }: Route): Join {
  class DialFrom extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { ...options, perMessageDeflate: false });
    }
  }
  return async (peer) => {
    const ticket = await testTicket({ peer: String(peer) });
    return connect({ url, app: 480, ticket, WebSocket: DialFrom as unknown as WebSocketConstructor });
  };
}

/** What a handshake in the limited app is answered: 101, or the code of the refusal. */
async function ask({ url, ...options }: Route): Promise<unknown> {
  const protocols = `${SUBPROTOCOL}, ticket.${await testTicket({ peer: "1", app: LIMITED_APP })}`;
  const response = await handshake(url, protocols, { ...options, path: `/v1/apps/${LIMITED_APP}/connect` });
  return response.statusCode === 101 ? 101 : refusalOf(response);
}

describe.each(SITES)("through $proxy to the relay on $runtime", ({ proxy: name, runtime }) => {
  let relay: RunningRelay;
  let proxy: ReverseProxy;
  beforeAll(async () => {
    relay = await startRelay(runtime);
    proxy = await ReverseProxy.start(name, relay.url);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await relay?.[Symbol.asyncDispose]();
  });

  const from = (localAddress: string, spoofed?: string): Route => ({
    url: proxy.url,
    ca: proxy.ca,
    localAddress,
    ...(spoofed !== undefined && { headers: { "x-forwarded-for": spoofed } }),
  });

  test("large messages are relayed, both ways", async () => {
    const pair = await newPair(joiningFrom(from("127.0.0.2")), 1_000);
    const payload = new Uint8Array(300_000).map((_, i) => (i * 31 + (i >> 8)) & 0xff);
    pair.from.send(payload);
    pair.to.send(payload);
    const { value: answer } = await pair.from[Symbol.asyncIterator]().next();
    expect(Buffer.from(answer!.payload).equals(payload)).toBe(true);
    await until("the other way", () => pair.received.length === 1);
    await leave([pair]);
  });

  test("[R1] the proxy is killed under traffic: clients resume when it is back, and nothing is lost", async () => {
    const join = joiningFrom(from("127.0.0.2"));
    const pairs = await Promise.all(Array.from({ length: PAIRS }, (_, index) => newPair(join, index)));
    const resumed: boolean[] = [];
    for (const client of pairs.flatMap(({ clients }) => clients)) {
      client.addEventListener("reconnected", ({ detail }) => resumed.push(detail.isResumed));
    }
    await outlive(pairs, async () => {
      await proxy.kill();
      await proxy.restart();
    });
    expect(resumed).toEqual(Array.from({ length: 2 * PAIRS }, () => true));
    await leave(pairs);
  });

  test("the relay is upgraded behind it: clients resume, and nothing is lost", async () => {
    const join = joiningFrom(from("127.0.0.2"));
    const pairs = await Promise.all(Array.from({ length: PAIRS }, (_, index) => newPair(join, index)));
    await outlive(pairs, async () => {
      expect(await relay.stop()).toBe(0);
      await relay.restart();
    });
    await leave(pairs);
  });

  test("[L3] joins are counted by the client's own address, whatever it says of itself", async () => {
    for (let i = 0; i < JOINS; i++) expect(await ask(from("127.0.0.11", `203.0.113.${i}`))).toBe(101);
    expect(await ask(from("127.0.0.11"))).toBe("too_many_joins");
    for (const lie of ["203.0.113.9", "127.0.0.1", "unknown", "::1", "203.0.113.9, 127.0.0.1", ",", "127.0.0.12:1"]) {
      expect(await ask(from("127.0.0.11", lie)), lie).toBe("too_many_joins");
    }
    const twice = { ...from("127.0.0.11"), headers: { "x-forwarded-for": ["203.0.113.9", "127.0.0.1"] } };
    expect(await ask(twice)).toBe("too_many_joins");
    const others = { "x-real-ip": "203.0.113.9", forwarded: "for=203.0.113.9", "cf-connecting-ip": "203.0.113.9" };
    expect(await ask({ ...from("127.0.0.11"), headers: others })).toBe("too_many_joins");
    // Nobody uses up a neighbour's joins, nor the proxy's.
    for (let i = 0; i < JOINS; i++) expect(await ask(from("127.0.0.12", "127.0.0.11"))).toBe(101);
    expect(await ask(from("127.0.0.1"))).toBe(101);
  });

  test("[L3] past the proxy, a client that is none is not believed", async () => {
    const directly = { url: relay.url, localAddress: "127.0.0.13" };
    for (let i = 0; i < JOINS; i++) {
      expect(await ask({ ...directly, headers: { "x-forwarded-for": `203.0.113.${i}` } })).toBe(101);
    }
    expect(await ask({ ...directly, headers: { "x-forwarded-for": "203.0.113.9" } })).toBe("too_many_joins");
  });

  test("[L4] an address ban meets the client's own address, and nobody else's", async () => {
    const outcomes = new Map<string, number>();
    const join = async (peer: number, address: string, spoofed?: string): Promise<RelayClient> => {
      const client = await joiningFrom(from(address, spoofed))(peer);
      client.addEventListener("closed", ({ detail }) => outcomes.set(address, detail.code));
      return client;
    };
    await join(2_001, "127.0.0.21", "127.0.0.22");
    const bystander = await join(2_002, "127.0.0.22", "127.0.0.21");
    const path = "/apps/480/bans/addresses/127.0.0.21";
    expect(await relay.admin(path, { method: "PUT", body: JSON.stringify({ seconds: 60 }) })).toMatchObject({
      ended: 1,
    });
    await until("the ban", () => outcomes.has("127.0.0.21"));
    expect([...outcomes]).toEqual([["127.0.0.21", CloseCode.Banned]]);
    const protocols = `${SUBPROTOCOL}, ticket.${await testTicket({ peer: "2001" })}`;
    const refused = await handshake(proxy.url, protocols, from("127.0.0.21", "127.0.0.22"));
    expect(await refusalOf(refused)).toBe("address_banned");
    await bystander.close();
  });

  test("the admin API is not the world's, by whatever path", async () => {
    const authorization = `Bearer ${TEST_ADMIN_TOKEN}`;
    expect(await relay.admin("/apps/480/statistics")).toHaveProperty("totalPackets");
    const statistics = "v1/admin/apps/480/statistics";
    for (const path of [
      `/${statistics}`,
      `//x/${statistics}`,
      `/v1/%61dmin/apps/480/statistics`,
      `/v1/apps/../admin/apps/480/statistics`,
      `/v1/apps/%2e%2e/admin/apps/480/statistics`,
      `/v1/apps/..%2fadmin/apps/480/statistics`,
      `/v1/apps/\\..\\..\\admin\\apps\\480\\statistics`,
      `/v1/apps//../../${statistics}`,
      `//x/v1/apps/../${statistics}`,
    ]) {
      const headers = { authorization, connection: "close", upgrade: "" };
      const { statusCode } = await handshake(proxy.url, "", { ...from("127.0.0.2"), headers, path });
      expect([400, 403, 404], path).toContain(statusCode);
    }
  });
});

/** ms of silence that nginx.conf allows: what the sockets have to outlive. */
function longestSilence(): number {
  const text = readFileSync(join(import.meta.dirname, "../../deploy/nginx.conf"), "utf8");
  const [, seconds] = /proxy_read_timeout ([0-9]+)s;/.exec(text) ?? [];
  return Number(seconds) * 1_000;
}

test("[H1] sockets with nothing but pings outlive the proxies' timeouts", { timeout: 120_000 }, async () => {
  await using relay = await startRelay("node");
  await using nginx = await ReverseProxy.start("nginx", relay.url);
  await using caddy = await ReverseProxy.start("caddy", relay.url);
  const pairs = await Promise.all(
    [nginx, caddy].map(({ url, ca }, index) => newPair(joiningFrom({ url, ca, localAddress: "127.0.0.2" }), index)),
  );
  const lost: unknown[] = [];
  for (const client of pairs.flatMap(({ clients }) => clients)) {
    client.addEventListener("reconnecting", ({ detail }) => lost.push(detail.cause));
    client.addEventListener("closed", ({ detail }) => lost.push(detail.cause));
  }
  await new Promise((resolve) => setTimeout(resolve, longestSilence() + 5_000));
  expect(lost).toEqual([]);
  for (const pair of pairs) pair.from.send("7");
  await until("a message", () => pairs.every(({ received }) => received.length === 1));
  expect(lost).toEqual([]);
  await leave(pairs);
});
