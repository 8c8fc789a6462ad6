/** The runtimes that the relay runs on, as the npm packages bring them. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export const RUNTIMES = ["workerd", "node", "bun", "deno"] as const;
export type Runtime = (typeof RUNTIMES)[number];
/** Those that `edge-relay serve` runs on: one process for everything. */
export type StandaloneRuntime = Exclude<Runtime, "workerd">;
export const STANDALONE = RUNTIMES.filter((runtime) => runtime !== "workerd");

/** What the names of the projects begin with that run test/contract, each against one runtime (vitest.config.ts). */
export const CONTRACT_PROJECT = "contract:";

/** Which relay these tests are run against: set by each of the contract's projects, or `RELAY_RUNTIME=bun npm run …`. */
export function chosenRuntime(): Runtime {
  const name = process.env["RELAY_RUNTIME"] ?? "workerd";
  const runtime = RUNTIMES.find((known) => known === name);
  if (!runtime) throw new Error(`RELAY_RUNTIME is "${name}" and must be one of ${RUNTIMES.join(", ")}`);
  return runtime;
}

const ROOT = join(import.meta.dirname, "../..");

export interface ProcessCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * As `npm run start:node` has it. By default Node 24 lets the space for new objects grow to 128 MiB when many peers join at once,
 * and keeps it: 9 KiB for each of 10,000 idle peers. What a relay makes for a message is garbage after it, and fits in 16.
 */
export const NODE_HEAP = "--max-semi-space-size=16";

/** The relay's own process, with no npm or shim in front of it, so that its pid is the relay's. */
export function serveCommand(runtime: StandaloneRuntime): ProcessCommand {
  const permissions = ["net", "env", "read", "write", "sys"].map((name) => `--allow-${name}`);
  return cliCommand(runtime, ["serve"], permissions);
}

/** `edge-relay` from the sources. */
export function cliCommand(
  runtime: StandaloneRuntime,
  args: readonly string[],
  permissions?: readonly string[],
): ProcessCommand {
  return scriptCommand(runtime, join(ROOT, "src/cli/main.ts"), args, permissions);
}

export function scriptCommand(
  runtime: StandaloneRuntime,
  script: string,
  args: readonly string[] = [],
  permissions: readonly string[] = ["--allow-all"],
): ProcessCommand {
  switch (runtime) {
    case "node":
      return {
        file: process.execPath,
        args: [NODE_HEAP, "--experimental-strip-types", "--no-warnings", script, ...args],
      };
    case "bun":
      return { file: bunBinary(), args: ["run", script, ...args] };
    case "deno": {
      const flags = ["--no-prompt", "--node-modules-dir=manual", ...permissions];
      return { file: denoBinary(), args: ["run", ...flags, script, ...args] };
    }
  }
}

export function denoBinary(): string {
  return nativeBinary("deno", [
    "@deno/linux-x64-glibc/deno",
    "@deno/linux-arm64-glibc/deno",
    "@deno/darwin-arm64/deno",
    "deno/deno",
  ]);
}

export function bunBinary(): string {
  return nativeBinary("bun", [
    "@oven/bun-linux-x64/bin/bun",
    "@oven/bun-linux-aarch64/bin/bun",
    "@oven/bun-darwin-aarch64/bin/bun",
    "bun/bin/bun.exe",
  ]);
}

/** The binaries that came with the npm packages, also when their install scripts were not run. */
function nativeBinary(name: string, candidates: readonly string[]): string {
  const found = candidates.map((path) => join(ROOT, "node_modules", path)).find((path) => existsSync(path));
  if (!found) throw new Error(`the npm package of ${name} brought no binary for this machine`);
  return found;
}
