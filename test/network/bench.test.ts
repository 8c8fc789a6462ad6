/** The benchmark itself: that its figures are those of packets that arrived, all of them and in order. */
import { expect, test } from "vitest";
import { takeSample } from "../../bench/sample.ts";
import { scenarioNamed } from "../../bench/scenarios.ts";
import { serverNamed } from "../../bench/servers/index.ts";

const timing = { warmMs: 100, measureMs: 1_000, drainMs: 5_000, seed: 1 };

test.for([
  { scenario: "pairs", server: "edge-relay" },
  { scenario: "pairs", server: "bare" },
  { scenario: "mesh8", server: "edge-relay" },
  { scenario: "mesh8", server: "edge-relay-deflate" },
  { scenario: "broadcast", server: "edge-relay" },
  { scenario: "mesh8", server: "bare-deno" },
])("$scenario on $server delivers every packet", async ({ scenario, server }) => {
  const sample = await takeSample({
    scenario: scenarioNamed(scenario),
    server: serverNamed(server),
    alternation: 0,
    timing,
  });
  expect(sample.firstError).toBe("");
  expect(sample).toMatchObject({ errors: 0, lost: 0, disordered: 0 });
  expect(sample.perSecond).toBeGreaterThan(0);
  expect(sample.cpuUs).toBeGreaterThan(0);
  expect(sample.p99Ms).toBeGreaterThanOrEqual(sample.p50Ms);
});
