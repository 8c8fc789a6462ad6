/** The servers that forward what names its destination, and do nothing else. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { missingZlib } from "../load/compile.ts";
import { type BenchServer, freePort, peersByNumber, startProgram } from "./server.ts";
import { startWorker } from "./workerd.ts";

const PROGRAMS = join(import.meta.dirname, "..", "programs");

function barePeers(count: number) {
  return peersByNumber(count, (index) => `/?peer=${index}`);
}

const FORWARDER = { className: "Forwarder", binding: "FORWARDER", protocol: "bare", peers: barePeers };

function onWorkerd(name: string, title: string, file: string): BenchServer {
  return { name, title, missing: () => undefined, start: () => startWorker({ ...FORWARDER, file }) };
}

export const bare = onWorkerd("bare", "bare forwarder on workerd, hibernating", "bare.js");
export const bareDeflate: BenchServer = {
  name: "bare-deflate",
  title: "bare forwarder on workerd, hibernating, permessage-deflate on",
  missing: missingZlib,
  start: () => startWorker({ ...FORWARDER, file: "bare.js", isDeflated: true }),
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

/** The binary itself: a shim in front of it would be another process. */
const binaryIn = (name: string, ...path: string[]): string =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), ...path);

export const bareBun = onRuntime(
  "bare-bun",
  "bare forwarder on Bun",
  () => [binaryIn("bun", "bin", "bun.exe")],
  "bare-bun.js",
  () => undefined,
);
/** Its package puts the binary there when it is first run. */
const denoBinary = (): string => binaryIn("deno", "deno");
export const bareDeno = onRuntime(
  "bare-deno",
  "bare forwarder on Deno",
  () => [denoBinary(), "run", "--no-config", "--no-lock", "--allow-net=127.0.0.1"],
  "bare-deno.js",
  () => (existsSync(denoBinary()) ? undefined : "Deno's binary is not there: npx deno --version"),
);
export const bareWs = onRuntime(
  "bare-ws",
  "bare forwarder on Node with ws",
  () => [process.execPath],
  "bare-ws.js",
  () => missingPackage("ws"),
);
