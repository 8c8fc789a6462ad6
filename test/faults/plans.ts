/** How many faults of which kind: the whole campaign, and a small one that belongs to `npm test`. */
import type { CampaignPlan, TableFaultName } from "./campaign.ts";
import type { RelayFaultName } from "./faults.ts";

type Group = readonly TableFaultName[];
type Plan = Omit<CampaignPlan, "seed" | "log">;

/** Four tables go through each part, so what is here once happens four times. */
const QUICK: readonly Group[] = [
  ["socket cut", "half-open, the application notices"],
  ["second login", "socket cut"],
  ["reordered by the simulator", "socket left by reconnect()"],
  ["socket cut", "socket cut", "socket cut", "socket cut"],
  ["slow reader, below 20 s", "half-open, the application notices"],
  ["object aborted"],
  ["second login", "reordered by the simulator"],
  ["object drained"],
  ["half-open, the application notices", "socket left by reconnect()", "second login"],
  ["object aborted", "socket cut"],
];
const SLOW: readonly Group[] = [
  ["evicted by hibernation"],
  ["slow reader, above 20 s", "socket cut"],
  ["half-open, found by silence", "reordered by the simulator"],
];

/** Of what there is between two rooms only. */
const QUICK_BETWEEN: readonly Group[] = [
  ["trunk cut"],
  ["moves to the other room and back", "socket cut"],
  ["trunk cut", "half-open, the application notices"],
  ["no trunk for 4 s"],
  ["both objects aborted"],
  ["moves to the other room and back", "trunk cut"],
];
function times<T>(count: number, items: readonly T[]): T[] {
  return Array.from({ length: count }, () => items).flat();
}

const JUMPS = times<RelayFaultName>(2, ["relay's clock jumps", "clients' clock jumps", "relay's clock jumps"]);

/** The second part brings the last process to its size; the third is held against it. */
export const WHOLE: Plan = {
  rooms: 1,
  messages: 1_000_000,
  messagesPerSecond: 4_000,
  faults: 200,
  maxGrowth: 1.1,
  parts: [
    {
      atTables: QUICK,
      everywhere: times(4, ["relay killed", "relay's clock jumps", "relay's clock jumps", "relay killed"]),
    },
    { atTables: [...QUICK, ...SLOW], everywhere: JUMPS },
    { atTables: [...QUICK, ...SLOW], everywhere: JUMPS },
  ],
};

/** What happens within a room, and what takes half a minute, is shared out between the parts: all of it would take too long. */
export const WHOLE_BETWEEN: Plan = {
  ...WHOLE,
  rooms: 2,
  faults: 250,
  parts: [
    {
      atTables: [...QUICK.slice(0, 5), ...QUICK_BETWEEN],
      everywhere: times(4, ["relay killed", "relay's clock jumps", "relay's clock jumps", "relay killed"]),
    },
    {
      atTables: [...QUICK.slice(5), ...QUICK_BETWEEN, ["evicted by hibernation"], ["no trunk for 36 s"]],
      everywhere: JUMPS,
    },
    {
      atTables: [
        ...QUICK.slice(0, 5),
        ...QUICK_BETWEEN,
        ["both evicted by hibernation"],
        ["slow reader, above 20 s", "half-open, found by silence", "trunk cut"],
      ],
      everywhere: JUMPS,
    },
  ],
};

/** Without what takes half a minute: eviction, silence, a reader that is given up. */
export const SMALL: Plan = {
  rooms: 1,
  messages: 20_000,
  messagesPerSecond: 3_000,
  faults: 25,
  maxGrowth: 1.5, // a process this young has not reached its size
  parts: [
    {
      atTables: [["socket cut", "half-open, the application notices"], ["second login"]],
      everywhere: ["relay killed", "relay's clock jumps", "relay's clock jumps"],
    },
    {
      atTables: [["object aborted"], ["slow reader, below 20 s", "reordered by the simulator"], ["object drained"]],
      everywhere: ["clients' clock jumps"],
    },
  ],
};

export const SMALL_BETWEEN: Plan = {
  rooms: 2,
  messages: 20_000,
  messagesPerSecond: 2_000,
  faults: 25,
  maxGrowth: 1.5,
  parts: [
    {
      atTables: [["trunk cut"], ["object aborted", "socket cut"]],
      everywhere: ["relay killed", "relay's clock jumps", "relay's clock jumps"],
    },
    {
      atTables: [["both objects aborted"], ["trunk cut", "second login"], ["moves to the other room and back"]],
      everywhere: ["clients' clock jumps"],
    },
  ],
};
