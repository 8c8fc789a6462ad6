/** A relay in a process of its own, on any runtime, with disk storage: to be ended and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isHealthy } from "../../scripts/local-relay.ts";
import { buildBundle, workerdBinary, writeWorkerdConfig } from "../../scripts/workerd-bundle.ts";
import { type Runtime, type StandaloneRuntime, chosenRuntime, serveCommand } from "./runtimes.ts";
import { TEST_SECRET } from "./tickets.ts";

export const TEST_ADMIN_TOKEN = "test-admin-token-0123456789abcdef";

/** All clients of a test come from one address, and together join more often than one client may. */
const ONE_ADDRESS = JSON.stringify({ default: { joinsPerMinute: 0 } });

/** For tests that need another relay than the one that ships, or one on a certain runtime. */
export interface RelayBuild {
  /** Default: RELAY_RUNTIME, or workerd. */
  readonly runtime?: Runtime;
  /** A folder with a `worker.js`, for workerd. */
  readonly bundle?: string;
  readonly v8Flags?: readonly string[];
  /** Flags of a standalone relay. */
  readonly args?: readonly string[];
  readonly compatibilityFlags?: readonly string[];
  /** Where its output goes, which is thrown away otherwise. */
  readonly log?: string;
}

let bundle: string | undefined;

/** One bundle serves all relays of a test file. */
function sharedBundle(): string {
  if (!bundle) {
    bundle = mkdtempSync(join(tmpdir(), "edge-relay-bundle-"));
    buildBundle(bundle);
  }
  return bundle;
}

type Variables = Readonly<Record<string, string>>;

/** How the process is started, each time. */
interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Variables;
}

function workerd(folder: string, port: number, variables: Variables, build: RelayBuild): Command {
  const { bundle = sharedBundle(), v8Flags, compatibilityFlags } = build;
  const config = writeWorkerdConfig(bundle, { folder, port, variables, v8Flags, compatibilityFlags });
  return { file: workerdBinary(), args: ["serve", config] };
}

function standalone(
  runtime: StandaloneRuntime,
  folder: string,
  port: number,
  env: Variables,
  { args = [] }: RelayBuild,
): Command {
  const { file, args: script } = serveCommand(runtime);
  return { file, args: [...script, `--port=${port}`, `--database=${join(folder, "rooms")}`, ...args], env };
}

export class RunningRelay {
  readonly runtime: Runtime;
  readonly url: string;
  readonly folder: string;
  readonly #command: Command;
  readonly #output: "ignore" | number;
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number, variables: Variables, build: RelayBuild) {
    this.folder = folder;
    this.runtime = build.runtime ?? chosenRuntime();
    this.#output = build.log === undefined ? "ignore" : openSync(build.log, "a");
    this.url = `http://127.0.0.1:${port}`;
    const all = { TICKET_SECRET: TEST_SECRET, ADMIN_TOKEN: TEST_ADMIN_TOKEN, APP_SETTINGS: ONE_ADDRESS, ...variables };
    this.#command =
      this.runtime === "workerd"
        ? workerd(folder, port, all, build)
        : standalone(this.runtime, folder, port, all, build);
  }

  static async start(variables: Variables = {}, build: RelayBuild = {}): Promise<RunningRelay> {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-"));
    const relay = new RunningRelay(folder, await freePort(), variables, build);
    await relay.restart();
    return relay;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("the relay is not running");
    return pid;
  }

  /** Starts the process again on the same disk. */
  async restart(): Promise<void> {
    const { file, args, env } = this.#command;
    this.#process = spawn(file, args, {
      stdio: ["ignore", this.#output, this.#output],
      env: { ...process.env, ...env },
    });
    for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
      if (await isHealthy(this.url)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the relay on ${this.runtime} did not answer at ${this.url}`);
  }

  /** SIGKILL: nothing is flushed, nobody is told. (workerd with open sockets ignores SIGTERM.) */
  async kill(): Promise<void> {
    await this.#signal("SIGKILL");
  }

  /** SIGTERM, as an operator would. Its exit code: null where it did not end by itself. */
  async stop(): Promise<number | null> {
    return this.#signal("SIGTERM");
  }

  async #signal(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill(signal);
    return exited;
  }

  async admin<T>(path: string, init: RequestInit = {}): Promise<T> {
    const headers = { authorization: `Bearer ${TEST_ADMIN_TOKEN}` };
    const response = await fetch(`${this.url}/v1/admin${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
