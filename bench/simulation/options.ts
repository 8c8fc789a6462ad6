/** The day that docs/capacity.md shows. Whatever is not measured or published is assumed here, or in places.ts. */
import type { WorldOptions } from "./world.ts";

export const PUBLISHED_DAY: WorldOptions = {
  seed: 20_261_123,
  players: 1_000_000,
  meanMatchMinutes: 30,
  meanPatienceMinutes: 120,
  worldwideShare: 0.15,
  medianAccessMs: 12,
};
