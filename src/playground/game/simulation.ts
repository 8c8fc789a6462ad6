/**
 * The rules of the game, and nothing else: no network, no screen, no clock. Two ships in one arena; whoever touches the spark
 * first scores. Both players run the same rules, each for the ship it steers.
 */

/** In units of the arena, which every screen scales to its own size. */
export const ARENA = { width: 1600, height: 1000 } as const;
export const TICKS_PER_SECOND = 30;
export const SHIP_RADIUS = 34;
export const SPARK_RADIUS = 22;

const SECONDS = 1 / TICKS_PER_SECOND;
/** Units per second, per second. */
const THRUST = 1_900;
/** Share of the speed that is left after a second of drifting. */
const DRIFT = 0.16;
const BOUNCE = 0.6;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Ship extends Point {
  /** Units per second. */
  readonly vx: number;
  readonly vy: number;
}

/** Where the player pushes: -1 to 1 each way. */
export type Steering = Point;

export const STARTS: readonly [Ship, Ship] = [
  { x: 300, y: 500, vx: 0, vy: 0 },
  { x: 1300, y: 500, vx: 0, vy: 0 },
];

/** The ship one tick later. */
export function step(ship: Ship, steering: Steering): Ship {
  const drift = DRIFT ** SECONDS;
  const vx = (ship.vx + steering.x * THRUST * SECONDS) * drift;
  const vy = (ship.vy + steering.y * THRUST * SECONDS) * drift;
  const [x, keptX] = bounce(ship.x + vx * SECONDS, ARENA.width);
  const [y, keptY] = bounce(ship.y + vy * SECONDS, ARENA.height);
  return { x, y, vx: vx * keptX, vy: vy * keptY };
}

/** The place within the walls, and what becomes of the speed. */
function bounce(place: number, end: number): [place: number, kept: number] {
  const [low, high] = [SHIP_RADIUS, end - SHIP_RADIUS];
  if (place < low) return [low + (low - place) * BOUNCE, -BOUNCE];
  if (place > high) return [high - (place - high) * BOUNCE, -BOUNCE];
  return [place, 1];
}

export function touches(ship: Point, spark: Point): boolean {
  return distance(ship, spark) < SHIP_RADIUS + SPARK_RADIUS;
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** Not too close to a wall. `random`: 0 to 1. */
export function newSpark(random: () => number): Point {
  const margin = 120;
  return {
    x: Math.round(margin + random() * (ARENA.width - 2 * margin)),
    y: Math.round(margin + random() * (ARENA.height - 2 * margin)),
  };
}
