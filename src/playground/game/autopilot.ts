/** Flies until somebody takes over, so that there is something to see when one person opens the page. */
import { limited } from "./input.ts";
import type { Point, Ship, Steering } from "./simulation.ts";

/** Looks so many seconds ahead, to brake in time. The two have tempers of their own, or they would fly as one. */
const CAREFUL = { foresight: 0.5, power: 0.7 };
const BOLD = { foresight: 0.3, power: 0.8 };
const FULL_POWER_AT = 260;

export function autopilot(ship: Ship, spark: Point, isHost: boolean): Steering {
  const { foresight, power } = isHost ? CAREFUL : BOLD;
  const x = spark.x - (ship.x + ship.vx * foresight);
  const y = spark.y - (ship.y + ship.vy * foresight);
  return limited({ x: (x / FULL_POWER_AT) * power, y: (y / FULL_POWER_AT) * power });
}
