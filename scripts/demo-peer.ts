/** One peer of the demo, in a process of its own: `listen` receives a file and checks it, `send` sends one. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { type RelayClient, type RelayConnection, connect } from "../src/client/index.ts";

const VIRTUAL_PORT = 7;
const CHUNK = 64 * 1024;

interface PeerArguments {
  readonly role: "listen" | "send";
  readonly url: string;
  readonly app: number;
  readonly ticket: string;
  readonly peer: string;
  readonly file: string;
}

/** What a peer counted of data frames, to be held against the relay's statistics. */
export interface PeerCounts {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
}

export type PeerReport =
  | { readonly kind: "listening" }
  | { readonly kind: "progress"; readonly bytes: number; readonly total: number }
  | { readonly kind: "received"; readonly sha256: string; readonly matches: boolean; readonly counts: PeerCounts }
  | {
      readonly kind: "sent";
      readonly sha256: string;
      readonly pingMs: number;
      readonly ms: number;
      readonly counts: PeerCounts;
    };

interface FileHeader {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

function report(message: PeerReport): void {
  process.send?.(message);
}

function countsOf({ engine }: RelayConnection): PeerCounts {
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
    if (new TextDecoder().decode(payload) !== sha256) throw new Error("the other peer received something else");
    break;
  }
  const ms = performance.now() - started;
  const pingMs = connection.status().pingMs;
  await connection.close({ debug: "file sent" });
  report({ kind: "sent", sha256, pingMs, ms, counts: countsOf(connection) });
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path);
  for await (const chunk of file.createReadStream()) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

const options = JSON.parse(process.argv[2] ?? "{}") as PeerArguments;
const relay = await connect({ url: options.url, app: options.app, ticket: options.ticket });
relay.addEventListener("error", ({ detail }) => console.error(`${options.role}: ${detail.message}`));
await (options.role === "listen" ? listen(relay) : send(relay, BigInt(options.peer), options.file));
await relay.close();
process.disconnect?.();
