/** Debian's nginx or Caddy with the file of deploy/, as a process of its own in front of a relay. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { freePort } from "./running-relay.ts";

export const PROXIES = ["nginx", "caddy"] as const;
export type ProxyName = (typeof PROXIES)[number];

const DEPLOY = join(import.meta.dirname, "../../deploy");
const START_MS = 10_000;

/** What is an operator's own in a file of deploy/. */
interface Site {
  readonly folder: string;
  readonly port: number;
  /** host:port of the relay */
  readonly upstream: string;
  readonly certificate: Certificate;
}

/** How to start one, once its files are written. */
interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

export class ReverseProxy {
  readonly url: string;
  /** PEM of its certificate. */
  readonly ca: string;
  readonly #site: Site;
  readonly #program: Program;
  #process: ChildProcess | undefined;

  private constructor(name: ProxyName, site: Site) {
    this.url = `https://127.0.0.1:${site.port}`;
    this.ca = readFileSync(site.certificate.cert, "utf8");
    this.#site = site;
    this.#program = name === "nginx" ? nginx(site) : caddy(site);
  }

  /** `relay` is its URL. */
  static async start(name: ProxyName, relay: string): Promise<ReverseProxy> {
    const folder = mkdtempSync(join(tmpdir(), `edge-relay-${name}-`));
    const certificate = makeCertificate(folder);
    const proxy = new ReverseProxy(name, {
      folder,
      port: await freePort(),
      upstream: new URL(relay).host,
      certificate,
    });
    await proxy.restart();
    return proxy;
  }

  async restart(): Promise<void> {
    const { file, args } = this.#program;
    const { folder } = this.#site;
    // A group of its own: nginx has workers, which go on when only their master is killed.
    const child = spawn(file, args, {
      cwd: folder,
      detached: true,
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: process.env["PATH"], HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    });
    this.#process = child;
    let complaints = "";
    child.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4_000)));
    child.once("error", (error) => (complaints += error.message));
    for (const deadline = Date.now() + START_MS; Date.now() < deadline && child.exitCode === null;) {
      if (await this.#answers()) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`${file} does not serve ${this.url} (is it installed? .ci/run does that):\n${complaints}`);
  }

  /** SIGKILL, workers and all: no connection is told. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    process.kill(-child.pid, "SIGKILL");
    await exited;
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const asked = request(`${this.url}/healthz`, { ca: this.ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      asked.once("error", () => resolve(false));
      asked.end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#site.folder, { recursive: true, force: true });
  }
}

/** The file goes where conf.d/ is included, into a main file like Debian's. */
function nginx(site: Site): Program {
  const { folder, port, upstream, certificate } = site;
  const file = join(folder, "edge-relay.conf");
  const edited = edit("nginx.conf", [
    ["/etc/letsencrypt/live/relay.example.com/fullchain.pem", certificate.cert],
    ["/etc/letsencrypt/live/relay.example.com/privkey.pem", certificate.key],
    ["    listen [::]:443 ssl;\n", ""], // containers may have no IPv6
    ["listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`],
    ["relay.example.com", "127.0.0.1"],
    ["127.0.0.1:8787", upstream],
  ]);
  writeFileSync(file, edited);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const main = join(folder, "nginx.conf");
  writeFileSync(
    main,
    `daemon off; pid ${join(folder, "pid")}; worker_processes 1; error_log stderr;
     worker_rlimit_nofile 4096; events { worker_connections 2048; }
     http { access_log off; ${temporary.join(" ")} include ${file}; }\n`,
  );
  return { file: programFile("nginx"), args: ["-p", folder, "-e", "stderr", "-c", main] };
}

function caddy(site: Site): Program {
  const { folder, port, upstream, certificate } = site;
  const file = join(folder, "Caddyfile");
  const own = `https://127.0.0.1:${port} {\n\tbind 127.0.0.1\n\ttls ${certificate.cert} ${certificate.key}\n`;
  const edited = edit("Caddyfile", [
    ["relay.example.com {\n", own],
    ["reverse_proxy 127.0.0.1:8787", `reverse_proxy ${upstream}`],
  ]);
  // No admin API, no certificates of its own making, no port 80.
  writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${edited}`);
  return { file: programFile("caddy"), args: ["run", "--adapter", "caddyfile", "--config", file] };
}

/** The file of deploy/ with what an operator would change. */
function edit(name: string, changes: readonly (readonly [from: string, to: string])[]): string {
  let text = readFileSync(join(DEPLOY, name), "utf8");
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`deploy/${name} has no ${JSON.stringify(from)} any more`);
    text = text.replaceAll(from, to);
  }
  return text;
}

/** Debian keeps servers out of the PATH of who is not root. */
function programFile(name: ProxyName): string {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? name;
}
