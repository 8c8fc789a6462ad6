/** Our relay on `workerd serve`, from the bundle that a deployment would get. */
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { signTicket } from "../../src/auth/sign-ticket.ts";
import { SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX } from "../../src/protocol/index.ts";
import { buildBundle, workerdBinary, writeWorkerdConfig } from "../../scripts/workerd-bundle.ts";
import { type BenchServer, type PeerAddress, type RunningServer, freePort, startProgram } from "./server.ts";

const APP = 480;
export const SECRET = "bench-secret-of-at-least-thirty-two-bytes";
const FIRST_PEER = 76_561_197_960_287_930n;
/** What a load may meet, and is not there to measure. */
const OPEN = { joinsPerMinute: 0, connectBurst: 65_536, connectsPerSecond: 65_536, maxPeers: 32_768 };
const UNLIMITED = { ...OPEN, messagesPerSecond: 0, bytesPerSecond: 0 };
/** All limits on, and never met. */
const LIMITED = {
  ...OPEN,
  messagesPerSecond: 100_000,
  bytesPerSecond: 1_000_000_000,
  connectionBytesPerSecond: 1_000_000_000,
};

/** By the file that is built in place of our own `worker.ts`. */
const bundles = new Map<string | undefined, string>();

/** One bundle serves all runs: it takes seconds. */
function sharedBundle(entry: string | undefined): string {
  let folder = bundles.get(entry);
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "edge-relay-bench-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    buildBundle(made, entry);
    // wrangler names what it builds like its entry.
    if (entry !== undefined) renameSync(join(made, basename(entry).replace(/ts$/, "js")), join(made, "worker.js"));
    bundles.set(entry, (folder = made));
  }
  return folder;
}

async function start(
  settings: Readonly<Record<string, number>>,
  more: readonly string[] = [],
  entry?: string,
): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-bench-"));
  const port = await freePort();
  const variables = {
    TICKET_SECRET: SECRET,
    ADMIN_TOKEN: "bench-admin-token-0123456789abcdef",
    APP_SETTINGS: JSON.stringify({ default: settings }),
  };
  const config = writeWorkerdConfig(sharedBundle(entry), { folder, port, variables });
  const { pid, stop } = await startProgram({ command: workerdBinary(), args: ["serve", config, ...more], port });
  return {
    protocol: "edge-relay",
    port,
    pids: [pid],
    peers: (count) => ticketedPeers(count, () => `/v1/apps/${APP}/connect`),
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
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
  start: (more) => start(UNLIMITED, more),
};

export const edgeRelayLimited: BenchServer = {
  name: "edge-relay-limited",
  title: "edge-relay on workerd, all limits on",
  missing: () => undefined,
  start: (more) => start(LIMITED, more),
};

/** What batching in alone is worth: the same relay, whose clients send one frame per message. */
export const edgeRelayUnbatched: BenchServer = {
  name: "edge-relay-unbatched",
  title: "edge-relay on workerd, one packet per message",
  missing: () => undefined,
  start: async (more) => ({ ...(await start(UNLIMITED, more)), isUnbatched: true }),
};

/** With a count of its objects' lives (bench/waking.ts). */
export function edgeRelayBirths(): Promise<RunningServer> {
  return start(UNLIMITED, [], join(import.meta.dirname, "..", "programs", "edge-relay-births.ts"));
}
