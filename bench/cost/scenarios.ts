/** The games whose cost stands in docs/capacity.md. */
import type { Scenario } from "./measure.ts";

export interface CostedGame {
  readonly title: string;
  readonly scenario: Scenario;
}

const SECONDS = 30;

export const COSTED_GAMES: readonly CostedGame[] = [
  { title: "8 players, 20 ticks/s, 64 B", scenario: { players: 8, ticksPerSecond: 20, payload: 64, seconds: SECONDS } },
  { title: "8 players, 60 ticks/s, 64 B", scenario: { players: 8, ticksPerSecond: 60, payload: 64, seconds: SECONDS } },
  {
    title: "16 players, 20 ticks/s, 128 B",
    scenario: { players: 16, ticksPerSecond: 20, payload: 128, seconds: SECONDS },
  },
  { title: "2 players, 60 ticks/s, 32 B", scenario: { players: 2, ticksPerSecond: 60, payload: 32, seconds: SECONDS } },
  { title: "4 players, 1 tick/s, 200 B", scenario: { players: 4, ticksPerSecond: 1, payload: 200, seconds: SECONDS } },
];
