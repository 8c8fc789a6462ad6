/** What is measured and printed: quantiles, tables, and the shape of a load. */
import { describe, expect, test } from "vitest";
import { type Plan, isLocal, linksOf } from "../../../src/cli/bench/plan.ts";
import { quantilesOf } from "../../../src/cli/quantiles.ts";
import { columns, lines } from "../../../src/cli/table.ts";
import { relayUrl } from "../../../src/cli/values.ts";

const PLAN: Plan = { peers: 5, shape: "pairs", seconds: 1, rate: 30, size: 100, reliable: false };

test("quantiles", () => {
  expect(quantilesOf([])).toBeUndefined();
  expect(quantilesOf([3])).toEqual({ median: 3, p99: 3, min: 3, max: 3 });
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(quantilesOf(hundred)).toEqual({ median: 50, p99: 99, min: 1, max: 100 });
});

test("a table has a column for every name, and says so where there is nothing", () => {
  expect(columns([])).toBe("none");
  // The reason of a ban is some operator's text.
  expect(columns([{ reason: "\u001b[2Jgone\nfake row" }])).toBe("reason\n?[2Jgone?fake row");
  const text = columns([
    { id: "10", until: null },
    { id: "7", until: 0, more: true },
  ]);
  expect(text.split("\n")).toEqual([
    "id  until                     more",
    "10  -                         -",
    "7   1970-01-01T00:00:00.000Z  true",
  ]);
});

test("of the objects in an object, only what is not zero", () => {
  expect(lines({ peers: 0, drops: { late: 0, held: 2 } })).toBe("peers       0\ndrops.held  2");
  expect(lines({ families: { Old: { opened: 0 }, Pb: { opened: 7, active: 0 } } })).toBe("families.Pb.opened  7");
});

describe("a load", () => {
  test("pairs leave an odd peer alone; in a mesh each is linked to each once", () => {
    expect(linksOf(PLAN)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    const mesh = linksOf({ ...PLAN, shape: "mesh" });
    expect(new Set(mesh.map(String)).size).toBe(10);
    expect(mesh.every(([from, to]) => from < to && to < 5)).toBe(true);
  });

  test("is for this machine unless told otherwise", () => {
    for (const host of ["localhost:1", "127.0.0.1", "127.1.2.3", "[::1]:8787"]) {
      expect(isLocal(new URL(`http://${host}`)), host).toBe(true);
    }
    for (const host of ["127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", "[::2]"]) {
      expect(isLocal(new URL(`http://${host}`)), host).toBe(false);
    }
  });
});

test("the relay that is meant: as typed, or the environment's, or this machine's", () => {
  const variables = { EDGE_RELAY_URL: "wss://relay.example.com/eu" };
  expect(relayUrl("ws://localhost:1", variables).href).toBe("http://localhost:1/");
  expect(relayUrl(undefined, variables).href).toBe("https://relay.example.com/eu");
  expect(relayUrl(undefined, { EDGE_RELAY_URL: "" }).href).toBe("http://127.0.0.1:8787/");
});
