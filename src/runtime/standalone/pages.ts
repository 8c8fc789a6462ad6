import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { PageFiles } from "../../http/pages.ts";

/**
 * `dist/pages` of the package that this file is in, wherever it was built to. Read anew each time: pages are asked for
 * seldom, and a developer may have built others meanwhile. The paths are those that http/pages.ts lets through.
 */
export function packagePages(): PageFiles {
  const folder = pagesFolder();
  return {
    async read(path) {
      try {
        return Uint8Array.from(await readFile(new URL(path, folder)));
      } catch (error) {
        const { code } = error as { code?: unknown };
        if (code === "ENOENT" || code === "ENOTDIR") return undefined;
        throw error;
      }
    },
  };
}

function pagesFolder(): URL {
  for (let folder = new URL("./", import.meta.url); ; folder = new URL("../", folder)) {
    if (existsSync(new URL("package.json", folder))) return new URL("dist/pages/", folder);
    if (folder.pathname === "/") throw new Error(`there is no package.json above ${import.meta.url}`);
  }
}
