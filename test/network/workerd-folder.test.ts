/** What `npm run build:workerd` makes, copied to another place and started from a third. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PAGES_FOLDER } from "../../scripts/build-pages.ts";
import { buildWorkerdFolder } from "../../scripts/build-workerd.ts";
import { isHealthy } from "../../scripts/local-relay.ts";
import { workerdBinary } from "../../scripts/workerd-bundle.ts";
import { type RelayClient, type RelayConnection, connect } from "../../src/client/index.ts";
import { TEST_ADMIN_TOKEN } from "../support/running-relay.ts";
import { TEST_SECRET, testTicket } from "../support/tickets.ts";

const EXIT_MS = 10_000;

let place: string;
let folder: string;
let port: number;
let relay: ChildProcess | undefined;
const url = (): string => `http://127.0.0.1:${port}`;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "edge-relay-folder-"));
  const built = join(place, "built");
  buildWorkerdFolder(built);
  folder = join(place, "somewhere else");
  cpSync(built, folder, { recursive: true });
  rmSync(built, { recursive: true });
  port = await freePort();
});
afterAll(async () => {
  await end("SIGKILL");
  rmSync(place, { recursive: true, force: true });
});

const SETTINGS = { WORKERD: workerdBinary(), TICKET_SECRET: TEST_SECRET, ADMIN_TOKEN: TEST_ADMIN_TOKEN };

async function start(): Promise<void> {
  const env = { PATH: process.env["PATH"], PORT: String(port), ...SETTINGS };
  relay = spawn(join(folder, "start.sh"), [], { cwd: "/", stdio: "ignore", env });
  for (const deadline = Date.now() + 10_000; !(await isHealthy(url()));) {
    if (Date.now() > deadline) throw new Error("start.sh did not bring up a relay");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The signal that ended it: SIGKILL for one that did not end in time by another. */
async function end(signal: NodeJS.Signals): Promise<NodeJS.Signals | null> {
  const child = relay;
  relay = undefined;
  if (!child || child.exitCode !== null) return null;
  const exited = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_, by) => resolve(by)));
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), EXIT_MS);
  const by = await exited;
  clearTimeout(timer);
  return by;
}

async function joinAs(peer: number): Promise<RelayClient> {
  return connect({ url: url(), app: 480, ticket: await testTicket({ peer: String(peer) }) });
}

async function accepted(from: RelayClient, to: RelayClient): Promise<readonly [RelayConnection, RelayConnection]> {
  const listener = to.listen();
  const opening = from.open(to.peer);
  const { value: incoming } = await listener[Symbol.asyncIterator]().next();
  if (!incoming) throw new Error("nobody came");
  await incoming.accept();
  return [await opening, incoming];
}

/** Each call waits for the next message. */
function reader(connection: RelayConnection): () => Promise<string> {
  const messages = connection[Symbol.asyncIterator]();
  return async () => new TextDecoder().decode((await messages.next()).value?.payload);
}

async function admin<T>(path: string, init: RequestInit = {}): Promise<T> {
  const headers = { authorization: `Bearer ${TEST_ADMIN_TOKEN}` };
  const response = await fetch(`${url()}/v1/admin/apps/480${path}`, { ...init, headers });
  expect(response.status, path).toBe(200);
  return (await response.json()) as T;
}

function filesOf(directory: string): string[] {
  const all = readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name));
  return all.filter((path) => statSync(path).isFile());
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

test("it is small, without state or secrets, and refuses to start without a key", () => {
  expect(readdirSync(folder).toSorted()).toEqual([
    "README.txt",
    "config.capnp",
    "pages",
    "pages.js",
    "start.sh",
    "worker.js",
  ]);
  expect(readFileSync(join(folder, "README.txt"), "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(11);
  const { status, stderr } = spawnSync(join(folder, "start.sh"), {
    env: { PATH: process.env["PATH"] },
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([1, expect.stringContaining("TICKET_SECRET")]);
  expect(existsSync(join(folder, "state"))).toBe(false);
});

test("it serves the pages, which are in its configuration", async () => {
  await start();
  const response = await fetch(`${url()}/playground/`);
  expect([response.status, await response.text()]).toEqual([
    200,
    readFileSync(join(PAGES_FOLDER, "playground/index.html"), "utf8"),
  ]);
  await end("SIGKILL");
});

test("[R1][R10] it relays, and after kill -9 its clients come back to their session and connection", async () => {
  await start();
  const [a, b] = [await joinAs(1), await joinAs(2)];
  const [from, to] = await accepted(a, b);
  const received = reader(to);
  from.send("before");
  expect(await received()).toBe("before");
  const { session } = a.limits;
  await end("SIGKILL");
  from.send("meanwhile");
  await start();
  from.send("after");
  expect([await received(), await received()]).toEqual(["meanwhile", "after"]);
  expect(a.limits.session).toBe(session);
  const { connections } = await admin<{ connections: { connectionId: string }[] }>("/connections");
  expect(connections.map(({ connectionId }) => connectionId)).toEqual([String(from.id)]);
  await Promise.all([a.close(), b.close()]);
});

test("as its README says: drained first, it ends by SIGTERM with its clients still there", async () => {
  if (!relay) await start();
  const [a, b] = [await joinAs(3), await joinAs(4)];
  const [from, to] = await accepted(a, b);
  expect(await admin("/drain", { method: "POST", body: '{"reconnectAfterMs":3000}' })).toEqual({ ended: 2 });
  expect(await end("SIGTERM")).not.toBe("SIGKILL");
  from.send("over the restart");
  await start();
  expect(await reader(to)()).toBe("over the restart");
  await Promise.all([a.close(), b.close()]);
});

test("what is secret is in none of its files", () => {
  const files = filesOf(folder);
  expect(files.some((path) => path.startsWith(join(folder, "state")))).toBe(true);
  for (const path of files) {
    const bytes = readFileSync(path);
    for (const secret of [TEST_SECRET, TEST_ADMIN_TOKEN]) expect(bytes.includes(secret), path).toBe(false);
  }
});
