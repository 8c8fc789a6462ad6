/**
 * `npm run build:pages`: the pages as static files in dist/pages, one folder per page, as the URL has them. What a page
 * loads has a hash in its name and is never fetched twice. Safe to run while a relay serves the pages, or another build runs.
 */
import { mkdirSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { ASSET_CACHING, PAGE_HEADERS } from "../src/http/pages.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const PAGES_FOLDER = join(ROOT, "dist/pages");

interface Page {
  /** Folder in the URL and in dist/pages. */
  readonly path: string;
  /** Folder of the sources: an index.html, and the scripts and styles that it names. */
  readonly source: string;
  /** Bytes of everything in its folder, each file gzipped. */
  readonly budget: number;
}

export const PAGES: readonly Page[] = [
  { path: "dashboard", source: "src/dashboard", budget: 100 * 1024 },
  { path: "playground", source: "src/playground", budget: 60 * 1024 },
  { path: "playground/game", source: "src/playground/game", budget: 30 * 1024 },
];

/** Path in dist/pages → content. */
type Files = Map<string, Uint8Array>;

/** `src="main.tsx"` or `href="theme.css"` of an index.html: what esbuild has to build. */
const REFERENCE = /(?<=\s(?:src|href)=")(?!data:|\/|https?:)([^"]+\.(?:tsx?|css))(?=")/g;

async function buildPage({ path, source }: Page): Promise<Files> {
  const folder = join(ROOT, source);
  const html = readFileSync(join(folder, "index.html"), "utf8");
  const entries = [...html.matchAll(REFERENCE)].map(([reference]) => reference);
  const { outputFiles, metafile } = await build({
    entryPoints: entries.map((entry) => join(folder, entry)),
    absWorkingDir: ROOT,
    outdir: join(PAGES_FOLDER, path, "assets"),
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    target: "es2023",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    metafile: true,
    write: false,
  });
  const files: Files = new Map(outputFiles.map((file) => [relative(PAGES_FOLDER, file.path), file.contents]));
  const urls = new Map<string, string>();
  const styles: string[] = [];
  for (const [output, { entryPoint, cssBundle }] of Object.entries(metafile.outputs)) {
    if (entryPoint) urls.set(relative(source, entryPoint), urlOf(output));
    if (cssBundle) styles.push(`<link rel="stylesheet" href="${urlOf(cssBundle)}" />`);
  }
  const page = html
    .replaceAll(REFERENCE, (reference) => urls.get(join(reference)) ?? fail(`${source}: ${reference} was not built`))
    .replace("</head>", `${styles.join("")}</head>`);
  return files.set(`${path}/index.html`, new TextEncoder().encode(page));
}

function urlOf(output: string): string {
  return `/${relative(PAGES_FOLDER, join(ROOT, output))}`;
}

function fail(message: string): never {
  throw new Error(message);
}

/** What Cloudflare's edge is to send with the files that it serves by itself; a relay sends the same (src/http/pages.ts). */
function edgeHeaders(): string {
  const lines = Object.entries(PAGE_HEADERS).map(([name, value]) => `  ${name}: ${value}\n`);
  const assets = PAGES.map(({ path }) => `/${path}/assets/*\n  cache-control: ${ASSET_CACHING}\n`);
  return `/*\n${lines.join("")}${assets.join("")}`;
}

/** Replaces what is in dist/pages: first what is new, then the pages, and what nobody refers to any more goes last. */
export async function buildPages(): Promise<Files> {
  const files: Files = new Map();
  for (const page of PAGES) for (const [path, content] of await buildPage(page)) files.set(path, content);
  files.set("_headers", new TextEncoder().encode(edgeHeaders()));
  const inOrder = [...files].toSorted(([a], [b]) => Number(a.endsWith(".html")) - Number(b.endsWith(".html")));
  for (const [path, content] of inOrder) writeWhole(join(PAGES_FOLDER, path), content);
  for (const entry of readdirSync(PAGES_FOLDER, { recursive: true, withFileTypes: true })) {
    const path = relative(PAGES_FOLDER, join(entry.parentPath, entry.name));
    if (entry.isFile() && !files.has(path) && !path.endsWith(UNFINISHED))
      rmSync(join(PAGES_FOLDER, path), { force: true });
  }
  return files;
}

const UNFINISHED = ".part";

/** So that nobody ever reads half a file. */
function writeWhole(path: string, content: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}${UNFINISHED}`;
  writeFileSync(unfinished, content);
  renameSync(unfinished, path);
}

/** Of everything below the page's folder that is not another page's. */
export function gzippedSize(page: Page, files: Files): number {
  const nested = PAGES.filter(({ path }) => path.startsWith(`${page.path}/`)).map(({ path }) => `${path}/`);
  const own = [...files].filter(
    ([path]) => path.startsWith(`${page.path}/`) && !nested.some((other) => path.startsWith(other)),
  );
  return own.reduce((sum, [, content]) => sum + gzipSync(content, { level: 9 }).length, 0);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const files = await buildPages();
  const sizes = PAGES.map((page) => `/${page.path}/ ${(gzippedSize(page, files) / 1024).toFixed(1)} KiB gzipped`);
  console.log(`Built the pages: ${sizes.join(", ")}`);
}
