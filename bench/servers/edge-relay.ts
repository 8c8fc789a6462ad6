/** Our relay on `workerd serve`, from the bundle that a deployment would get. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signTicket } from "../../src/auth/sign-ticket.ts";
import { SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX } from "../../src/protocol/index.ts";
import { buildBundle, workerdBinary, writeWorkerdConfig } from "../../scripts/workerd-bundle.ts";
import { buildLeanBundle } from "../lean/bundle.ts";
import { missingZlib } from "../load/compile.ts";
import { type BenchServer, type PeerAddress, type RunningServer, freePort, startProgram } from "./server.ts";
import { DEFLATED } from "./workerd.ts";

const APP = 480;
const SECRET = "bench-secret-of-at-least-thirty-two-bytes";
const FIRST_PEER = 76_561_197_960_287_930n;
/** What a load may meet, and is not there to measure. */
const OPEN = {
  joinsPerMinute: 0,
  connectBurst: 65_536,
  connectsPerSecond: 65_536,
  maxPeers: 32_768,
  paceIntervalMs: 0,
};
const UNLIMITED = { ...OPEN, messagesPerSecond: 0, bytesPerSecond: 0 };
/** With hints when to tick, as often as by default. */
const PACED = { ...UNLIMITED, paceIntervalMs: 2_000 };
/** Phases at random have come together by then (docs/client.md). */
const SETTLED_MS = 8_000;
/** All limits on, and never met. */
const LIMITED = {
  ...OPEN,
  messagesPerSecond: 100_000,
  bytesPerSecond: 1_000_000_000,
  connectionBytesPerSecond: 1_000_000_000,
};

/** Builds once: one bundle serves all runs, and takes seconds. */
function shared(buildInto: (folder: string) => Promise<void> | void): () => Promise<string> {
  let built: Promise<string> | undefined;
  const begin = async (): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-bench-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    await buildInto(folder);
    return folder;
  };
  return () => (built ??= begin());
}

const deployedBundle = shared((folder) => buildBundle(folder));
const leanBundle = shared(buildLeanBundle);

interface Variant {
  /** A folder with another `worker.js` than the one that ships. */
  readonly bundle?: string;
  readonly compatibilityFlags?: readonly string[];
}

async function start(settings: Readonly<Record<string, number>>, variant: Variant = {}): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-bench-"));
  const port = await freePort();
  const variables = {
    TICKET_SECRET: SECRET,
    ADMIN_TOKEN: "bench-admin-token-0123456789abcdef",
    APP_SETTINGS: JSON.stringify({ default: settings }),
  };
  const config = writeWorkerdConfig(variant.bundle ?? (await deployedBundle()), {
    folder,
    port,
    variables,
    compatibilityFlags: variant.compatibilityFlags,
  });
  const { pid, stop } = await startProgram({ command: workerdBinary(), args: ["serve", config], port });
  return {
    protocol: "edge-relay",
    port,
    pids: [pid],
    peers,
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The load generator finds a peer of a group by its id, so the ids are consecutive. */
function peers(count: number): Promise<PeerAddress[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const id = String(FIRST_PEER + BigInt(index));
      const ticket = await signTicket({ app: APP, peer: id }, SECRET);
      const subprotocols = [SUBPROTOCOL, `${TICKET_SUBPROTOCOL_PREFIX}${ticket}`];
      return { path: `/v1/apps/${APP}/connect`, id, subprotocols };
    }),
  );
}

export const edgeRelay: BenchServer = {
  name: "edge-relay",
  title: "edge-relay on workerd",
  missing: () => undefined,
  start: () => start(UNLIMITED),
};

export const edgeRelayLimited: BenchServer = {
  name: "edge-relay-limited",
  title: "edge-relay on workerd, all limits on",
  missing: () => undefined,
  start: () => start(LIMITED),
};

/** What batching in alone is worth: the same relay, whose clients send one frame per message. */
export const edgeRelayUnbatched: BenchServer = {
  name: "edge-relay-unbatched",
  title: "edge-relay on workerd, one packet per message",
  missing: () => undefined,
  start: async () => ({ ...(await start(UNLIMITED)), isUnbatched: true }),
};

/** Clients whose game loops follow the relay's hints: nothing is delayed. */
export const edgeRelayAligned: BenchServer = {
  name: "edge-relay-aligned",
  title: "edge-relay on workerd, clients' loops aligned",
  missing: () => undefined,
  start: async () => ({ ...(await start(PACED)), align: { by: "ticker", warmMs: SETTLED_MS } }),
};

/** Clients that hold back what they send by up to 3 ms, as the client does by default; that counts as latency. */
export const edgeRelayDelayed: BenchServer = {
  name: "edge-relay-delayed",
  title: "edge-relay on workerd, sending up to 3 ms later",
  missing: () => undefined,
  start: async () => ({ ...(await start(PACED)), align: { by: "delay", maxDelayMs: 3, warmMs: SETTLED_MS } }),
};

/** The same relay as a deployment that has turned permessage-deflate on. */
export const edgeRelayDeflate: BenchServer = {
  name: "edge-relay-deflate",
  title: "edge-relay on workerd, permessage-deflate on",
  missing: missingZlib,
  start: async () => ({ ...(await start(UNLIMITED, { compatibilityFlags: DEFLATED })), isDeflated: true }),
};

/** What reliability, statistics, credits and limits cost is told by leaving all of them out (bench/lean/). */
export const edgeRelayLean: BenchServer = {
  name: "edge-relay-lean",
  title: "edge-relay on workerd, without statistics, credits and limits",
  missing: () => undefined,
  start: async () => start(UNLIMITED, { bundle: await leanBundle() }),
};
