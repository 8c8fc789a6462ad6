/** Flies until somebody takes over, so that there is something to see when one person opens the page. */
import { limited } from "./input.ts";
import type { Point, Ship, Steering } from "./simulation.ts";

/** Looks so many seconds ahead, to brake in time. */
const FORESIGHT = 0.35;
const FULL_POWER_AT = 260;

export function autopilot(ship: Ship, spark: Point, isHost: boolean): Steering {
  const power = zeal(spark, isHost);
  const x = spark.x - (ship.x + ship.vx * FORESIGHT);
  const y = spark.y - (ship.y + ship.vy * FORESIGHT);
  return limited({ x: (x / FULL_POWER_AT) * power, y: (y / FULL_POWER_AT) * power });
}

/** 0.55 to 1, another for each spark and each of the two, who would fly as one otherwise: some they like, some bore them. */
function zeal({ x, y }: Point, isHost: boolean): number {
  return 0.55 + (0.45 * ((x * 31 + y * 17 + (isHost ? 0 : 53)) % 97)) / 97;
}
