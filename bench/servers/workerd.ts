/** A worker with one Durable Object class on `workerd serve`, with the flags of our own deployment. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { compatibilityDate, deployedFlags, workerdBinary } from "../../scripts/workerd-bundle.ts";
import { type PeerAddress, type RunningServer, freePort, startProgram } from "./server.ts";

/** What turns permessage-deflate on (docs/architecture.md, "Settings"). */
export const DEFLATED = ["web_socket_compression"];

export interface WorkerProgram {
  /** In bench/programs/. */
  readonly file: string;
  readonly className: string;
  readonly binding: string;
  readonly protocol: string;
  readonly isDeflated?: boolean;
  readonly variables?: Readonly<Record<string, string>>;
  peers(count: number): Promise<readonly PeerAddress[]> | readonly PeerAddress[];
}

export async function startWorker(program: WorkerProgram, more: readonly string[] = []): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-bench-"));
  const port = await freePort();
  bundle(program.file, join(folder, "worker.js"));
  mkdirSync(join(folder, "state"));
  const config = join(folder, "worker.capnp");
  writeFileSync(config, capnp(program, join(folder, "state"), port));
  const { pid, stop } = await startProgram({ command: workerdBinary(), args: ["serve", config, ...more], port });
  return {
    protocol: program.protocol,
    port,
    pids: [pid],
    isDeflated: program.isDeflated === true,
    peers: (count) => program.peers(count),
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function bundle(file: string, outfile: string): void {
  const entry = join(import.meta.dirname, "..", "programs", file);
  const external = ["cloudflare:*", "node:*"];
  buildSync({ entryPoints: [entry], bundle: true, format: "esm", target: "es2023", external, outfile });
}

function capnp({ className, binding, isDeflated, variables = {} }: WorkerProgram, state: string, port: number): string {
  const flags = isDeflated ? DEFLATED : deployedFlags();
  const texts = Object.entries(variables).map(([name, text]) => `, (name = "${name}", text = ${JSON.stringify(text)})`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "state", disk = (path = ${JSON.stringify(state)}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "${compatibilityDate()}",
  compatibilityFlags = ${JSON.stringify(flags)},
  bindings = [(name = "${binding}", durableObjectNamespace = "${className}")${texts.join("")}],
  durableObjectNamespaces = [(className = "${className}", uniqueKey = "bench-${className}", enableSql = true)],
  durableObjectStorage = (localDisk = "state"),
);
`;
}
