/** The servers that forward what names its destination, and do nothing else. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type BenchServer, freePort, peersByNumber, startProgram } from "./server.ts";
import { startWorker } from "./workerd.ts";

const PROGRAMS = join(import.meta.dirname, "..", "programs");

function barePeers(count: number) {
  return peersByNumber(count, (index) => `/?peer=${index}`);
}

function onWorkerd(name: string, title: string, file: string): BenchServer {
  const program = { file, className: "Forwarder", binding: "FORWARDER", protocol: "bare", peers: barePeers };
  return { name, title, missing: () => undefined, start: () => startWorker(program) };
}

export const bare = onWorkerd("bare", "bare forwarder on workerd, hibernating", "bare.js");
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
  start: () =>
    startWorker({
      file: "partyserver.js",
      className: "Relay",
      binding: "RELAY",
      protocol: "bare",
      peers: (count) => peersByNumber(count, (index) => `/parties/relay/bench?_pk=${index}`),
    }),
};

function onRuntime(
  name: string,
  title: string,
  command: () => string,
  file: string,
  missing: () => string | undefined,
) {
  return {
    name,
    title,
    missing,
    async start() {
      const port = await freePort();
      const { pid, stop } = await startProgram({
        command: command(),
        args: [join(PROGRAMS, file), String(port)],
        port,
      });
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

/** The binary itself: a shim in front of it would be another process. */
const bunBinary = (): string =>
  join(dirname(createRequire(import.meta.url).resolve("bun/package.json")), "bin", "bun.exe");

export const bareBun = onRuntime("bare-bun", "bare forwarder on Bun", bunBinary, "bare-bun.js", () => undefined);
export const bareWs = onRuntime(
  "bare-ws",
  "bare forwarder on Node with ws",
  () => process.execPath,
  "bare-ws.js",
  () => missingPackage("ws"),
);
