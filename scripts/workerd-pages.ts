/**
 * The pages for a workerd of one's own: a second worker in its configuration, which has the files in it, so that the folder
 * needs no further argument. It answers as Cloudflare's static assets do: for exact paths, and 404 for all else.
 */
import { cpSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { PAGES_FOLDER } from "./build-pages.ts";

const FOLDER = "pages";
const MODULE = "pages.js";

/** Puts the built pages into `folder`. */
export function copyPages(folder: string, from: string = PAGES_FOLDER): void {
  cpSync(from, join(folder, FOLDER), { recursive: true });
}

export function hasPages(folder: string): boolean {
  return existsSync(join(folder, FOLDER));
}

/** For a configuration in `folder`, where copyPages has put the pages: in capnp, the worker that answers for them. */
export function pagesWorker(folder: string, compatibilityDate: string): string {
  const paths = readdirSync(join(folder, FOLDER), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith("_"))
    .map((entry) => relative(join(folder, FOLDER), join(entry.parentPath, entry.name)))
    .toSorted();
  writeFileSync(join(folder, MODULE), moduleOf(paths));
  const modules = paths.map((path) => `    (name = "${path}", data = embed "${FOLDER}/${path}"),`);
  return `const pages :Workerd.Worker = (
  modules = [
    (name = "${MODULE}", esModule = embed "${MODULE}"),
${modules.join("\n")}
  ],
  compatibilityDate = "${compatibilityDate}",
);
`;
}

function moduleOf(paths: readonly string[]): string {
  const imports = paths.map((path, i) => `import file${i} from "${path}";\n`);
  const entries = paths.map((path, i) => `  ["/${path}", file${i}],\n`);
  return `${imports.join("")}
const files = new Map([
${entries.join("")}]);

export default {
  fetch(request) {
    const file = files.get(new URL(request.url).pathname);
    return new Response(file ?? null, { status: file ? 200 : 404 });
  },
};
`;
}
