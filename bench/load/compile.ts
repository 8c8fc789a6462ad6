/**
 * Compiles the load generator when its sources are newer than the binary. Needs gcc (Debian: `apt install gcc`), and zlib for
 * the servers that compress (`apt install zlib1g-dev`).
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const BUILD_FOLDER = join(import.meta.dirname, "..", ".build");

/** Why the generator cannot read what a server compresses; undefined when it can. */
export function missingZlib(): string | undefined {
  return existsSync("/usr/include/zlib.h") ? undefined : "zlib is not installed: apt-get install zlib1g-dev";
}

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
  const libraries = missingZlib() === undefined ? ["-lz"] : [];
  execFileSync("gcc", [...flags, ...sources, ...libraries, "-o", binary], { stdio: ["ignore", "inherit", "inherit"] });
  return binary;
}
