/** The package as users get it: packed, installed into an empty project, and run in each runtime against each relay. */
import { execFile } from "node:child_process";
import { copyFileSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunningRelay } from "../support/running-relay.ts";
import { RUNTIMES } from "../support/runtimes.ts";
import { testTicket } from "../support/tickets.ts";
import { CLIENTS, type Drive, closeBrowser } from "./clients.ts";
import { EchoHost } from "./echo-host.ts";
import { type UserProject, installPacked } from "./user-project.ts";

const run = promisify(execFile);
const require = createRequire(import.meta.url);

let installed: UserProject;
let project: string;
let tarball: string;

beforeAll(async () => {
  installed = await installPacked();
  ({ folder: project, tarball } = installed);
  copyFileSync(join(import.meta.dirname, "consumer.js"), join(project, "consumer.js"));
}, 120_000);

afterAll(async () => {
  await closeBrowser();
  installed.remove();
});

describe("what is published", () => {
  test("publint finds nothing", async () => {
    const { publint } = await import("publint");
    const { messages } = await publint({ pkgDir: join(project, "node_modules/edge-relay"), strict: true });
    expect(messages).toEqual([]);
  });

  test("are the types wrong? no", async () => {
    const bin = join(dirname(require.resolve("@arethetypeswrong/cli/package.json")), "dist/index.js");
    // Its JSON report ignores the profile, its exit code does not: any problem makes this reject, with the report.
    const { stdout } = await run(process.execPath, [bin, tarball, "--profile", "esm-only", "--no-emoji"]);
    expect(stdout).toContain("OK (ESM)");
  });

  test("only what users need is in it", () => {
    const folder = join(project, "node_modules/edge-relay");
    expect(readdirSync(folder).toSorted()).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
    const built = join(folder, "dist/lib");
    const relay = ["http", "relay", "runtime", "storage"];
    expect(readdirSync(built).toSorted()).toEqual(["auth", "cli", "client", "protocol", ...relay].toSorted());
    expect(readdirSync(join(built, "runtime"))).not.toContain("cloudflare");
    const types = readdirSync(built, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".d.ts"));
    expect(types.filter((name) => !/^(auth|client|protocol)\//.test(name))).toEqual([]);
    for (const name of types)
      expect(readFileSync(join(built, name), "utf8"), name).not.toMatch(/types="node"|NodeJS\./);
  });
});

describe.each(RUNTIMES)("the installed package against the relay on %s", (server) => {
  let relay: RunningRelay;
  let host: EchoHost;
  let visitors = 1n;

  beforeAll(async () => {
    relay = await RunningRelay.start({}, { runtime: server });
    host = await EchoHost.join(relay.url);
  });
  afterAll(async () => {
    await host.leave();
    await relay[Symbol.asyncDispose]();
  });

  async function expectRelayed(drive: Drive): Promise<void> {
    const visitor = visitors++;
    const ticket = await testTicket({ peer: visitor });
    const said = await drive(project, JSON.stringify({ url: relay.url, app: 480, ticket, peer: String(host.peer) }));
    const hash = host.hashes.get(visitor);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse(said)).toEqual({ reply: "welcome, package", result: 1, sent: hash, received: hash });
  }

  for (const [client, drive] of Object.entries(CLIENTS)) {
    test(`a file from ${client} and back, whole`, { meta: { cell: { client, server } } }, () => expectRelayed(drive));
  }
});
