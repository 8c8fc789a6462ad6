/** What the relay is to show against others, as data: the runs that measure it, and what their ratios must be. */
import type { Metric } from "./sample.ts";

/** One server in one scenario, which need not be that of the others. */
export interface Entrant {
  readonly server: string;
  readonly scenario?: string;
}

/** Entrants that take turns; the name is that of the results file. */
export interface GoalRun {
  readonly name: string;
  readonly scenario: string;
  /** Capacity, or the scenario's own load, or so many packets a second. */
  readonly mode: "capacity" | "own-load" | number;
  /** Measured in each run. */
  readonly seconds: number;
  /** The first is what the others are compared with. */
  readonly entrants: readonly Entrant[];
}

/** Our figure divided by the other's, or how much more it is (in the metric's unit): the median of the alternations. */
export type Limit = { readonly atMost: number } | { readonly atLeast: number } | { readonly atMostMore: number };

export interface Goal {
  readonly title: string;
  readonly run: string;
  readonly ours: string;
  readonly against: string;
  readonly metric: Metric;
  readonly limit: Limit;
  /** Taken off our figure before it is compared. */
  readonly allowance?: number;
}

/** At capacity a window is short, because a search has many. */
const CAPACITY_SECONDS = 2;
const EQUAL_SECONDS = 4;
/** Packets a second. */
const EQUAL_LOAD = 10_000;

function entrants(...servers: string[]): Entrant[] {
  return servers.map((server) => ({ server }));
}

function capacity(scenario: string, ...servers: string[]): GoalRun {
  const name = `${scenario}-capacity`;
  return { name, scenario, mode: "capacity", seconds: CAPACITY_SECONDS, entrants: entrants(...servers) };
}

function equalLoad(scenario: string, ...servers: string[]): GoalRun {
  const name = `${scenario}-${EQUAL_LOAD}`;
  return { name, scenario, mode: EQUAL_LOAD, seconds: EQUAL_SECONDS, entrants: entrants(...servers) };
}

function ownLoad(scenario: string, seconds = EQUAL_SECONDS): GoalRun {
  return { name: scenario, scenario, mode: "own-load", seconds, entrants: entrants("edge-relay", "bare") };
}

/** Long enough for a runtime to give back what joining took, which it does when it has been idle for some seconds. */
const SETTLED_SECONDS = 12;

function idleOn(runtime: string, ...servers: string[]): GoalRun {
  const run = { scenario: "idle", mode: "own-load", seconds: SETTLED_SECONDS } as const;
  return { ...run, name: `idle-${runtime}`, entrants: entrants(...servers) };
}

export const RUNS: readonly GoalRun[] = [
  capacity("mesh8", "edge-relay", "bare", "partyserver", "socketio"),
  equalLoad("mesh8", "edge-relay", "bare"),
  capacity("mesh8-random", "edge-relay-aligned", "edge-relay", "bare"),
  equalLoad("mesh8-random", "edge-relay-aligned", "bare"),
  equalLoad("mesh8-sync", "edge-relay-bun", "nats", "coturn"),
  ownLoad("pairs"),
  ownLoad("broadcast"),
  ownLoad("transfer"),
  ownLoad("quiet", 12), // one packet a second
  ownLoad("idle", 1),
  idleOn("node", "edge-relay-node", "bare-ws"),
  idleOn("bun", "edge-relay-bun", "bare-bun"),
  {
    ...equalLoad("mesh8"),
    name: "all-on",
    entrants: [{ server: "edge-relay-limited", scenario: "mesh8-reliable" }, { server: "edge-relay-lean" }],
  },
];

type Rest = Pick<Goal, "metric" | "limit" | "allowance">;

function ours(run: string, against: string, title: string, ...rest: readonly Rest[]): Goal[] {
  return goals({ run, ours: "edge-relay", against, title }, ...rest);
}

