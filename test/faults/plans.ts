/** How many faults of which kind: the whole campaign, and a small one that belongs to `npm test`. */
import type { CampaignPlan } from "./campaign.ts";
import type { RelayFaultName, RoomFaultName, SeatFaultName } from "./faults.ts";

type Group = readonly (SeatFaultName | RoomFaultName)[];
type Plan = Omit<CampaignPlan, "seed" | "log">;

/** Four rooms go through each half, so what is here once happens four times. */
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

export const WHOLE: Plan = {
  messages: 1_000_000,
  messagesPerSecond: 4_000,
  faults: 200,
  halves: [
    {
      inRooms: [...times(2, QUICK), ["evicted by hibernation"]],
      everywhere: times<RelayFaultName>(4, [
        "relay killed",
        "relay's clock jumps",
        "relay's clock jumps",
        "relay killed",
      ]),
    },
    {
      inRooms: [...times(2, QUICK), ...SLOW],
      everywhere: times<RelayFaultName>(3, ["relay's clock jumps", "clients' clock jumps", "relay's clock jumps"]),
    },
  ],
};

export const SMALL: Plan = {
  messages: 20_000,
  messagesPerSecond: 3_000,
  faults: 25,
  halves: [
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
