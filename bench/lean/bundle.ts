/** The relay with twins in place of some of its modules (twins.ts), bundled as a deployment would be. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Plugin, build } from "esbuild";
import { buildBundle } from "../../scripts/workerd-bundle.ts";
import { TWINS } from "./twins.ts";

const SOURCES = resolve(import.meta.dirname, "../../src");
/** Wrangler finds its configuration above the entry. */
const BUILD_FOLDER = join(import.meta.dirname, "..", ".build");
const ENTRY = join(SOURCES, "runtime/cloudflare/worker.ts");

/** Fails when an original is not imported any more: the bundle would have what it is said to be without. */
export async function buildLeanBundle(folder: string): Promise<void> {
  mkdirSync(BUILD_FOLDER, { recursive: true });
  const step = mkdtempSync(join(BUILD_FOLDER, "lean-"));
  const replaced = new Set<string>();
  const outfile = join(step, "worker.js");
  const external = ["cloudflare:*", "node:*"];
  try {
    const plugins = [twins(replaced)];
    await build({ entryPoints: [ENTRY], bundle: true, format: "esm", target: "es2024", external, plugins, outfile });
    const missed = Object.keys(TWINS).filter((original) => !replaced.has(original));
    if (missed.length > 0) throw new Error(`bench/lean/twins.ts: nothing imports src/${missed.join(", src/")}`);
    buildBundle(folder, outfile);
  } finally {
    rmSync(step, { recursive: true, force: true });
  }
}

/** A twin itself gets the original. */
function twins(replaced: Set<string>): Plugin {
  return {
    name: "lean twins",
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        if (resolveDir === import.meta.dirname) return undefined;
        const original = resolve(resolveDir, path).slice(SOURCES.length + 1);
        const twin = TWINS[original];
        if (twin === undefined) return undefined;
        replaced.add(original);
        return { path: join(import.meta.dirname, twin) };
      });
    },
  };
}
