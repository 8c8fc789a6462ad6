/** Plays one load against one server: writes the plan, reads the results (bench/load/plan.c, results.c). */
import { spawn } from "node:child_process";
import type { Load } from "../scenarios.ts";
import type { PeerAddress, RunningServer } from "../servers/server.ts";
import { compileLoad } from "./compile.ts";

/** µs. */
export interface Durations {
  readonly samples: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
}

interface Span {
  readonly seconds: number;
  readonly serverCpuUs: number;
  readonly loadCpuUs: number;
}

export interface LoadResults {
  readonly join: Span & { readonly peers: number; readonly latencyUs: Durations };
  /** `messagesIn`: WebSocket messages that the server was sent; `lateUs`: how late the generator itself was. */
  readonly measured: Span & {
    readonly sent: number;
    readonly delivered: number;
    readonly messagesIn: number;
    readonly messagesOut: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
    readonly latencyUs: Durations;
    readonly lateUs: Durations;
  };
  /** From the first packet to the end of the drain. */
  readonly total: {
    readonly sent: number;
    readonly delivered: number;
    readonly acks: number;
    /** Messages of the server that came compressed. */
    readonly compressed: number;
    readonly disordered: number;
    readonly errors: number;
    readonly firstError: string;
  };
  readonly rssKiB: { readonly before: number; readonly after: number; readonly peak: number };
}

export interface Timing {
  readonly warmMs: number;
  readonly measureMs: number;
  readonly drainMs: number;
  readonly seed: number;
}

const SPARE_MS = 90_000;

export async function playLoad(server: RunningServer, load: Load, timing: Timing): Promise<LoadResults> {
  const plan = planText(server, load, await server.peers(load.group * load.groups), timing);
  const child = spawn(compileLoad(), { stdio: ["pipe", "pipe", "inherit"] });
  const warmMs = warmMsOf(server, timing);
  const timer = setTimeout(() => child.kill("SIGKILL"), warmMs + timing.measureMs + timing.drainMs + SPARE_MS);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.stdin.on("error", () => undefined).end(plan); // a generator that ended early says why by its code
  const code = await exited;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`The load generator ended with ${code} instead of results`);
  return JSON.parse(output) as LoadResults;
}

function warmMsOf({ align }: RunningServer, { warmMs }: Timing): number {
  return warmMs + (align?.warmMs ?? 0);
}

function planText(server: RunningServer, load: Load, peers: readonly PeerAddress[], timing: Timing): string {
  const settings: Record<string, string | number> = {
    protocol: server.protocol,
    host: "127.0.0.1",
    port: server.port,
    pattern: load.pattern,
    phase: load.phase,
    groups_apart: Number(load.groupsApart),
    jitter_us: load.jitterMs * 1000,
    group: load.group,
    payload: load.payload,
    rate: load.ticksPerSecond,
    window: load.window,
    batch: Number(load.batch && server.isUnbatched !== true),
    reliable: Number(load.reliable),
    deflate: Number(server.isDeflated === true),
    ack_every: load.ackEvery,
    dials: load.dials,
    align: server.align?.by ?? "off",
    align_max_us: (server.align?.maxDelayMs ?? 0) * 1000,
    warm_ms: warmMsOf(server, timing),
    measure_ms: timing.measureMs,
    drain_ms: timing.drainMs,
    seed: timing.seed,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  lines.push(...server.pids.map((pid) => `pid ${pid}`));
  lines.push(...peers.map(({ path, id, subprotocols }) => `peer ${path} ${id} ${subprotocols.join(",") || "-"}`));
  return `${lines.join("\n")}\n`;
}
