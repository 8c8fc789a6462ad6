/** Our relay on `workerd serve`, from the bundle that a deployment would get. */
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { signTicket } from "../../src/auth/sign-ticket.ts";
import { SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX } from "../../src/protocol/index.ts";
import { buildBundle, workerdBinary, writeWorkerdConfig } from "../../scripts/workerd-bundle.ts";
import { buildLeanBundle } from "../lean/bundle.ts";
import { missingZlib } from "../load/compile.ts";
import { type BenchServer, type PeerAddress, type RunningServer, freePort, startProgram } from "./server.ts";
import { DEFLATED } from "./workerd.ts";

const APP = 480;
export const SECRET = "bench-secret-of-at-least-thirty-two-bytes";
const FIRST_PEER = 76_561_197_960_287_930n;
/** What a load may meet, and is not there to measure. */
const OPEN = {
  joinsPerMinute: 0,
  connectBurst: 65_536,
  connectsPerSecond: 65_536,
  maxPeers: 32_768,
  paceIntervalMs: 0,
};
export const UNLIMITED = { ...OPEN, messagesPerSecond: 0, bytesPerSecond: 0 };
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

const BIRTHS = join(import.meta.dirname, "..", "programs", "edge-relay-births.ts");

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
const birthsBundle = shared((folder) => {
  buildBundle(folder, BIRTHS);
  // wrangler names what it builds like its entry.
  renameSync(join(folder, basename(BIRTHS).replace(/ts$/, "js")), join(folder, "worker.js"));
});

interface Variant {
  /** A folder with another `worker.js` than the one that ships. */
  readonly bundle?: string;
  readonly compatibilityFlags?: readonly string[];
  /** More arguments for workerd. */
  readonly more?: readonly string[] | undefined;
}

async function start(settings: Readonly<Record<string, number>>, variant: Variant = {}): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-bench-"));
  const port = await freePort();
  const config = writeWorkerdConfig(variant.bundle ?? (await deployedBundle()), {
    folder,
    port,
    variables: variablesFor(settings),
    compatibilityFlags: variant.compatibilityFlags,
  });
  const args = ["serve", config, ...(variant.more ?? [])];
  const { pid, stop } = await startProgram({ command: workerdBinary(), args, port });
  return {
    protocol: "edge-relay",
    port,
    pids: [pid],
    peers: relayPeers,
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function variablesFor(settings: Readonly<Record<string, number>>): Record<string, string> {
  return {
    TICKET_SECRET: SECRET,
    ADMIN_TOKEN: "bench-admin-token-0123456789abcdef",
    APP_SETTINGS: JSON.stringify({ default: settings }),
  };
}

export function relayPeers(count: number): Promise<PeerAddress[]> {
  return ticketedPeers(count, () => `/v1/apps/${APP}/connect`);
}

/** The load generator finds a peer of a group by its id, so the ids are consecutive. */
export function ticketedPeers(count: number, pathOf: (index: number) => string): Promise<PeerAddress[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const id = String(FIRST_PEER + BigInt(index));
      const ticket = await signTicket({ app: APP, peer: id }, SECRET);
      const subprotocols = [SUBPROTOCOL, `${TICKET_SUBPROTOCOL_PREFIX}${ticket}`];
      return { path: pathOf(index), id, subprotocols };
    }),
  );
}

export const edgeRelay: BenchServer = {
  name: "edge-relay",
  title: "edge-relay on workerd",
  missing: () => undefined,
  start: (more) => start(UNLIMITED, { more }),
};

export const edgeRelayLimited: BenchServer = {
  name: "edge-relay-limited",
  title: "edge-relay on workerd, all limits on",
  missing: () => undefined,
  start: (more) => start(LIMITED, { more }),
};

/** What batching in alone is worth: the same relay, whose clients send one frame per message. */
export const edgeRelayUnbatched: BenchServer = {
  name: "edge-relay-unbatched",
  title: "edge-relay on workerd, one packet per message",
  missing: () => undefined,
  start: async (more) => ({ ...(await start(UNLIMITED, { more })), isUnbatched: true }),
};

/** Clients whose game loops follow the relay's hints: nothing is delayed. */
export const edgeRelayAligned: BenchServer = {
  name: "edge-relay-aligned",
  title: "edge-relay on workerd, clients' loops aligned",
  missing: () => undefined,
  start: async (more) => ({ ...(await start(PACED, { more })), align: { by: "ticker", warmMs: SETTLED_MS } }),
};

/** Clients that hold back what they send by up to 3 ms, as the client does by default; that counts as latency. */
export const edgeRelayDelayed: BenchServer = {
  name: "edge-relay-delayed",
  title: "edge-relay on workerd, sending up to 3 ms later",
  missing: () => undefined,
  start: async (more) => ({
    ...(await start(PACED, { more })),
    align: { by: "delay", maxDelayMs: 3, warmMs: SETTLED_MS },
  }),
};

/** The same relay as a deployment that has turned permessage-deflate on. */
export const edgeRelayDeflate: BenchServer = {
  name: "edge-relay-deflate",
  title: "edge-relay on workerd, permessage-deflate on",
  missing: missingZlib,
  start: async (more) => ({ ...(await start(UNLIMITED, { compatibilityFlags: DEFLATED, more })), isDeflated: true }),
};

/** What reliability, statistics, credits and limits cost is told by leaving all of them out (bench/lean/). */
export const edgeRelayLean: BenchServer = {
  name: "edge-relay-lean",
  title: "edge-relay on workerd, without statistics, credits and limits",
  missing: () => undefined,
  start: async (more) => start(UNLIMITED, { bundle: await leanBundle(), more }),
};

/** With a count of its objects' lives (bench/waking.ts). */
export async function edgeRelayBirths(): Promise<RunningServer> {
  return start(UNLIMITED, { bundle: await birthsBundle() });
}
