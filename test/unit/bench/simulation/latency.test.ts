import { describe, expect, test } from "vitest";
import { HINT_PLACES, nearestHints, readMatrix } from "../../../../bench/simulation/latency.ts";
import { AREAS, HINTS, PLACES } from "../../../../bench/simulation/places.ts";
import { distanceKm } from "../../../../src/relay/placement/nearest-hint.ts";

/** Light in fibre. */
const KM_PER_MS = 200;

const matrix = readMatrix();
const pairs = PLACES.flatMap((a, i) => PLACES.map((b, j) => ({ a, b, i, j, ms: matrix[i]![j]! })));

describe("the table of latencies", () => {
  test("has every way, the same both ways, and the shortest within a place", () => {
    for (const { i, j, ms } of pairs) {
      expect(ms).toBe(matrix[j]![i]);
      expect(ms).toBeGreaterThan(0);
      if (i !== j) expect(ms).toBeGreaterThan(matrix[i]![i]!);
    }
  });

  test("no way is faster than light, and none takes four times as long and 20 ms more", () => {
    for (const { a, b, ms } of pairs) {
      const light = distanceKm(a.at, b.at) / KM_PER_MS;
      expect(ms, `${a.title} – ${b.title}`).toBeGreaterThanOrEqual(light);
      expect(ms, `${a.title} – ${b.title}`).toBeLessThanOrEqual(4 * light + 20);
    }
  });

  test("a detour saves a quarter at most: routes of the internet keep to the triangle inequality only roughly", () => {
    for (const { i, j, ms } of pairs) {
      for (const k of PLACES.keys()) expect(matrix[i]![k]! + matrix[k]![j]!).toBeGreaterThanOrEqual(0.75 * ms);
    }
  });
});

describe("places", () => {
  test("have all players of the world between them", () => {
    expect(PLACES.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(100, 10);
    expect(new Set(PLACES.map(({ area }) => area))).toEqual(new Set(AREAS));
    expect(distanceKm([0, 0], [0, 180])).toBeCloseTo(Math.PI * 6371, 6);
  });

  test("each hint is at one of them, and is the nearest to itself", () => {
    expect(HINTS.map(({ name }) => name)).toEqual([
      "wnam",
      "enam",
      "sam",
      "weur",
      "eeur",
      "apac",
      "apac-ne",
      "apac-se",
      "oc",
      "afr",
      "me",
    ]);
    expect(new Set(HINT_PLACES).size).toBe(HINTS.length);
    const nearest = nearestHints(matrix);
    HINT_PLACES.forEach((place, hint) => expect(nearest[place]).toBe(hint));
    for (const [place, hint] of nearest.entries()) {
      for (const other of HINT_PLACES)
        expect(matrix[place]![HINT_PLACES[hint]!]).toBeLessThanOrEqual(matrix[place]![other]!);
    }
  });
});
