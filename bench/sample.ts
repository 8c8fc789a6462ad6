/** One run of one server, boiled down to the figures that are compared. */
import { type LoadResults, type Timing, playLoad } from "./load/play.ts";
import { type Scenario, offeredPerSecond } from "./scenarios.ts";
import type { BenchServer, RunningServer } from "./servers/server.ts";

/** What can be compared; lower is better for all but `perSecond`. */
export const METRICS = {
  perSecond: { title: "delivered/s", digits: 0 },
  cpuUs: { title: "CPU µs each", digits: 2 },
  p50Ms: { title: "p50 ms", digits: 2 },
  p99Ms: { title: "p99 ms", digits: 2 },
  messagesIn: { title: "messages in/s", digits: 0 },
  messagesOut: { title: "messages out/s", digits: 0 },
  rssMiB: { title: "peak RSS MiB", digits: 1 },
  rssPerPeerKiB: { title: "RSS/peer KiB", digits: 1 },
  loadCore: { title: "load's core share", digits: 2 },
} as const;
export type Metric = keyof typeof METRICS;

/** What says something in a scenario that measures this, and what of it is worth a ratio. */
export const METRICS_OF: Readonly<Record<Scenario["measure"], { all: readonly Metric[]; ratios: readonly Metric[] }>> =
  {
    packets: {
      all: ["perSecond", "cpuUs", "p50Ms", "p99Ms", "messagesIn", "messagesOut", "rssMiB", "loadCore"],
      ratios: ["perSecond", "cpuUs", "p50Ms", "p99Ms", "rssMiB"],
    },
    joins: {
      all: ["perSecond", "cpuUs", "p50Ms", "p99Ms", "rssPerPeerKiB", "loadCore"],
      ratios: ["perSecond", "cpuUs", "p50Ms"],
    },
    idle: { all: ["rssMiB", "rssPerPeerKiB"], ratios: ["rssPerPeerKiB"] },
  };

/** "Each" is a packet delivered, or a peer that joined. Latencies of packets are added latency; of joins, dial to welcome. */
export interface Sample extends Readonly<Record<Metric, number>> {
  readonly server: string;
  readonly alternation: number;
  readonly offeredPerSecond: number;
  /** Packets that were sent and had not arrived when the drain ended. */
  readonly lost: number;
  readonly disordered: number;
  readonly errors: number;
  readonly firstError: string;
  /** How late the generator's own ticks were: beyond a few ms the latencies say more about it than about the server. */
  readonly generatorLateMs: number;
}

/** For sockets to be closed on both sides. */
const GONE_MS = 1_000;

const BOUND_CORE = 0.9;
const BOUND_LATE_MS = 5;

/** Its figures say more about the load generator than about the server. */
export function isGeneratorBound({ loadCore, generatorLateMs }: Sample): boolean {
  return loadCore > BOUND_CORE || generatorLateMs > BOUND_LATE_MS;
}

export interface Run {
  readonly scenario: Scenario;
  readonly server: BenchServer;
  readonly alternation: number;
  readonly timing: Timing;
}

/** Starts the server afresh, plays the load, stops it. */
export async function takeSample({ scenario, server, alternation, timing }: Run): Promise<Sample> {
  const running = await server.start();
  try {
    if (scenario.measure === "idle") await comeAndGo(running, scenario);
    const results = await playLoad(running, scenario.load, timing);
    const { group, groups } = scenario.load;
    if (results.join.peers < group * groups) throw new Error(`${server.name}: ${results.total.firstError}`);
    return { server: server.name, alternation, ...figures(scenario, results) };
  } finally {
    await running.stop();
  }
}

/** What a server needs for its first peers, such as compiled code and a larger heap, is not counted as that of the others. */
const EARLIER_PEERS = 500;

async function comeAndGo(running: RunningServer, { load }: Scenario): Promise<void> {
  const groups = Math.min(EARLIER_PEERS, load.groups);
  await playLoad(running, { ...load, groups }, { warmMs: GONE_MS, measureMs: 0, drainMs: 0, seed: 1 });
  await new Promise((resolve) => setTimeout(resolve, GONE_MS));
}

function figures(scenario: Scenario, results: LoadResults): Omit<Sample, "server" | "alternation"> {
  const { join, measured, total, rssKiB } = results;
  const isJoin = scenario.measure === "joins";
  const span = isJoin ? join : measured;
  const count = isJoin ? join.peers : measured.delivered;
  const seconds = Math.max(span.seconds, Number.EPSILON); // no time was measured when not all could join
  const measuredSeconds = Math.max(measured.seconds, Number.EPSILON);
  return {
    offeredPerSecond: offeredPerSecond(scenario.load),
    perSecond: count / seconds,
    cpuUs: count === 0 ? 0 : span.serverCpuUs / count,
    p50Ms: span.latencyUs.p50 / 1000,
    p99Ms: span.latencyUs.p99 / 1000,
    messagesIn: measured.messagesIn / measuredSeconds,
    messagesOut: measured.messagesOut / measuredSeconds,
    rssMiB: rssKiB.peak / 1024,
    rssPerPeerKiB: (rssKiB.after - rssKiB.before) / Math.max(1, join.peers),
    loadCore: span.loadCpuUs / 1e6 / seconds,
    lost: total.sent - total.delivered,
    disordered: total.disordered,
    errors: total.errors,
    firstError: total.firstError,
    generatorLateMs: measured.lateUs.p99 / 1000,
  };
}
