/** `edge-relay` against a running relay: what it prints, and what it says when something is wrong. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RelayClient, connect } from "../../src/client/index.ts";
import { CloseCode } from "../../src/protocol/index.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { RunningRelay, TEST_ADMIN_TOKEN } from "../support/running-relay.ts";
import { STANDALONE } from "../support/runtimes.ts";
import { TEST_SECRET, testTicket } from "../support/tickets.ts";

let relay: RunningRelay;
let variables: Record<string, string>;
beforeAll(async () => {
  relay = await RunningRelay.start();
  variables = { EDGE_RELAY_URL: relay.url, TICKET_SECRET: TEST_SECRET, ADMIN_TOKEN: TEST_ADMIN_TOKEN };
});
afterAll(() => relay[Symbol.asyncDispose]());

function documentOf<T>({ status, stdout, stderr }: CliResult): T {
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return JSON.parse(stdout) as T;
}

function errorOf({ stdout }: CliResult): string {
  return (JSON.parse(stdout) as { error: { code: string } }).error.code;
}

function ask(args: readonly string[], others: Record<string, string> = {}): Promise<CliResult> {
  return runCli([...args, "--json"], { ...variables, ...others });
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe.each(STANDALONE)("on %s", (runtime) => {
  test("ticket and ping: the edge, and with a ticket the room", async () => {
    const args = ["ticket", "--app", "480", "--peer", "5", "--room", "lobby"];
    const { stdout } = await runCli(args, variables, runtime);
    const ticketed = { EDGE_RELAY_URL: relay.url, EDGE_RELAY_TICKET: stdout.trim() };
    const report = documentOf(await runCli(["ping", "-n", "3", "--json"], ticketed, runtime));
    const times = { median: expect.any(Number), p99: expect.any(Number), min: expect.any(Number) };
    expect(report).toMatchObject({
      configured: true,
      edge: times,
      room: { ...times, app: 480, room: "lobby", peer: "5", joinMs: expect.any(Number) },
    });
  });

  test("bench: what is sent comes back", async () => {
    const args = ["bench", "--peers", "4", "--shape", "mesh", "--seconds", "1", "--reliable", "--json"];
    const report = documentOf<{ sent: number; returned: number }>(await runCli(args, variables, runtime));
    expect(report).toMatchObject({ connections: 6, refused: 0 });
    expect(report.sent).toBeGreaterThan(0);
    expect(report.returned).toBe(report.sent);
  });

  test("demo: hashes match, and the relay counted what the players counted", async () => {
    const report = documentOf<{ players: object }>(await runCli(["demo", "--json"], variables, runtime));
    expect(report).toMatchObject({ matches: true, agrees: true, wasStarted: false, relay: report.players });
  });

  test("demo: with a relay of its own", async () => {
    const { status, stdout } = await runCli(["demo", "--file", import.meta.filename], {}, runtime);
    expect(stdout).toContain(`started for this demo, on ${runtime}`);
    expect(stdout).toMatch(/sha-256 +[0-9a-f]{64} matches/);
    expect(stdout).toMatch(/relay +\d+ packets, \d+ bytes agrees/);
    expect(status).toBe(0);
  });

  test("nobody there: an unknown host, and a port that nobody listens at", async () => {
    for (const [code, url, remedy] of [
      ["unknown_host", "http://no-such-host.invalid", "check the spelling"],
      ["refused", `http://127.0.0.1:${await unusedPort()}`, "edge-relay serve"],
    ] as const) {
      const result = await runCli(["ping", url, "--json"], {}, runtime);
      expect(result.status).toBe(1);
      expect(errorOf(result)).toBe(code);
      expect(result.stderr).toContain(remedy);
      expect(result.stderr.trim().split("\n")).toHaveLength(1);
    }
  });

  test("a port that another program has: serve says so, and ends", async () => {
    const { port } = new URL(relay.url);
    const args = ["serve", "--port", port, "--database", ":memory:"];
    const { status, stderr } = await runCli(args, variables, runtime);
    expect(stderr).toContain(`Cannot listen at http://127.0.0.1:${port}: another program does`);
    expect(stderr).not.toContain("    at ");
    expect(status).toBe(1);
  });
});

describe("refusals", () => {
  test("another ADMIN_TOKEN, or another TICKET_SECRET", async () => {
    const admin = await ask(["admin", "statistics", "--app", "480"], { ADMIN_TOKEN: "guess" });
    expect([admin.status, errorOf(admin)]).toEqual([1, "admin_token_wrong"]);
    expect(admin.stderr).toContain("Set ADMIN_TOKEN");
    const secret = { TICKET_SECRET: "another-secret-of-at-least-32-bytes" };
    for (const args of [
      ["ping", "--app", "480"],
      ["bench", "--seconds", "1"],
    ]) {
      const refused = await ask(args, secret);
      expect([refused.status, errorOf(refused)]).toEqual([1, "ticket_bad_signature"]);
      expect(refused.stderr).toContain("TICKET_SECRET here must be that of the relay");
    }
  });

  test("a relay without an admin API", async () => {
    await using closed = await RunningRelay.start({ ADMIN_TOKEN: "" });
    const refused = await ask(["admin", "statistics", "--app", "480"], { EDGE_RELAY_URL: closed.url });
    expect([refused.status, errorOf(refused)]).toEqual([1, "not_found"]);
    expect(refused.stderr).toContain("unless it runs with an ADMIN_TOKEN");
  });

  test("what is no relay", async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/healthz" ? 404 : 200;
      response.end("<!doctype html>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { stderr, ...refused } = await ask(["ping", url]);
      expect([refused.status, errorOf({ ...refused, stderr })]).toEqual([1, "not_a_relay"]);
      expect(stderr).toContain("with 404, is no relay");
    } finally {
      server.close();
    }
  });
});

describe("admin", () => {
  const room = ["--app", "480", "--room", "ops"];
  const admin = async <T>(args: readonly string[]): Promise<T> =>
    documentOf<T>(await runCli(["admin", ...args, ...room, "--json"], variables));
  let clients: RelayClient[];

  beforeAll(async () => {
    clients = await Promise.all(
      ["71", "72"].map(async (peer) => {
        const ticket = await testTicket({ peer, room: "ops" });
        return connect({ url: relay.url, app: 480, room: "ops", ticket, reconnect: false });
      }),
    );
    const [a, b] = clients;
    for (const port of [0, 1]) {
      b?.onIncoming({ virtualPort: port }, (connection) => void connection.accept());
      await a?.open(72n, { virtualPort: port });
    }
  });
  afterAll(() => Promise.all(clients.map((client) => client.close())));

  test("looks", async () => {
    expect(await admin(["statistics"])).toMatchObject({ activeConnections: 2, peers: 2 });
    const first = await admin<{ connections: { connectionId: string }[]; next: string }>([
      "connections",
      "--limit",
      "1",
    ]);
    const rest = await admin<{ connections: object[] }>(["connections", "--cursor", first.next]);
    expect([first.connections.length, rest.connections.length]).toEqual([1, 1]);
    const [shown] = first.connections;
    expect(await admin(["connection", shown?.connectionId ?? ""])).toMatchObject({ ...shown });
    expect(await admin(["connections", "--peer", "71", "--sort", "bytes", "--order", "desc"])).toMatchObject({
      total: 2,
    });
    expect(await admin(["destination", shown?.connectionId ?? "", "71"])).toEqual({ peer: "72" });
    expect(await admin(["peers"])).toMatchObject({ peers: [{ peer: "71" }, { peer: "72" }], total: 2, next: null });
    expect(await admin(["peer", "71"])).toMatchObject({ peer: "71", state: "present", connections: 2 });
    expect(await admin(["history", "--resolution", "hour"])).toMatchObject({ resolution: "hour" });
    const { stdout } = await runCli(["admin", "connections", ...room], variables);
    expect(stdout.split("\n")[0]).toMatch(/^connectionId +fromPeerId +toPeerId/);
  });

  test("apps, their rooms and settings", async () => {
    const ask = async (args: string[]) => documentOf<object>(await runCli(["admin", ...args, "--json"], variables));
    expect(await ask(["whoami"])).toMatchObject({ name: "admin", scope: "operate", apps: null });
    expect(await ask(["apps"])).toHaveProperty("apps");
    expect(await ask(["rooms", "--app", "480"])).toHaveProperty("rooms");
    expect(await ask(["totals", "--app", "480"])).toMatchObject({ app: 480 });
    expect(await ask(["set", "--app", "480", "maxPeers=50", "graceMs=0"])).toMatchObject({
      overrides: { maxPeers: 50, graceMs: 0 },
    });
    expect(await ask(["reset", "--app", "480"])).toMatchObject({ overrides: {} });
    expect(await ask(["settings", "--app", "480"])).toMatchObject({ overrides: {} });
    const wrong = await runCli(["admin", "set", "--app", "480", "peers=5", "--json"], variables);
    expect([wrong.status, errorOf(wrong)]).toEqual([2, "usage"]);
  });

  test("acts", async () => {
    const { connections } = await admin<{ connections: { connectionId: string }[] }>(["connections"]);
    const id = connections[0]?.connectionId ?? "";
    expect(await admin(["close", id])).toEqual({ done: true });
    const again = await runCli(["admin", "close", id, ...room, "--json"], variables);
    expect([again.status, errorOf(again)]).toEqual([1, "connection_not_found"]);
    const ban = await admin(["ban", "peer", "72", "--seconds", "60", "--reason", "test"]);
    expect(ban).toMatchObject({ kind: "peer", subject: "72", reason: "test", ended: 1 });
    expect(await clients[1]?.closed).toMatchObject({ code: CloseCode.Banned });
    await admin(["ban", "address", "2001:db8::1", "--until", "2100-01-01"]);
    await admin(["ban", "ticket", "a/b"]);
    const { bans } = await admin<{ bans: object[] }>(["bans"]);
    expect(bans).toMatchObject([
      { kind: "address", subject: "2001:db8::/64", until: Date.UTC(2100, 0) },
      { kind: "peer", subject: "72" },
      { kind: "ticket", subject: "a/b", until: null },
    ]);
    for (const subject of [
      ["peer", "72"],
      ["address", "2001:db8::1"],
      ["ticket", "a/b"],
    ]) {
      expect(await admin(["unban", ...subject])).toEqual({ done: true });
    }
    expect(await admin(["bans"])).toEqual({ bans: [], next: null });
    expect(await admin(["drain", "--reconnect-after", "100"])).toEqual({ ended: 1 });
    expect(await admin(["audit", "--limit", "1"])).toMatchObject({ entries: [{ actor: "admin", action: "drain" }] });
    const gone = await runCli(["admin", "kick", "72", ...room, "--json"], variables);
    expect([gone.status, errorOf(gone)]).toEqual([1, "peer_not_found"]);
  });
});
