/** Statistics for tests of what is made of them. */
import { NOTHING } from "../../../../src/relay/directory/figures.ts";
import type { RoomStatistics } from "../../../../src/relay/statistics.ts";

/** `packets` and all that goes with them: a counter at each depth. */
export function statisticsOf(packets: number, now: Partial<RoomStatistics> = {}): RoomStatistics {
  const drops = { ...NOTHING.drops, rate_limited: 2 * packets };
  return { ...NOTHING, totalPackets: packets, totalBytes: 10 * packets, drops, ...now };
}
