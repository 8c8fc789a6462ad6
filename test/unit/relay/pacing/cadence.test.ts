/** [T2] What the relay makes of arrival times in whole ms. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../../src/client/engine/random.ts";
import { Cadence } from "../../../../src/relay/pacing/cadence.ts";

const START = 1_700_000_000_000;

/** Hears `count` ticks of this period from `from` on, each up to `jitter` ms late. Returns when the last was sent. */
function play(cadence: Cadence, period: number, count: number, { from = START, jitter = 0, seed = 1 } = {}): number {
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) cadence.heard(Math.floor(from + i * period + random() * jitter));
  return from + (count - 1) * period;
}

describe("a steady sender", () => {
  test.each([4, 1000 / 128, 1000 / 60, 1000 / 30, 50, 100, 1_000])(
    "of period %f is known to a fraction of a ms",
    (period) => {
      const cadence = new Cadence();
      const last = play(cadence, period, 60, { from: START + 0.25 });
      expect(cadence.isMeasured).toBe(true);
      expect(Math.abs(cadence.period - period)).toBeLessThan(0.05);
      // Floored times are half a ms early on average, those of everybody alike.
      expect(Math.abs(cadence.tickAt + 0.5 - last)).toBeLessThan(0.8);
    },
  );

  test.each([1, 2, 3, 4, 5])("is known through a jitter of 3 ms (seed %i)", (seed) => {
    const cadence = new Cadence();
    const last = play(cadence, 1000 / 30, 200, { jitter: 3, seed });
    expect(cadence.isMeasured).toBe(true);
    expect(Math.abs(cadence.period - 1000 / 30)).toBeLessThan(0.25);
    expect(Math.abs(cadence.tickAt + 0.5 - 1.5 - last)).toBeLessThan(1.5);
  });

  test("messages within 2 ms are one tick", () => {
    const cadence = new Cadence();
    const isNews = Array.from({ length: 40 }, (_, i) =>
      [0, 1, 2].map((late) => cadence.heard(START + i * 20 + late)),
    ).flat();
    expect(isNews.filter(Boolean)).toHaveLength(40);
    expect(cadence.isMeasured).toBe(true);
    expect(cadence.period).toBeCloseTo(20, 5);
  });

  test("a tick that is left out now and then changes nothing", () => {
    const cadence = new Cadence();
    for (let i = 0; i < 100; i++) if (i % 9 !== 0) cadence.heard(START + i * 25);
    expect(cadence.isMeasured).toBe(true);
    expect(cadence.period).toBeCloseTo(25, 5);
  });

  test("one whose first two messages stood too close is understood all the same", () => {
    const cadence = new Cadence();
    cadence.heard(START - 10);
    play(cadence, 30, 100);
    expect(cadence.isMeasured).toBe(true);
    expect(cadence.period).toBeCloseTo(30, 1);
  });

  test("is not judged before 24 ticks, nor so soon after a hint", () => {
    const cadence = new Cadence();
    const last = play(cadence, 20, 23);
    expect(cadence.isMeasured).toBe(false);
    cadence.heard(last + 20);
    expect(cadence.isMeasured).toBe(true);
    cadence.led();
    play(cadence, 20, 17, { from: last + 40 });
    expect([cadence.isMeasured, cadence.isSteady]).toEqual([false, true]);
    cadence.heard(last + 40 + 17 * 20);
    expect(cadence.isMeasured).toBe(true);
  });

  test("that moves after a hint is found where it is now", () => {
    const cadence = new Cadence();
    const last = play(cadence, 50, 60);
    cadence.led();
    const moved = play(cadence, 50, 40, { from: last + 50 + 15 });
    expect(Math.abs(cadence.tickAt - moved)).toBeLessThan(0.8);
    expect(cadence.isMeasured).toBe(true);
  });

  test("has stopped when nothing has come for four periods", () => {
    const cadence = new Cadence();
    const last = play(cadence, 20, 60);
    expect(cadence.isHeard(last + 80)).toBe(true);
    expect(cadence.isHeard(last + 81)).toBe(false);
  });
});

describe("no steady sender", () => {
  test.each([
    ["less than once a second", (i: number) => i * 1_500],
    ["faster than every 4 ms", (i: number) => i * 3],
    ["at random", (i: number) => Math.floor(i * 50 + seededRandom(i + 1)() * 50)],
    ["by twos", (i: number) => i * 20 - (i % 2) * 13],
  ])("%s", (_, at) => {
    const cadence = new Cadence();
    for (let i = 0; i < 200; i++) cadence.heard(START + at(i));
    expect(cadence.isMeasured).toBe(false);
  });

  test("a clock that goes back begins the measurement anew, and does not put hints off", () => {
    const cadence = new Cadence();
    play(cadence, 20, 60);
    cadence.hintAt = START + 10_000;
    cadence.heard(START - 3_600_000);
    expect([cadence.isMeasured, cadence.hintAt]).toEqual([false, START - 3_600_000]);
    play(cadence, 20, 30, { from: START - 3_599_980 });
    expect(cadence.isMeasured).toBe(true);
  });

  test("a long pause begins it anew", () => {
    const cadence = new Cadence();
    play(cadence, 20, 60);
    cadence.heard(START + 60_000);
    expect(cadence.isMeasured).toBe(false);
  });
});
