/** [T3] [T4] Where the ticks of peers meet, and that those who follow do. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Cadence } from "../../../../src/relay/pacing/cadence.ts";
import { meeting } from "../../../../src/relay/pacing/meeting.ts";
import { play } from "./simulation.ts";

const START = 1_700_000_000_000;

function ticking(phase: number, period = 20): Cadence {
  const cadence = new Cadence();
  for (let i = 0; i < 60; i++) cadence.heard(START + phase + i * period);
  return cadence;
}

const NOW = START + 60 * 20;
const shiftOf = (own: Cadence, ...others: (Cadence | undefined)[]) => meeting(own, others, NOW)?.shift;

describe("meeting", () => {
  test("two thirds of the way to one other, whichever way is shorter", () => {
    expect(shiftOf(ticking(0), ticking(3))).toBeCloseTo(2, 0);
    expect(shiftOf(ticking(3), ticking(0))).toBeCloseTo(-2, 0);
    expect(shiftOf(ticking(1), ticking(18))).toBeCloseTo(-2, 0);
  });

  test("the circular mean of several", () => {
    expect(shiftOf(ticking(0), ticking(18), ticking(2))).toBeCloseTo(0, 5);
    expect(shiftOf(ticking(0), ticking(1), ticking(5))).toBeCloseTo(2, 0);
  });

  test("nobody to meet: none, none that is steady, none of the same period, none that still ticks", () => {
    expect(shiftOf(ticking(0))).toBeUndefined();
    expect(shiftOf(ticking(0), undefined, new Cadence())).toBeUndefined();
    expect(shiftOf(ticking(0), ticking(5, 21))).toBeUndefined();
    expect(meeting(ticking(0), [ticking(5)], NOW + 10_000)).toBeUndefined();
  });

  test("is reached when all are within a few hundredths of a period", () => {
    expect(meeting(ticking(0, 100), [ticking(1, 100)], START + 6_000)?.isReached).toBe(true);
    expect(meeting(ticking(0, 100), [ticking(6, 100)], START + 6_000)?.isReached).toBe(false);
  });

  test("never asks for more than half a period", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 19 }), { minLength: 1, maxLength: 40 }), (phases) => {
        const shift = shiftOf(ticking(0), ...phases.map((phase) => ticking(phase))) ?? 0;
        expect(Math.abs(shift)).toBeLessThanOrEqual(10.5);
      }),
      { numRuns: 50 },
    );
  });
});

function isInSameHalf(a: number, b: number): boolean {
  return a < 4 === b < 4;
}

describe("those who follow come together, from whatever phases", () => {
  test("a mesh of 2 to 16, at 20 to 60 Hz, within a tenth of a period and 1.5 ms, in half a minute", () => {
    const swarm = fc.record({
      peers: fc.integer({ min: 2, max: 16 }),
      periodMs: fc.integer({ min: 16, max: 50 }),
      jitterMs: fc.integer({ min: 0, max: 3 }),
      driftPpm: fc.constantFrom(0, 100),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    fc.assert(
      fc.property(swarm, (options) => {
        const { spreads } = play(options, 40);
        for (const spread of spreads.slice(30)) expect(spread).toBeLessThan(1.5 + options.periodMs / 10);
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ["64 in a mesh", 64, () => true],
    ["a host and 15 clients", 16, (a: number, b: number) => a === 0 || b === 0],
    ["two teams of 8 that only talk to each other", 16, (a: number, b: number) => a < 8 !== b < 8],
  ])("%s, at 30 Hz", (_, peers, isLinked) => {
    for (let seed = 1; seed <= 5; seed++) {
      const { spreads } = play({ peers, periodMs: 1000 / 30, jitterMs: 3, driftPpm: 100, seed, isLinked }, 60);
      expect(spreads.at(-1)).toBeLessThan(5);
    }
  });

  test("[T6] by delay of at most 3 ms, when they are no further apart; when they are, hardly any wait", () => {
    const swarm = { peers: 8, periodMs: 1000 / 30, jitterMs: 1, driftPpm: 0, maxDelayMs: 3 };
    for (let seed = 1; seed <= 5; seed++) {
      const near = play({ ...swarm, seed, withinMs: 3 }, 60);
      expect(near.spreads.at(-1)).toBeLessThan(2.2);
      const far = play({ ...swarm, seed }, 60);
      for (const hold of [...near.holds, ...far.holds]) expect(hold).toBeLessThanOrEqual(3);
      expect(far.holds.filter((hold) => hold > 0).length).toBeLessThanOrEqual(4);
    }
  });

  test("two rooms' worth of peers that share no connection keep their distance", () => {
    const swarm = { peers: 8, periodMs: 50, jitterMs: 1, driftPpm: 0, isLinked: isInSameHalf };
    const outcomes = [1, 2, 3, 4, 5, 6].map((seed) => play({ ...swarm, seed }, 30));
    // Phases were drawn at random: of six draws some end far apart, were they led by one beat none would.
    expect(outcomes.some(({ spreads }) => (spreads.at(-1) ?? 0) > 8)).toBe(true);
  });

  test("[T5] hints become rare: at most one in five seconds for each once they are together", () => {
    const swarm = { peers: 8, periodMs: 1000 / 30, jitterMs: 3, driftPpm: 100, seed: 3 };
    const hints = (seconds: number): number => play(swarm, seconds).hints;
    expect((hints(90) - hints(30)) / 8).toBeLessThanOrEqual(12);
  });
});
