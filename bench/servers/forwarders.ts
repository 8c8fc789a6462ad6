/** The servers that forward what names its destination, and do nothing else. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { NODE_HEAP, bunBinary, denoBinary } from "../../test/support/runtimes.ts";
import { missingZlib } from "../load/compile.ts";
import { type BenchServer, freePort, peersByNumber, startProgram } from "./server.ts";
import { missingRuntime } from "./standalone.ts";
import { startWorker } from "./workerd.ts";

const PROGRAMS = join(import.meta.dirname, "..", "programs");

function barePeers(count: number) {
  return peersByNumber(count, (index) => `/?peer=${index}`);
}

const FORWARDER = { className: "Forwarder", binding: "FORWARDER", protocol: "bare", peers: barePeers };

function onWorkerd(name: string, title: string, file: string): BenchServer {
  return { name, title, missing: () => undefined, start: (more) => startWorker({ ...FORWARDER, file }, more) };
}

export const bare = onWorkerd("bare", "bare forwarder on workerd, hibernating", "bare.js");
export const bareDeflate: BenchServer = {
  name: "bare-deflate",
  title: "bare forwarder on workerd, hibernating, permessage-deflate on",
  missing: missingZlib,
  start: (more) => startWorker({ ...FORWARDER, file: "bare.js", isDeflated: true }, more),
};
export const bareStandard = onWorkerd(
  "bare-standard",
  "bare forwarder on workerd, standard sockets",
  "bare-standard.js",
);

/** A package of bench/package.json, and what to do where it is not installed. */
export function missingPackage(name: string): string | undefined {
  const isThere = existsSync(join(PROGRAMS, "..", "node_modules", name, "package.json"));
  return isThere ? undefined : `${name} is not installed: npm install --prefix bench`;
}

export const partyserver: BenchServer = {
  name: "partyserver",
  title: "PartyServer on workerd, hibernating",
  missing: () => missingPackage("partyserver"),
  start: (more) =>
    startWorker(
      {
        file: "partyserver.js",
        className: "Relay",
        binding: "RELAY",
        protocol: "bare",
        peers: (count) => peersByNumber(count, (index) => `/parties/relay/bench?_pk=${index}`),
      },
      more,
    ),
};

function onRuntime(
  name: string,
  title: string,
  command: () => readonly string[],
  file: string,
  missing: () => string | undefined,
) {
  return {
    name,
    title,
    missing,
    async start() {
      const port = await freePort();
      const [binary = "", ...options] = command();
      const args = [...options, join(PROGRAMS, file), String(port)];
      const { pid, stop } = await startProgram({ command: binary, args, port });
      return {
        protocol: "bare",
        port,
        pids: [pid],
        peers: barePeers,
        stop,
      };
    },
  } satisfies BenchServer;
}

export const bareBun = onRuntime(
  "bare-bun",
  "bare forwarder on Bun",
  () => [bunBinary()],
  "bare-bun.js",
  () => missingRuntime("bun"),
);
export const bareDeno = onRuntime(
  "bare-deno",
  "bare forwarder on Deno",
  () => [denoBinary(), "run", "--no-config", "--no-lock", "--allow-net=127.0.0.1"],
  "bare-deno.js",
  () => missingRuntime("deno"),
);
export const bareWs = onRuntime(
  "bare-ws",
  "bare forwarder on Node with ws",
  () => [process.execPath, NODE_HEAP],
  "bare-ws.js",
  () => missingPackage("ws"),
);
