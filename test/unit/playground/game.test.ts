import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { autopilot } from "../../../src/playground/game/autopilot.ts";
import { Interpolation } from "../../../src/playground/game/interpolation.ts";
import { decodeScore, decodeShip, encodeScore, encodeShip } from "../../../src/playground/game/messages.ts";
import {
  ARENA,
  SHIP_RADIUS,
  STARTS,
  type Ship,
  TICKS_PER_SECOND,
  newSpark,
  step,
  touches,
} from "../../../src/playground/game/simulation.ts";

const TICK_MS = 1000 / TICKS_PER_SECOND;
const float = (min: number, max: number) => fc.float({ min, max, noNaN: true });

describe("simulation", () => {
  it("keeps a ship in the arena, whatever is steered", () => {
    const steering = fc.record({ x: float(-1, 1), y: float(-1, 1) });
    fc.assert(
      fc.property(fc.array(steering, { maxLength: 300 }), (all) => {
        let ship: Ship = STARTS[0];
        for (const one of all) {
          ship = step(ship, one);
          expect(ship.x).toBeGreaterThanOrEqual(SHIP_RADIUS);
          expect(ship.x).toBeLessThanOrEqual(ARENA.width - SHIP_RADIUS);
          expect(ship.y).toBeGreaterThanOrEqual(SHIP_RADIUS);
          expect(ship.y).toBeLessThanOrEqual(ARENA.height - SHIP_RADIUS);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("drifts to a stop without steering", () => {
    let ship: Ship = { ...STARTS[0], vx: 500 };
    for (let tick = 0; tick < 5 * TICKS_PER_SECOND; tick++) ship = step(ship, { x: 0, y: 0 });
    expect(Math.abs(ship.vx)).toBeLessThan(1);
  });

  it("has sparks that a ship can reach, and both autopilots do", () => {
    for (const isHost of [true, false]) {
      let ship: Ship = STARTS[0];
      const spark = newSpark(() => 0.9);
      let ticks = 0;
      while (!touches(ship, spark) && ticks++ < 10 * TICKS_PER_SECOND)
        ship = step(ship, autopilot(ship, spark, isHost));
      expect(ticks).toBeLessThan(10 * TICKS_PER_SECOND);
    }
  });
});

describe("messages", () => {
  it("are read as they were written", () => {
    const whole = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.nat(), float(-2000, 2000), float(-2000, 2000), (tick, x, vx) => {
        const state = { tick, ship: { x, y: 1, vx, vy: -1 } };
        expect(decodeShip(encodeShip(state))).toEqual(state);
      }),
    );
    fc.assert(
      fc.property(whole, whole, whole, whole, (host, guest, x, y) => {
        const state = { scores: [host, guest] as const, spark: { x, y } };
        expect(decodeScore(encodeScore(state))).toEqual(state);
      }),
    );
  });

  it("from somebody else's program are nothing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const ship = decodeShip(bytes)?.ship;
        if (ship) expect(Object.values(ship).every(Number.isFinite)).toBe(true);
        else
          expect(bytes.length !== 20 || [4, 8, 12, 16].some((at) => !Number.isFinite(floatAt(bytes, at)))).toBe(true);
        expect(decodeScore(bytes) === undefined).toBe(bytes.length !== 8);
      }),
    );
  });
});

function floatAt(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat32(offset);
}

/** Of a ship with 300 units a second, from 0. */
function stateOf(tick: number) {
  return { tick, ship: { x: 10 * tick, y: 0, vx: 300, vy: 0 } };
}

const LAG = 40;

describe("interpolation", () => {
  it("draws a steady ship steadily, three ticks in the past, though states come late and some not at all", () => {
    const seen = new Interpolation();
    let last = -Infinity;
    for (let tick = 0; tick < 200; tick++) {
      const lateness = (tick * 7) % 30;
      if (tick % 9 !== 4) seen.add(stateOf(tick), tick * TICK_MS + LAG + lateness);
      const now = tick * TICK_MS + LAG + 30;
      const place = seen.at(now);
      if (tick < 10 || !place) continue;
      const expected = ((now - LAG) / TICK_MS - 3) * 10;
      expect(Math.abs(place.x - expected)).toBeLessThan(2.5);
      expect(place.x).toBeGreaterThan(last);
      last = place.x;
    }
    expect(last).toBeGreaterThan(1_900);
  });

  it("goes on for a moment when nothing comes, and then stands still", () => {
    const seen = new Interpolation();
    for (let tick = 0; tick <= 10; tick++) seen.add(stateOf(tick), tick * TICK_MS);
    const later = 10 * TICK_MS + 3 * TICK_MS;
    expect(seen.at(later + 50)?.x).toBeCloseTo(100 + 15, 0);
    expect(seen.at(later + 1_000)?.x).toBe(seen.at(later + 10_000)?.x);
  });

  it("begins anew with a player who counts anew, and knows nothing at first", () => {
    const seen = new Interpolation();
    expect(seen.at(0)).toBeUndefined();
    for (let tick = 500; tick <= 510; tick++) seen.add(stateOf(tick), tick * TICK_MS);
    seen.add(stateOf(1), 511 * TICK_MS);
    expect(seen.at(511 * TICK_MS)?.x).toBeLessThan(20);
  });
});
