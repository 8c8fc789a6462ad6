/** One player of the demo, in a process of its own: `listen` receives a file and checks it, `send` sends one. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { type RelayClient, type RelayConnection, RelayError, connect } from "../../client/index.ts";
import type { PlayerCounts, PlayerTask, Report } from "./reports.ts";

const VIRTUAL_PORT = 7;
const CHUNK = 64 * 1024;

interface FileHeader {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

function report(message: Report): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function countsOf({ engine }: RelayConnection): PlayerCounts {
  const { framesSent, bytesSent, framesReceived, bytesReceived } = engine.counters;
  return { packetsSent: framesSent, bytesSent, packetsReceived: framesReceived, bytesReceived };
}

async function listen(relay: RelayClient): Promise<void> {
  const listener = relay.listen({ virtualPort: VIRTUAL_PORT });
  report({ kind: "listening" });
  for await (const connection of listener) {
    await connection.accept();
    await receiveFile(connection);
    return;
  }
}

async function receiveFile(connection: RelayConnection): Promise<void> {
  let header: FileHeader | undefined;
  let bytes = 0;
  const hash = createHash("sha256");
  for await (const { payload } of connection) {
    if (!header) {
      header = JSON.parse(new TextDecoder().decode(payload)) as FileHeader;
    } else {
      hash.update(payload);
      bytes += payload.length;
      report({ kind: "progress", bytes, total: header.size });
    }
    if (bytes === header.size) break;
  }
  const sha256 = hash.digest("hex");
  connection.send(sha256);
  await connection.closed;
  report({ kind: "received", sha256, matches: sha256 === header?.sha256, counts: countsOf(connection) });
}

async function send(relay: RelayClient, peer: bigint, path: string): Promise<void> {
  const sha256 = await hashFile(path);
  const connection = await relay.open(peer, { virtualPort: VIRTUAL_PORT });
  const started = performance.now();
  const file = await open(path);
  const { size } = await file.stat();
  await connection.write(JSON.stringify({ name: basename(path), size, sha256 } satisfies FileHeader));
  for await (const chunk of file.createReadStream({ highWaterMark: CHUNK }))
    await connection.write(chunk as Uint8Array);
  for await (const { payload } of connection) {
    if (new TextDecoder().decode(payload) !== sha256) throw new Error("the other player received something else");
    break;
  }
  const ms = performance.now() - started;
  const pingMs = connection.status().pingMs;
  await connection.close({ debug: "file sent" });
  report({ kind: "sent", pingMs, ms, counts: countsOf(connection) });
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path);
  for await (const chunk of file.createReadStream()) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

async function readTask(): Promise<PlayerTask> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += String(chunk);
  return JSON.parse(text) as PlayerTask;
}

async function playPart({ role, url, app, ticket, peer, file }: PlayerTask): Promise<void> {
  const relay = await connect({ url, app, ticket });
  relay.addEventListener("error", ({ detail }) => process.stderr.write(`${role}: ${detail.message}\n`));
  await (role === "listen" ? listen(relay) : send(relay, BigInt(peer), file));
  await relay.close();
}

try {
  await playPart(await readTask());
} catch (error) {
  if (!(error instanceof RelayError)) throw error;
  report({ kind: "failed", code: error.code, message: error.message });
  process.exitCode = 1;
}
