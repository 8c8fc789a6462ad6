/** Processes of our own, on the runtime that runs this one. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { extname, join } from "node:path";
import process from "node:process";

/**
 * `module` is a file of this folder without its ending, which is that of this file: sources run as they are, too. Deno makes
 * arguments of its own from those of Node.
 */
export function spawnModule(module: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const file = join(import.meta.dirname, `${module}${extname(import.meta.filename)}`);
  return spawn(process.execPath, [...process.execArgv, file, ...args], options);
}
