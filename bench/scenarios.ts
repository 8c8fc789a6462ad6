/** Scenarios as data. What the words mean to the load generator stands in bench/load/plan.h. */

export interface Load {
  readonly pattern: "none" | "pair" | "mesh" | "star" | "broadcast";
  /** Peers in each group; only peers of one group send to each other. All groups share one room. */
  readonly group: number;
  readonly groups: number;
  /** Bytes of one packet. */
  readonly payload: number;
  /** 0: each flow has `window` packets under way, and sends the next when one has arrived. */
  readonly ticksPerSecond: number;
  readonly window: number;
  readonly phase: "sync" | "jitter" | "random";
  readonly jitterMs: number;
  /** Groups tick at different moments, whatever `phase` says of the peers within one. */
  readonly groupsApart: boolean;
  /** What a peer sends in one tick leaves as one message, where the protocol can. */
  readonly batch: boolean;
  readonly reliable: boolean;
  /** The receiver acknowledges each so-manieth packet; 0: none. */
  readonly ackEvery: number;
  /** Joins under way at once. */
  readonly dials: number;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly load: Load;
  /** What grows when more load is asked for. */
  readonly scale: "groups" | "ticks" | "none";
  /** What is counted: packets delivered, peers that joined, or what an idle peer costs in memory. */
  readonly measure: "packets" | "joins" | "idle";
}

const GAME: Load = {
  pattern: "mesh",
  group: 8,
  groups: 4,
  payload: 64,
  ticksPerSecond: 30,
  window: 1,
  phase: "jitter",
  jitterMs: 3,
  groupsApart: false,
  batch: true,
  reliable: false,
  ackEvery: 0,
  dials: 32,
};

function mesh(name: string, title: string, load: Partial<Load>): Scenario {
  return { name, title, load: { ...GAME, ...load }, scale: "groups", measure: "packets" };
}

function pairs(name: string, title: string, load: Partial<Load>): Scenario {
  const pair: Load = { ...GAME, pattern: "pair", group: 2, phase: "sync", ticksPerSecond: 0, ...load };
  return { name, title, load: pair, scale: "groups", measure: "packets" };
}

export const SCENARIOS: readonly Scenario[] = [
  pairs("pairs", "Pairs, one 64 B packet at a time", { groups: 4 }),
  pairs("pairs-saturated", "Pairs, 32 packets of 64 B under way", { groups: 4, window: 32 }),
  mesh("mesh8-sync", "Mesh of 8, 30 ticks/s, all at the same instant", { phase: "sync" }),
  mesh("mesh8", "Mesh of 8, 30 ticks/s, within 3 ms of one another", {}),
  mesh("mesh8-random", "Mesh of 8, 30 ticks/s, each peer at a moment of its own", { phase: "random" }),
  mesh("mesh8-apart", "Mesh of 8, 30 ticks/s, within 3 ms, each mesh at a moment of its own", { groupsApart: true }),
  mesh("mesh8-reliable", "Mesh of 8, 30 ticks/s, within 3 ms, reliable, each 8th packet acknowledged", {
    reliable: true,
    ackEvery: 8,
  }),
  mesh("host16", "A host with 15 clients, 30 ticks/s, within 3 ms", { pattern: "star", group: 16 }),
  {
    name: "broadcast",
    title: "One to 64, 30 ticks/s",
    load: { ...GAME, pattern: "broadcast", group: 65, groups: 1, phase: "sync" },
    scale: "ticks",
    measure: "packets",
  },
  pairs("transfer", "A large reliable transfer: 32 KiB messages, 8 under way, each 4th acknowledged", {
    groups: 1,
    payload: 32 * 1024,
    window: 8,
    batch: false, // one message, one WebSocket message, on every server
    reliable: true,
    ackEvery: 4,
  }),
  pairs("quiet", "A quiet room: one packet a second", { groups: 1, ticksPerSecond: 1 }),
  {
    name: "idle",
    title: "9,900 idle peers",
    // workerd holds two files for each socket, and a process may often have 20,000.
    load: { ...GAME, pattern: "none", group: 1, groups: 9_900, dials: 64 },
    scale: "none",
    measure: "idle",
  },
  {
    name: "join-storm",
    title: "1,000 peers join, 64 at a time",
    load: { ...GAME, pattern: "none", group: 1, groups: 1_000, dials: 64 },
    scale: "none",
    measure: "joins",
  },
];

export function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((candidate) => candidate.name === name);
  if (!scenario)
    throw new Error(`There is no scenario "${name}"; there are ${SCENARIOS.map((s) => s.name).join(", ")}`);
  return scenario;
}

/** Packets that should arrive in a second; 0 where nothing says so. */
export function offeredPerSecond({ pattern, group, groups, ticksPerSecond }: Load): number {
  const flows = { none: 0, pair: 1, mesh: group * (group - 1), star: 2 * (group - 1), broadcast: group - 1 }[pattern];
  return flows * groups * ticksPerSecond;
}

/** The same scenario with about so many packets a second, and never less than one step. */
export function withLoad(scenario: Scenario, packetsPerSecond: number): Scenario {
  const { load, scale } = scenario;
  const offered = offeredPerSecond(load);
  if (scale === "none" || offered === 0) return scenario;
  const wanted = Math.max(1, Math.round((load[UNIT[scale]] * packetsPerSecond) / offered));
  return { ...scenario, load: { ...load, [UNIT[scale]]: wanted } };
}

const UNIT = { groups: "groups", ticks: "ticksPerSecond" } as const;
