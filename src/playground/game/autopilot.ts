/** Flies until somebody takes over, so that there is something to see when one person opens the page. */
import { limited } from "./input.ts";
import type { Point, Ship, Steering } from "./simulation.ts";

/** Looks so many seconds ahead, to brake in time. */
const FORESIGHT = 0.45;
const FULL_POWER_AT = 260;
const POWER = 0.7;

export function autopilot(ship: Ship, spark: Point): Steering {
  const x = spark.x - (ship.x + ship.vx * FORESIGHT);
  const y = spark.y - (ship.y + ship.vy * FORESIGHT);
  return limited({ x: (x / FULL_POWER_AT) * POWER, y: (y / FULL_POWER_AT) * POWER });
}
