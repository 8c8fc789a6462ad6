/** `npm run demo`: two peers in two processes; one sends the other a file through a local relay, and all counts must agree. */
import { type ChildProcess, fork } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { signTicket } from "../src/auth/index.ts";
import type { PeerReport } from "./demo-peer.ts";
import { readDevVars } from "./dev-vars.ts";
import { useLocalRelay } from "./local-relay.ts";

const APP = 480;
const PEER_A = "76561197960287930";
const PEER_B = "76561197960287931";
const MIN_FILE_BYTES = 20 * 1024 * 1024;
const REPORT_TIMEOUT_MS = 300_000;

interface Statistics {
  readonly totalPackets: number;
  readonly totalBytes: number;
}

type Report<K extends PeerReport["kind"]> = Extract<PeerReport, { kind: K }>;

const { values } = parseArgs({
  options: { file: { type: "string" }, url: { type: "string", default: "http://127.0.0.1:8787" } },
});
const { url } = values;
const file = values.file ?? largeFile("node_modules");

const relay = await useLocalRelay(url);
const children: ChildProcess[] = [];
let failed = true;
try {
  failed = !(await demonstrate());
} finally {
  for (const child of children) child.kill();
  await relay.stop();
}
process.exitCode = failed ? 1 : 0;

async function demonstrate(): Promise<boolean> {
  console.log(`relay     ${url} (${relay.wasStarted ? "started for this demo" : "already running"})`);
  const vars = { ...readDevVars(".dev.vars"), ...process.env } as Record<string, string | undefined>;
  const { TICKET_SECRET: secret, ADMIN_TOKEN: adminToken } = vars;
  if (!secret || !adminToken) {
    throw new Error(
      "TICKET_SECRET and ADMIN_TOKEN are needed: from .dev.vars (npm start writes it) or the environment",
    );
  }
  const before = await statistics(adminToken);
  const listener = await startPeer("listen", PEER_B, secret);
  await reported(listener, "listening");
  listener.on("message", (message: PeerReport) => {
    if (message.kind === "progress") showProgress(message.bytes, message.total);
  });
  const sender = await startPeer("send", PEER_A, secret);
  const [sent, received] = await Promise.all([reported(sender, "sent"), reported(listener, "received")]);
  return conclude(sent, received, difference(await statistics(adminToken), before));
}

async function startPeer(role: "listen" | "send", peer: string, secret: string): Promise<ChildProcess> {
  const ticket = await signTicket({ peer, app: APP, expiresInSeconds: 600 }, secret);
  const options = JSON.stringify({ role, url, app: APP, ticket, peer: PEER_B, file });
  const child = fork(join(import.meta.dirname, "demo-peer.ts"), [options], {
    execArgv: ["--experimental-strip-types", "--no-warnings"],
  });
  children.push(child);
  return child;
}

function reported<K extends PeerReport["kind"]>(child: ChildProcess, kind: K): Promise<Report<K>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no "${kind}" within ${REPORT_TIMEOUT_MS} ms`)), REPORT_TIMEOUT_MS);
    child.on("message", (message: PeerReport) => {
      if (message.kind !== kind) return;
      clearTimeout(timer);
      resolve(message as Report<K>);
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`a peer ended with ${code} before it reported "${kind}"`));
    });
  });
}

async function statistics(adminToken: string): Promise<Statistics> {
  const response = await fetch(`${url}/v1/admin/apps/${APP}/statistics`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  if (!response.ok) throw new Error(`the relay's statistics answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Statistics;
}

function difference(after: Statistics, before: Statistics): Statistics {
  return {
    totalPackets: after.totalPackets - before.totalPackets,
    totalBytes: after.totalBytes - before.totalBytes,
  };
}

function conclude(sent: Report<"sent">, received: Report<"received">, relayed: Statistics): boolean {
  const { counts: a } = sent;
  const { counts: b } = received;
  const packets = a.packetsSent + b.packetsSent;
  const bytes = a.bytesSent + b.bytesSent;
  const agrees =
    a.packetsSent === b.packetsReceived &&
    b.packetsSent === a.packetsReceived &&
    a.bytesSent === b.bytesReceived &&
    b.bytesSent === a.bytesReceived &&
    relayed.totalPackets === packets &&
    relayed.totalBytes === bytes;
  const megabytes = bytes / 1_000_000;
  console.log(`\nfile      ${file}`);
  console.log(`sha-256   ${received.sha256} ${received.matches ? "matches" : "DIFFERS"}`);
  console.log(`peers     ${packets} packets, ${bytes} bytes`);
  console.log(
    `relay     ${relayed.totalPackets} packets, ${relayed.totalBytes} bytes ${agrees ? "agrees" : "DISAGREES"}`,
  );
  console.log(`speed     ${(megabytes / (sent.ms / 1000)).toFixed(1)} MB/s, round trip ${sent.pingMs.toFixed(1)} ms`);
  return received.matches && agrees;
}

/** The smallest file of the install that is large enough to be worth watching. */
function largeFile(folder: string): string {
  const candidates = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, size: statSync(path).size }))
    .filter(({ size }) => size >= MIN_FILE_BYTES)
    .toSorted((x, y) => x.size - y.size);
  const smallest = candidates[0];
  if (!smallest) throw new Error(`no file of 20 MB under ${folder}; name one with --file`);
  return smallest.path;
}

function showProgress(bytes: number, total: number): void {
  if (!process.stdout.isTTY) return;
  const share = total === 0 ? 1 : bytes / total;
  const bar = "█".repeat(Math.floor(share * 40)).padEnd(40, "░");
  process.stdout.write(`\r${bar} ${(share * 100).toFixed(0).padStart(3)} %  ${(bytes / 1_000_000).toFixed(1)} MB`);
}
