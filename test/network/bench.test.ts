/** The benchmark itself: that its figures are those of packets that arrived, all of them and in order. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildLeanBundle } from "../../bench/lean/bundle.ts";
import { takeSample } from "../../bench/sample.ts";
import { scenarioNamed } from "../../bench/scenarios.ts";
import { serverNamed } from "../../bench/servers/index.ts";
import { connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";

const timing = { warmMs: 100, measureMs: 1_000, drainMs: 5_000, seed: 1 };

test.for([
  { scenario: "pairs", server: "edge-relay" },
  { scenario: "pairs", server: "bare" },
  { scenario: "mesh8", server: "edge-relay" },
  { scenario: "mesh8-random", server: "edge-relay-aligned" },
  { scenario: "mesh8", server: "edge-relay-deflate" },
  { scenario: "broadcast", server: "edge-relay" },
  { scenario: "mesh8", server: "edge-relay-lean" },
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

/** Packets that a relay says it has relayed, after one has arrived. */
async function packetsCounted(bundle?: string): Promise<number> {
  await using relay = await RunningRelay.start({}, bundle === undefined ? {} : { bundle });
  const enter = async (peer: string) =>
    connect({ url: relay.url, app: 480, ticket: await testTicket({ peer, app: 480 }) });
  await using a = await enter("301");
  await using b = await enter("302");
  const incoming = b.listen()[Symbol.asyncIterator]().next();
  const opening = a.open(302n);
  const { value: other } = await incoming;
  await other?.accept();
  (await opening).send(new Uint8Array(100));
  await other?.[Symbol.asyncIterator]().next();
  const { totalPackets } = await relay.admin<{ totalPackets: number }>("/apps/480/statistics");
  return totalPackets;
}

test("the lean relay relays, and counts nothing of it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-lean-"));
  try {
    await buildLeanBundle(folder);
    expect(await packetsCounted()).toBeGreaterThan(0);
    expect(await packetsCounted(folder)).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
