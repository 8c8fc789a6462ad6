/** The installed package, driven from each runtime that a client may be in. */
import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { bunBinary, denoBinary } from "../support/runtimes.ts";

const run = promisify(execFile);

/** Runs `visit(argument)` of consumer.js, which is JSON, and gives what it returned. */
export type Drive = (project: string, argument: string) => Promise<string>;

export const CLIENTS: Readonly<Record<"node" | "bun" | "deno" | "chromium", Drive>> = {
  node: (project, argument) => inProcess(process.execPath, [], project, mainFile(project, "node", argument)),
  bun: (project, argument) => inProcess(bunBinary(), ["run"], project, mainFile(project, "bun", argument)),
  deno: (project, argument) => {
    const args = ["run", "--allow-net", "--node-modules-dir=manual"];
    return inProcess(denoBinary(), args, project, mainFile(project, "deno", argument));
  },
  chromium: (project, argument) => inPage(project, argument),
};

function mainFile(project: string, client: string, argument: string): string {
  const path = join(project, `${client}.js`);
  writeFileSync(path, `import { visit } from "./consumer.js";\nconsole.log(await visit(${argument}));\n`);
  return path;
}

async function inProcess(file: string, args: readonly string[], cwd: string, main: string): Promise<string> {
  const { stdout } = await run(file, [...args, main], { cwd });
  return stdout.trim();
}

/** Bundled, as a page needs it: the page says in its title what came of it. */
async function inPage(project: string, argument: string): Promise<string> {
  const entry = join(project, "page.js");
  const tell = "(said) => { document.title = String(said); }";
  writeFileSync(entry, `import { visit } from "./consumer.js";\nvisit(${argument}).then(${tell}, ${tell});\n`);
  const options = { bundle: true, format: "esm", write: false, platform: "browser" } as const;
  const bundle = await build({ entryPoints: [entry], ...options });
  return titleOf(bundle.outputFiles[0]?.text ?? "");
}

/** Serves a page with this script and waits for the title it sets. */
async function titleOf(script: string): Promise<string> {
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : `<!doctype html><title></title><script type="module" src="/page.js"></script>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const page = await (await sharedBrowser()).newPage();
  try {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction("document.title !== ''", undefined, { timeout: 15_000 });
    return await page.title();
  } finally {
    await page.close();
    server.close();
  }
}

let browser: Promise<Browser> | undefined;

/** One for all pages: to start it takes longer than all that they do. */
function sharedBrowser(): Promise<Browser> {
  browser ??= chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
  return browser;
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
}

function chromiumPath(): string {
  const found = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
    existsSync(path),
  );
  if (!found) throw new Error("no Chromium on this machine; .ci/run installs Debian's");
  return found;
}
