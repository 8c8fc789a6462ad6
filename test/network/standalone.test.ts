/** What is particular to the relay on Node, Bun and Deno: how it ends and begins again, its sockets, its flags. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SUBPROTOCOL } from "../../src/protocol/index.ts";
import { SqliteDatabase } from "../../src/runtime/standalone/sqlite-database.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { makeCertificate, trust } from "../support/certificate.ts";
import { handshake } from "../support/handshake.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { STANDALONE, type StandaloneRuntime, serveCommand } from "../support/runtimes.ts";
import { TEST_SECRET, testTicket } from "../support/tickets.ts";
import { joiningAt, leave, newPair, outlive, until } from "../support/traffic.ts";

/** 200 peers. */
const PAIRS = 100;
const EXIT_MS = 5_000;

/** The relay ends, and begins again on the same disk. */
async function survive(relay: RunningRelay, end: () => Promise<void>): Promise<void> {
  const join = joiningAt(relay.url);
  const pairs = await Promise.all(Array.from({ length: PAIRS }, (_, index) => newPair(join, index)));
  await outlive(pairs, async () => {
    await end();
    await relay.restart();
  });
  await leave(pairs);
}

/** The command as an operator would run it, to its end. */
function run(runtime: StandaloneRuntime, args: readonly string[], variables: Record<string, string>) {
  const { file, args: script } = serveCommand(runtime);
  const env = { PATH: process.env["PATH"], ...variables };
  return spawnSync(file, [...script, ...args], { env, encoding: "utf8", timeout: 20_000 });
}

/** On any free port, as its log tells. */
async function startWith(
  runtime: StandaloneRuntime,
  args: readonly string[],
): Promise<{ url: string } & AsyncDisposable> {
  const { file, args: script } = serveCommand(runtime);
  const child = spawn(file, [...script, "--port=0", "--database=:memory:", ...args], {
    env: { ...process.env, TICKET_SECRET: TEST_SECRET },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
  return {
    url: (JSON.parse(line) as { url: string }).url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

describe.each(STANDALONE)("the relay on %s", (runtime) => {
  describe("while it runs", () => {
    let relay: RunningRelay;
    beforeAll(async () => {
      relay = await RunningRelay.start({}, { runtime });
    });
    afterAll(() => relay[Symbol.asyncDispose]());

    test("the protocol is selected wherever the ticket stands, and compression is not", async () => {
      for (const separator of [",", ", "]) {
        const ticket = `ticket.${await testTicket({ peer: "1" })}`;
        for (const offered of [
          [ticket, SUBPROTOCOL],
          [SUBPROTOCOL, ticket],
        ]) {
          const { statusCode, headers } = await handshake(relay.url, offered.join(separator));
          expect(statusCode).toBe(101);
          expect(headers["sec-websocket-protocol"]).toBe(SUBPROTOCOL);
          expect(headers["sec-websocket-extensions"]).toBeUndefined();
        }
      }
    });

    test("a refused handshake says why", async () => {
      const response = await handshake(relay.url, SUBPROTOCOL);
      expect(response.statusCode).toBe(401);
      const chunks = await response.toArray();
      expect(JSON.parse(Buffer.concat(chunks as Buffer[]).toString())).toMatchObject({ code: "ticket_missing" });
    });

    test("[S6] ping is answered with pong", async () => {
      const peer = await RawPeer.join(relay.url, 77n);
      peer.send("ping");
      await until("pong", () => peer.texts.includes("pong"));
    });

    test("an operator's requests have a body", async () => {
      const until = Date.now() + 60_000;
      const init = { method: "PUT", body: JSON.stringify({ until, reason: "test" }) };
      expect(await relay.admin("/apps/480/bans/peers/99", init)).toMatchObject({ subject: "99", until });
    });
  });

  test("SIGTERM under traffic: it ends by itself in time, and after a restart nothing is lost", async () => {
    await using relay = await RunningRelay.start({}, { runtime });
    await survive(relay, async () => {
      const begun = performance.now();
      expect(await relay.stop()).toBe(0);
      expect(performance.now() - begun).toBeLessThan(EXIT_MS);
    });
  });

  test("SIGTERM: counters are on disk", async () => {
    await using relay = await RunningRelay.start({}, { runtime });
    const pair = await newPair(joiningAt(relay.url), 0);
    for (; pair.sent < 50; pair.sent++) pair.from.send(String(pair.sent));
    await until("all of it", () => pair.received.length === 50);
    const before = await relay.admin<{ totalPackets: number }>("/apps/480/statistics");
    expect(before.totalPackets).toBeGreaterThan(0);
    await leave([pair]);
    expect(await relay.stop()).toBe(0);
    await relay.restart();
    expect(await relay.admin("/apps/480/statistics")).toMatchObject({ totalPackets: before.totalPackets });
  });

  test("kill -9 under traffic: clients resume, and nothing is lost", async () => {
    await using relay = await RunningRelay.start({}, { runtime });
    await survive(relay, () => relay.kill());
  });

  test("behind a trusted proxy the client's address is the one that the proxy names", async () => {
    const settings = { APP_SETTINGS: JSON.stringify({ default: { joinsPerMinute: 2 } }) };
    const args = ["--trusted-proxies=127.0.0.1"];
    await using relay = await RunningRelay.start(settings, { runtime, args });
    const ask = async (forwarded: string): Promise<number> => {
      const headers = { authorization: `Bearer ${await testTicket({ peer: "1" })}`, "x-forwarded-for": forwarded };
      return (await fetch(`${relay.url}/v1/apps/480/connect`, { headers })).status;
    };
    // 426: good for an upgrade. What the client itself wrote, to the left, changes nothing.
    expect([await ask("203.0.113.1"), await ask("9.9.9.9, 203.0.113.1"), await ask("203.0.113.1")]).toEqual([
      426, 426, 429,
    ]);
    expect(await ask("203.0.113.2")).toBe(426);
  });

  test("a database of a later release keeps it from starting, and is named", () => {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-newer-"));
    try {
      const path = join(folder, "app-480.sqlite");
      const database = new SqliteDatabase(path);
      migrate(database);
      database.run(`UPDATE schema_version SET version = 999`);
      database.close();
      const before = readFileSync(path);
      const { status, stderr } = run(runtime, [`--database=${folder}`, "--port=0"], { TICKET_SECRET: TEST_SECRET });
      expect(stderr).toContain(path);
      expect(stderr).toContain("version 999");
      expect(status).toBe(1);
      expect(readFileSync(path).equals(before)).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("flags: help, and a refusal that names the variable", () => {
    const help = run(runtime, ["--help"], {});
    expect(help).toMatchObject({ status: 0, stderr: "" });
    expect(help.stdout).toContain("--trusted-proxies");
    const refused = run(runtime, ["--port=x"], { TICKET_SECRET: TEST_SECRET });
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toContain("PORT (--port)");
  });

  test("with a certificate it is wss: join and relay, and only for who trusts it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-tls-"));
    try {
      const { cert, key } = makeCertificate(folder);
      await using relay = await startWith(runtime, [`--tls-cert=${cert}`, `--tls-key=${key}`]);
      expect(relay.url).toMatch(/^https:/);
      await expect(joiningAt(relay.url)(1)).rejects.toMatchObject({ code: "dial_failed" });
      trust({ cert, key });
      const pair = await newPair(joiningAt(relay.url), 0);
      for (; pair.sent < 50; pair.sent++) pair.from.send(String(pair.sent));
      await until("all of it", () => pair.received.length === 50);
      await leave([pair]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
