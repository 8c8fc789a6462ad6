/** Makes a folder that plain `workerd serve` can run: the deployable bundle and a configuration with disk storage. */
import { execFileSync } from "node:child_process";
import { cpSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { copyPages, hasPages, pagesWorker } from "./workerd-pages.ts";

export interface WorkerdOptions {
  /** An empty or missing folder. */
  readonly folder: string;
  readonly port: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly v8Flags?: readonly string[] | undefined;
  /** In place of wrangler.toml's, as `wrangler deploy --compatibility-flags` does it. */
  readonly compatibilityFlags?: readonly string[] | undefined;
}

/** The native binary, without the JavaScript shim in front of it, so that its pid is the relay's. */
export function workerdBinary(): string {
  const require = createRequire(import.meta.url);
  const shim = dirname(require.resolve("workerd/package.json"));
  const platforms: Record<string, string> = {
    "linux-x64": "linux-64",
    "linux-arm64": "linux-arm64",
    "darwin-x64": "darwin-64",
    "darwin-arm64": "darwin-arm64",
    "win32-x64": "windows-64",
  };
  const name = platforms[`${process.platform}-${process.arch}`];
  if (!name) throw new Error(`workerd has no build for ${process.platform} on ${process.arch}`);
  const native = createRequire(join(shim, "package.json")).resolve(`@cloudflare/workerd-${name}/package.json`);
  return join(dirname(native), "bin", process.platform === "win32" ? "workerd.exe" : "workerd");
}

/**
 * Bundles with wrangler, exactly as a deployment would, pages included. Takes about two seconds. `entry`: a file `worker.ts`
 * in place of ours.
 */
export function buildBundle(folder: string, entry?: string): void {
  const wrangler = createRequire(import.meta.url).resolve("wrangler/package.json");
  const bin = join(dirname(wrangler), "bin", "wrangler.js");
  execFileSync(process.execPath, [bin, "deploy", ...(entry ? [entry] : []), "--dry-run", "--outdir", folder], {
    stdio: "pipe",
    // wrangler.toml's build command says `node`, which is to be this one.
    env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}` },
  });
  copyPages(folder);
}

export function writeWorkerdConfig(bundle: string, options: WorkerdOptions): string {
  const { folder } = options;
  mkdirSync(join(folder, "state"), { recursive: true });
  copyFileSync(join(bundle, "worker.js"), join(folder, "worker.js"));
  const pages = hasPages(bundle) ? folder : undefined;
  if (pages !== undefined) cpSync(join(bundle, "pages"), join(folder, "pages"), { recursive: true });
  const path = join(folder, "relay.capnp");
  const bindings = Object.entries(options.variables).map(
    ([name, text]) => `(name = "${name}", text = ${JSON.stringify(text)})`,
  );
  const { port, v8Flags, compatibilityFlags } = options;
  writeFileSync(
    path,
    workerdConfig({ state: join(folder, "state"), port, bindings, pages, v8Flags, compatibilityFlags }),
  );
  return path;
}

export interface WorkerdConfig extends Pick<WorkerdOptions, "port" | "v8Flags" | "compatibilityFlags"> {
  /** The folder of the disk storage; without one the command line has to name it. */
  readonly state?: string;
  /** In capnp, those that are not of the objects. */
  readonly bindings: readonly string[];
  /** The folder that the configuration will be in, and the pages are in already. Without it there are no pages. */
  readonly pages?: string | undefined;
}

/** For a `worker.js` beside it. */
export function workerdConfig(config: WorkerdConfig): string {
  const { state, port, v8Flags = [], pages } = config;
  const flags = config.compatibilityFlags ?? deployedFlags();
  const bindings = [...config.bindings, ...(pages === undefined ? [] : ['(name = "PAGES", service = "pages")'])];
  const path = state === undefined ? "" : `path = ${JSON.stringify(state)}, `;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = ${JSON.stringify(v8Flags)},
  services = [
    (name = "relay", worker = .relay),
    (name = "state", disk = (${path}writable = true)),${pages === undefined ? "" : '\n    (name = "pages", worker = .pages),'}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "relay")],
);
const relay :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "${compatibilityDate()}",
  compatibilityFlags = ${JSON.stringify(flags)},
  bindings = [
    (name = "RELAY_ROOMS", durableObjectNamespace = "RelayRoom"),
    (name = "RELAY_DIRECTORY", durableObjectNamespace = "RelayDirectory"),
${bindings.map((binding) => `    ${binding},`).join("\n")}
  ],
  durableObjectNamespaces = [
    (className = "RelayRoom", uniqueKey = "edge-relay-RelayRoom", enableSql = true),
    (className = "RelayDirectory", uniqueKey = "edge-relay-RelayDirectory", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "state"),
);
${pages === undefined ? "" : pagesWorker(pages, compatibilityDate())}`;
}

/** wrangler.toml is where both are set; repeating them here would let the two drift apart. */
export function compatibilityDate(): string {
  return wranglerSetting("compatibility_date", /"([^"]+)"/);
}

export function deployedFlags(): readonly string[] {
  return [...wranglerSetting("compatibility_flags", /(\[[^\]]*\])/).matchAll(/"([^"]+)"/g)].map(
    ([, flag = ""]) => flag,
  );
}

function wranglerSetting(name: string, value: RegExp): string {
  const toml = readFileSync(new URL("../wrangler.toml", import.meta.url), "utf8");
  const found = new RegExp(`^${name} = ${value.source}`, "m").exec(toml)?.[1];
  if (found === undefined) throw new Error(`wrangler.toml sets no ${name}`);
  return found;
}
