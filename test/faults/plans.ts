/** How many faults of which kind: the whole campaign, and a small one that belongs to `npm test`. */
import type { CampaignPlan } from "./campaign.ts";
import type { RelayFaultName, RoomFaultName, SeatFaultName } from "./faults.ts";

type Group = readonly (SeatFaultName | RoomFaultName)[];
type Plan = Omit<CampaignPlan, "seed" | "log">;

/** Four rooms go through each part, so what is here once happens four times. */
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

function times<T>(count: number, items: readonly T[]): T[] {
  return Array.from({ length: count }, () => items).flat();
}

const JUMPS = times<RelayFaultName>(2, ["relay's clock jumps", "clients' clock jumps", "relay's clock jumps"]);

/** The second part brings the last process to its size; the third is held against it. */
export const WHOLE: Plan = {
  messages: 1_000_000,
  messagesPerSecond: 4_000,
  faults: 200,
  maxGrowth: 1.1,
  parts: [
    {
      inRooms: QUICK,
      everywhere: times(4, ["relay killed", "relay's clock jumps", "relay's clock jumps", "relay killed"]),
    },
    { inRooms: [...QUICK, ...SLOW], everywhere: JUMPS },
    { inRooms: [...QUICK, ...SLOW], everywhere: JUMPS },
  ],
};

/** Without what takes half a minute: eviction, silence, a reader that is given up. */
export const SMALL: Plan = {
  messages: 20_000,
  messagesPerSecond: 3_000,
  faults: 25,
  maxGrowth: 1.5, // a process this young has not reached its size
  parts: [
    {
      inRooms: [["socket cut", "half-open, the application notices"], ["second login"]],
      everywhere: ["relay killed", "relay's clock jumps", "relay's clock jumps"],
    },
    {
      inRooms: [["object aborted"], ["slow reader, below 20 s", "reordered by the simulator"], ["object drained"]],
      everywhere: ["clients' clock jumps"],
    },
  ],
};
