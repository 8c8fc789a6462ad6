/** Two clients with identities, over a relay that runs and knows nothing of it. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signIdentity } from "../../src/auth/sign-identity.ts";
import {
  type EncryptOptions,
  type SecureConnection,
  encrypt,
  generateIdentity,
} from "../../src/client/encryption/index.ts";
import { type RelayClient, type RelayConnection, connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { workerdBinary } from "../../scripts/workerd-bundle.ts";
import { testTicket } from "../support/tickets.ts";
import { keyPair } from "../unit/auth/keys.ts";

let relay: RunningRelay;
let nextPeer = 76561197960390000n;
const backend = await keyPair("ES256", "backend");

beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(() => relay[Symbol.asyncDispose]());

interface Player {
  readonly client: RelayClient;
  readonly options: EncryptOptions;
}

async function join(vouchedFor?: bigint): Promise<Player> {
  const peer = nextPeer++;
  const client = await connect({
    url: relay.url,
    app: 480,
    ticket: await testTicket({ peer: String(peer), app: 480 }),
  });
  const identity = await generateIdentity();
  const claims = { peer: vouchedFor ?? peer, app: 480, key: identity.publicKey };
  const certificate = await signIdentity(claims, backend.privateKey);
  return { client, options: { identity, certificate, issuers: [backend.publicKey] } };
}

async function connected(a: Player, b: Player): Promise<[RelayConnection, RelayConnection]> {
  const listener = b.client.listen({ virtualPort: 9 });
  const opening = a.client.open(b.client.peer, { virtualPort: 9 });
  const { value: incoming } = await listener[Symbol.asyncIterator]().next();
  if (!incoming) throw new Error("the listener ended");
  await incoming.accept();
  return [await opening, incoming];
}

async function secured(): Promise<[SecureConnection, SecureConnection]> {
  const [a, b] = await Promise.all([join(), join()]);
  const [toB, toA] = await connected(a, b);
  return Promise.all([encrypt(toB, a.options), encrypt(toA, b.options)]);
}

test("messages both ways, large and small, reliable and not", async () => {
  const [a, b] = await secured();
  expect(a.peerCertificate.peer).toBe(a.peer);
  const large = new Uint8Array(400_000).map((_, i) => i % 251);
  await a.write(large);
  for (let i = 0; i < 500; i++) await a.write(`message ${i}`);
  for (let i = 0; i < 20; i++) b.send(`state ${i}`, { reliable: false });
  const texts: string[] = [];
  let isFirst = true;
  for await (const { payload } of b) {
    if (isFirst) expect(payload).toEqual(large);
    else texts.push(new TextDecoder().decode(payload));
    isFirst = false;
    if (texts.length === 500) break;
  }
  expect(texts).toEqual(Array.from({ length: 500 }, (_, i) => `message ${i}`));
  let states = 0;
  for await (const message of a) {
    expect(message.reliable).toBe(false);
    if (++states === 20) break;
  }
  await a.close({ reason: 1234 });
  expect(await b.closed).toMatchObject({ reason: 1234, closedBy: "peer" });
});

test("what is sent just before the close arrives", async () => {
  const [a, b] = await secured();
  for (let i = 0; i < 100; i++) a.send(`${i}`);
  void a.close();
  let count = 0;
  for await (const _ of b) count++;
  expect(count).toBe(100);
});

test("a certificate of somebody else ends the connection for both, with the reason", async () => {
  const [a, b] = await Promise.all([join(), join(1n)]);
  const [toB, toA] = await connected(a, b);
  const both = await Promise.allSettled([encrypt(toB, a.options), encrypt(toA, b.options)]);
  expect(both[0]).toMatchObject({ status: "rejected", reason: { code: "certificate_wrong_peer" } });
  expect(both[1]).toMatchObject({ status: "rejected", reason: { code: "handshake_failed" } });
  expect(await toA.closed).toMatchObject({ reason: 2000, debug: expect.stringContaining("certificate_wrong_peer") });
});

const run = promisify(execFile);
const modules = joinPath(import.meta.dirname, "../../node_modules");
const found = (...paths: string[]): string => {
  const path = paths.find((each) => existsSync(each));
  if (path === undefined) throw new Error(`none of these is on this machine: ${paths.join(", ")}`);
  return path;
};
async function bundle(code: string): Promise<string> {
  const resolveDir = joinPath(import.meta.dirname, "../unit/encryption");
  const contents = `import { selfTest, storageTest } from "./self-test.ts";\n${code}`;
  const options = { bundle: true, format: "esm", write: false, platform: "browser" } as const;
  const { outputFiles } = await build({ stdin: { contents, resolveDir, loader: "ts" }, ...options });
  return outputFiles[0]?.text ?? "";
}

describe("the WebCrypto of every runtime has what it takes", () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(joinPath(tmpdir(), "edge-relay-e2ee-"))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function script(): Promise<string> {
    const path = joinPath(folder, "self-test.mjs");
    writeFileSync(path, await bundle("console.log(await selfTest());"));
    return path;
  }

  test("Node", async () => {
    expect((await run(process.execPath, [await script()])).stdout.trim()).toBe("ok");
  });

  test("Bun", async () => {
    const bun = found(
      ...["x64", "aarch64"].map((cpu) => `${modules}/@oven/bun-linux-${cpu}/bin/bun`),
      `${modules}/bun/bin/bun.exe`,
    );
    expect((await run(bun, ["run", await script()])).stdout.trim()).toBe("ok");
  });

  test("Deno", async () => {
    const deno = found(
      ...["x64", "arm64"].map((cpu) => `${modules}/@deno/linux-${cpu}-glibc/deno`),
      `${modules}/deno/deno`,
    );
    expect((await run(deno, ["run", await script()])).stdout.trim()).toBe("ok");
  });

  test("workerd", async () => {
    const code = `export default { async test() { const verdict = await selfTest(); if (verdict !== "ok") throw new Error(verdict); } };`;
    writeFileSync(joinPath(folder, "worker.mjs"), await bundle(code));
    const config = joinPath(folder, "self-test.capnp");
    writeFileSync(
      config,
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "self-test", worker = .worker)]);
const worker :Workerd.Worker = (modules = [(name = "worker.mjs", esModule = embed "worker.mjs")], compatibilityDate = "2025-01-01");
`,
    );
    const { stderr } = await run(workerdBinary(), ["test", config]);
    expect(stderr).toContain("[ PASS ]");
  });

  test("Chromium, which also keeps an identity in IndexedDB", async () => {
    const code = "Promise.all([selfTest(), storageTest()]).then((all) => { document.title = all.join(); });";
    const page = `<!doctype html><title></title><script type="module">${(await bundle(code)).replaceAll("</", "<\\/")}</script>`;
    const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(page));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const executablePath = found("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome");
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    try {
      const tab = await browser.newPage();
      await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await tab.waitForFunction("document.title !== ''", undefined, { timeout: 15_000 });
      expect(await tab.title()).toBe("ok,stored");
    } finally {
      await browser.close();
      server.close();
    }
  });
});