function goals(common: Omit<Goal, "metric" | "limit">, ...rest: readonly Rest[]): Goal[] {
  return rest.map((each) => ({ ...common, ...each }));
}

const aligned = { ours: "edge-relay-aligned", against: "bare" };
/** 8 KB. */
const IDLE_KIB = 7.8;
const bun = { ours: "edge-relay-bun", run: `mesh8-sync-${EQUAL_LOAD}` };

export const GOALS: readonly Goal[] = [
  ours(
    "mesh8-capacity",
    "bare",
    "mesh of 8, 3 ms jitter, each at its capacity",
    { metric: "perSecond", limit: { atLeast: 7 } },
    { metric: "cpuUs", limit: { atMost: 1 / 4 } },
  ),
  ours(`mesh8-${EQUAL_LOAD}`, "bare", "mesh of 8, 3 ms jitter, 10,000 packets/s", {
    metric: "cpuUs",
    limit: { atMost: 0.4 },
  }),
  goals(
    { ...aligned, run: "mesh8-random-capacity", title: "mesh of 8, random phase, alignment on, each at its capacity" },
    { metric: "perSecond", limit: { atLeast: 6 } },
    { metric: "cpuUs", limit: { atMost: 0.3 } },
  ),
  goals(
    { ...aligned, run: `mesh8-random-${EQUAL_LOAD}`, title: "mesh of 8, random phase, alignment on, 10,000 packets/s" },
    { metric: "cpuUs", limit: { atMost: 0.45 } },
  ),
  ours("mesh8-random-capacity", "bare", "mesh of 8, random phase, alignment off, each at its capacity", {
    metric: "perSecond",
    limit: { atLeast: 4 },
  }),
  ours("mesh8-capacity", "partyserver", "mesh of 8, 3 ms jitter, each at its capacity", {
    metric: "cpuUs",
    limit: { atMost: 1 / 5 },
  }),
  ours("mesh8-capacity", "socketio", "mesh of 8, 3 ms jitter, each at its capacity", {
    metric: "cpuUs",
    limit: { atMost: 1 / 2 },
  }),
  goals({ ...bun, against: "nats", title: "mesh of 8, sync, on Bun" }, { metric: "cpuUs", limit: { atMost: 1 } }),
  goals({ ...bun, against: "coturn", title: "mesh of 8, sync, on Bun" }, { metric: "cpuUs", limit: { atMost: 1 } }),
  ours(
    "pairs",
    "bare",
    "pairs, one 64 B packet at a time",
    { metric: "cpuUs", limit: { atMost: 1.1 } },
    { metric: "p50Ms", limit: { atMost: 1.1 } },
  ),
  ours("broadcast", "bare", "broadcast 1 → 64", { metric: "cpuUs", limit: { atMost: 1.05 } }),
  ours("transfer", "bare", "large reliable transfer", { metric: "perSecond", limit: { atLeast: 0.9 } }),
  ours("quiet", "bare", "quiet room, one packet a second", { metric: "p50Ms", limit: { atMost: 1.05 } }),
  ours("idle", "bare", "9,900 idle peers, 1 KiB each taken off", {
    metric: "rssPerPeerKiB",
    limit: { atMost: 1.1 },
    allowance: 1,
  }),
  goals(
    { run: "idle-node", ours: "edge-relay-node", against: "bare-ws", title: "9,900 idle peers on Node" },
    { metric: "rssPerPeerKiB", limit: { atMostMore: IDLE_KIB } },
  ),
  goals(
    { run: "idle-bun", ours: "edge-relay-bun", against: "bare-bun", title: "9,900 idle peers on Bun" },
    { metric: "rssPerPeerKiB", limit: { atMostMore: IDLE_KIB } },
  ),
  goals(
    {
      run: "all-on",
      ours: "edge-relay-limited",
      against: "edge-relay-lean",
      title: "reliable, statistics, credits and limits on, against all of it off",
    },
    { metric: "cpuUs", limit: { atMost: 1.15 } },
  ),
].flat();
