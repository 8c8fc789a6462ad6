/** Where a room is created: by who comes first. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CONTINENTS,
  COUNTRIES,
  JURISDICTIONS,
  type Jurisdiction,
  LOCATION_HINTS,
  type LocationHint,
} from "../../../../src/relay/placement/location-hints.ts";
import { distanceKm, nearestHint } from "../../../../src/relay/placement/nearest-hint.ts";

const HINTS = Object.entries(LOCATION_HINTS) as [LocationHint, readonly [number, number]][];
const latitude = fc.double({ min: -90, max: 90, noNaN: true });
const longitude = fc.double({ min: -180, max: 180, noNaN: true });

describe("nearestHint", () => {
  test.each([
    ["Seattle", 47.6, -122.3, "wnam"],
    ["New York", 40.7, -74.0, "enam"],
    ["Lima", -12.0, -77.0, "sam"],
    ["Lisbon", 38.7, -9.1, "weur"],
    ["Kyiv", 50.4, 30.5, "eeur"],
    ["Taipei", 25.0, 121.5, "apac"],
    ["Seoul", 37.6, 127.0, "apac-ne"],
    ["Jakarta", -6.2, 106.8, "apac-se"],
    ["Auckland", -36.8, 174.8, "oc"],
    ["Lusaka", -15.4, 28.3, "afr"],
    ["Riyadh", 24.7, 46.7, "me"],
    ["Suva, across the date line from nothing", -18.1, -178.4, "oc"],
  ])("%s", (_name, lat, long, hint) => {
    expect(nearestHint({ latitude: lat, longitude: long })).toBe(hint);
  });

  test("is the least distant of all, or of those within a jurisdiction", () => {
    const jurisdictions = fc.constantFrom(undefined, ...(Object.keys(JURISDICTIONS) as Jurisdiction[]));
    fc.assert(
      fc.property(latitude, longitude, jurisdictions, (lat, long, jurisdiction) => {
        const chosen = nearestHint({ latitude: lat, longitude: long }, jurisdiction) as LocationHint;
        const allowed = HINTS.filter(([hint]) => !jurisdiction || JURISDICTIONS[jurisdiction].includes(hint as never));
        expect(allowed.map(([hint]) => hint)).toContain(chosen);
        const distance = distanceKm([lat, long], LOCATION_HINTS[chosen]);
        for (const [, place] of allowed) expect(distanceKm([lat, long], place)).toBeGreaterThanOrEqual(distance);
      }),
    );
  });

  test("by country, then by continent, where there are no good coordinates", () => {
    expect(nearestHint({ country: "JP", continent: "AS" })).toBe("apac-ne");
    expect(nearestHint({ country: "IL", continent: "AS" })).toBe("me");
    expect(nearestHint({ country: "HK", continent: "AS" })).toBe("apac");
    expect(nearestHint({ country: "XX", continent: "SA" })).toBe("sam");
    for (const wrong of [{ latitude: Number.NaN, longitude: 1 }, { latitude: 91, longitude: 1 }, { latitude: 5 }]) {
      expect(nearestHint({ ...wrong, country: "PL" })).toBe("eeur");
    }
  });

  test("is nothing where nothing is known", () => {
    expect(nearestHint({})).toBeUndefined();
    expect(nearestHint({ country: "T1", continent: "AN" })).toBeUndefined();
  });

  test("every hint is somebody's nearest, and so is the one that a country or continent stands for", () => {
    for (const [hint, [lat, long]] of HINTS) expect(nearestHint({ latitude: lat, longitude: long })).toBe(hint);
    for (const country of Object.keys(COUNTRIES)) expect(nearestHint({ country })).toBeDefined();
    const byContinent = Object.keys(CONTINENTS).map((continent) => nearestHint({ continent }));
    expect(byContinent).toEqual(["afr", "apac", "weur", "enam", "oc", "sam"]);
  });
});

describe("distanceKm", () => {
  test("of known places", () => {
    expect(distanceKm([52.5, 13.4], [40.7, -74.0])).toBeCloseTo(6_385, -2);
    expect(distanceKm([0, 0], [0, 180])).toBeCloseTo(20_015, -1);
  });

  test("is a distance: nothing to itself, the same both ways, and no way around is shorter", () => {
    const place = fc.tuple(latitude, longitude);
    fc.assert(
      fc.property(place, place, place, (a, b, c) => {
        expect(distanceKm(a, a)).toBe(0);
        expect(distanceKm(a, b)).toBeCloseTo(distanceKm(b, a), 6);
        expect(distanceKm(a, b)).toBeLessThanOrEqual(distanceKm(a, c) + distanceKm(c, b) + 1e-3);
      }),
    );
  });
});
