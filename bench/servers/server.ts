/** A server of the benchmark: a process of its own that clients reach at 127.0.0.1. */
import { type ChildProcess, spawn } from "node:child_process";
import { connect, createServer } from "node:net";

/** Where one peer dials, and as whom. */
export interface PeerAddress {
  readonly path: string;
  readonly id: string;
  readonly subprotocols: readonly string[];
}

export interface RunningServer {
  /** What the load generator speaks with it: a name among bench/load/protocol-*.c. */
  readonly protocol: string;
  readonly port: number;
  readonly pids: readonly number[];
  /** Its clients send one message per packet even where the scenario would let them share one. */
  readonly isUnbatched?: boolean;
  /** Its clients follow hints when to tick. `warmMs`: what that takes until it has settled, besides the warm-up of all. */
  readonly align?: { readonly by: "delay" | "ticker"; readonly maxDelayMs?: number; readonly warmMs: number };
  /** It grants permessage-deflate, and its clients ask for it. */
  readonly isDeflated?: boolean;
  peers(count: number): Promise<readonly PeerAddress[]> | readonly PeerAddress[];
  stop(): Promise<void>;
}

export interface BenchServer {
  readonly name: string;
  readonly title: string;
  /** Why it cannot run here; undefined when it can. */
  missing(): string | undefined;
  /** `more`: arguments for workerd, where that is what it runs on. */
  start(more?: readonly string[]): Promise<RunningServer>;
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly port: number;
  readonly cwd?: string;
  /** Beside those of this process. */
  readonly variables?: Readonly<Record<string, string>>;
}

const START_MS = 15_000;
/** workerd holds two files for each socket: as many as this user may have. `exec` keeps the pid. */
const RAISE_FILES = 'ulimit -n "$(ulimit -Hn)"; exec "$@"';

/** Starts a program and waits until it accepts connections. */
export async function startProgram(program: Program): Promise<{ pid: number; stop(): Promise<void> }> {
  const { command, args, port, cwd, variables } = program;
  const env = { ...process.env, ...variables };
  const stdio = ["ignore", "ignore", "pipe"] as const;
  const child = spawn("sh", ["-c", RAISE_FILES, "sh", command, ...args], { cwd, env, stdio: [...stdio] });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4_000)));
  const stop = (): Promise<void> => kill(child);
  for (const deadline = Date.now() + START_MS; Date.now() < deadline && child.exitCode === null;) {
    if (child.pid !== undefined && (await accepts(port))) return { pid: child.pid, stop };
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await stop();
  throw new Error(`${command} ${args.join(" ")} did not listen at port ${port}\n${complaints}`);
}

/** SIGKILL: workerd with open sockets ignores SIGTERM. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await exited;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

/** Addresses of a server that believes what the URL says. */
export function peersByNumber(count: number, pathOf: (index: number) => string): PeerAddress[] {
  return Array.from({ length: count }, (_, index) => ({ path: pathOf(index), id: String(index), subprotocols: [] }));
}
