/** Compiles the load generator when its sources are newer than the binary. Needs gcc (Debian: `apt install gcc`). */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const BUILD_FOLDER = join(import.meta.dirname, "..", ".build");

/** The binary's path. */
export function compileLoad(): string {
  const binary = join(BUILD_FOLDER, "load");
  const files = readdirSync(import.meta.dirname).map((name) => join(import.meta.dirname, name));
  const sources = files.filter((path) => path.endsWith(".c"));
  const newest = Math.max(...files.filter((path) => /\.[ch]$/.test(path)).map((path) => statSync(path).mtimeMs));
  const built = statSync(binary, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built >= newest) return binary;
  mkdirSync(BUILD_FOLDER, { recursive: true });
  const flags = ["-std=gnu17", "-O2", "-g", "-Wall", "-Wextra", "-Werror"];
  execFileSync("gcc", [...flags, ...sources, "-o", binary], { stdio: ["ignore", "inherit", "inherit"] });
  return binary;
}
