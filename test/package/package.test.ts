/** The package as users get it: packed, installed into an empty project, and run in each runtime. */
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RelayClient, connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { bunBinary, denoBinary } from "../support/runtimes.ts";
import { testTicket } from "../support/tickets.ts";
import { type UserProject, installPacked } from "./user-project.ts";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const HOST = 4242n;
const EXPECTED = "welcome, package 1";

let installed: UserProject;
let project: string;
let tarball: string;
let relay: RunningRelay;
let host: RelayClient;

beforeAll(async () => {
  installed = await installPacked();
  ({ folder: project, tarball } = installed);
  copyFileSync(join(import.meta.dirname, "consumer.js"), join(project, "consumer.js"));
  relay = await RunningRelay.start();
  host = await connect({ url: relay.url, app: 480, ticket: await testTicket({ peer: String(HOST), app: 480 }) });
  void welcomeAll();
}, 120_000);

afterAll(async () => {
  await host.close();
  await relay[Symbol.asyncDispose]();
  installed.remove();
});

/** The other end: answers whoever comes. */
async function welcomeAll(): Promise<void> {
  for await (const connection of host.listen({ virtualPort: 5 })) {
    await connection.accept();
    void (async () => {
      for await (const _ of connection) connection.send("welcome, package");
    })();
  }
}

async function greeting(peer: string): Promise<string> {
  return JSON.stringify({ url: relay.url, app: 480, ticket: await testTicket({ peer, app: 480 }), peer: String(HOST) });
}

function mainFile(name: string, argument: string): string {
  const path = join(project, name);
  writeFileSync(path, `import { greet } from "./consumer.js";\nconsole.log(await greet(${argument}));\n`);
  return path;
}

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

describe("the installed package relays", () => {
  test("in Node", async () => {
    const { stdout } = await run(process.execPath, [mainFile("node.js", await greeting("1"))], { cwd: project });
    expect(stdout.trim()).toBe(EXPECTED);
  });

  test("in Bun", async () => {
    const { stdout } = await run(bunBinary(), ["run", mainFile("bun.js", await greeting("2"))], { cwd: project });
    expect(stdout.trim()).toBe(EXPECTED);
  });

  test("in Deno", async () => {
    const args = ["run", "--allow-net", "--node-modules-dir=manual", mainFile("deno.js", await greeting("3"))];
    const { stdout } = await run(denoBinary(), args, { cwd: project });
    expect(stdout.trim()).toBe(EXPECTED);
  });

  test("bundled, in a page in Chromium", async () => {
    const entry = mainFile("page.js", await greeting("4"));
    writeFileSync(
      entry,
      `import { greet } from "./consumer.js";\ngreet(${await greeting("4")}).then((text) => { document.title = text; }, (e) => { document.title = String(e); });\n`,
    );
    const bundle = await build({
      entryPoints: [entry],
      bundle: true,
      format: "esm",
      write: false,
      platform: "browser",
    });
    const script = bundle.outputFiles[0]?.text ?? "";
    expect(await titleOf(script)).toBe(EXPECTED);
  });
});

/** Serves a page with this script and waits for the title it sets. */
async function titleOf(script: string): Promise<string> {
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : `<!doctype html><title></title><script type="module" src="/page.js"></script>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction("document.title !== ''", undefined, { timeout: 15_000 });
    return await page.title();
  } finally {
    await browser.close();
    server.close();
  }
}

function chromiumPath(): string {
  const found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
    existsSync(path),
  );
  if (!found) throw new Error("no Chromium on this machine; .ci/run installs Debian's");
  return found;
}
