/** A real Prometheus scrapes a running relay: what it has afterwards is what the relay has counted. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type RelayClient, connect } from "../../src/client/index.ts";
import type { RoomStatistics } from "../../src/relay/statistics.ts";
import { RunningRelay, TEST_ADMIN_TOKEN, freePort } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";

const APP = 480;
const PATIENCE_MS = 30_000;

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** On a port and in a folder of its own. */
class Prometheus {
  readonly #folder: string;
  readonly #url: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, port: number, config: string) {
    this.#folder = folder;
    this.#url = `http://127.0.0.1:${port}`;
    const file = join(folder, "prometheus.yml");
    writeFileSync(file, config);
    const flags = [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, "data")}`];
    const listen = `--web.listen-address=127.0.0.1:${port}`;
    this.#process = spawn("prometheus", [...flags, listen, "--log.level=error"], { stdio: "ignore" });
  }

  static async scraping(relay: RunningRelay): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-prometheus-"));
    const config = [
      "global: { scrape_interval: 1s }",
      "scrape_configs:",
      "  - job_name: edge-relay",
      `    authorization: { credentials: ${TEST_ADMIN_TOKEN} }`,
      `    static_configs: [{ targets: ['${new URL(relay.url).host}'] }]`,
    ].join("\n");
    return new Prometheus(folder, await freePort(), config);
  }

  async query(query: string): Promise<Series[]> {
    const response = await fetch(`${this.#url}/api/v1/query?${new URLSearchParams({ query })}`);
    const { status, data } = (await response.json()) as { status: string; data: { result: Series[] } };
    if (status !== "success") throw new Error(`${query}: ${JSON.stringify(data)}`);
    return data.result;
  }

  /** The first value; undefined while there is none. */
  async value(query: string): Promise<number | undefined> {
    const [first] = await this.query(query);
    return first && Number(first.value[1]);
  }

  /** Its first seconds are silent. */
  async isReady(): Promise<boolean> {
    const answer = await fetch(`${this.#url}/-/ready`).catch(() => undefined);
    return answer?.ok === true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    if (this.#process.exitCode === null) {
      this.#process.kill("SIGTERM");
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline;) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`it did not come to this: ${what}`);
}

async function enter(relay: RunningRelay, peer: bigint): Promise<RelayClient> {
  const ticket = await testTicket({ app: APP, peer: String(peer) });
  return connect({ url: relay.url, app: APP, ticket, reconnect: false });
}

/** Two players who exchange `count` messages in a family, and one that asks for a handle it does not have. */
async function play(a: RelayClient, b: RelayClient, count: number): Promise<void> {
  const listener = b.listen({ virtualPort: 9 });
  const opening = a.open(b.peer, { virtualPort: 9 });
  const { value: incoming } = await listener[Symbol.asyncIterator]().next();
  if (!incoming) throw new Error("the listener ended");
  await incoming.accept();
  const connection = await opening;
  for (let i = 0; i < count; i++) connection.send(`message ${i}`);
  let heard = 0;
  await until("all messages are heard", async () => (heard += incoming.receive().length) === count);
  listener.close();
}

/** What the relay says of itself, under the names of its metrics. */
function countersOf({ families, messages, joins, drops, refusals, joinRefusals }: RoomStatistics) {
  const counters = new Map<string, number>();
  const note = (name: string, labels: Readonly<Record<string, string>>, value: number): void => {
    const pairs = Object.entries({ app: String(APP), ...labels }).map(([label, text]) => `${label}="${text}"`);
    counters.set(`edge_relay_${name}_total{${pairs.join(",")}}`, value);
  };
  for (const [family, { opened, packets, bytes }] of Object.entries(families)) {
    note("connections_opened", { family }, opened);
    note("relayed_packets", { family }, packets);
    note("relayed_bytes", { family }, bytes);
  }
  note("messages_received", {}, messages);
  note("joins", {}, joins);
  for (const [reason, count] of Object.entries(drops)) note("drops", { reason }, count);
  for (const [reason, count] of Object.entries(refusals)) note("refused_frames", { reason }, count);
  for (const [reason, count] of Object.entries(joinRefusals)) note("refused_joins", { reason }, count);
  return counters;
}

test("promtool accepts what is served, and three scrapes later Prometheus' counters are the relay's", async () => {
  await using relay = await RunningRelay.start();
  await using prometheus = await Prometheus.scraping(relay);
  const [a, b] = [await enter(relay, 1n), await enter(relay, 2n)];
  await play(a, b, 25);
  await a.close();
  await b.close();
  // The last to leave is the last that there is to count, and a room that is left reports.
  const statistics = await relay.admin<RoomStatistics>(`/apps/${APP}/statistics`);
  expect(statistics).toMatchObject({ joins: 2, peers: 0, totalPackets: expect.any(Number) });
  expect(statistics.totalPackets).toBeGreaterThanOrEqual(25);
  const counters = countersOf(statistics);
  expect(counters.size).toBe(4 * 3 + 2 + Object.keys({ ...statistics.drops }).length + countNames(statistics));
  const headers = { authorization: `Bearer ${TEST_ADMIN_TOKEN}` };
  const scraped = async () => (await fetch(`${relay.url}/metrics`, { headers })).text();
  const packets = `edge_relay_relayed_packets_total{app="${APP}",family="NetworkingSockets"}`;
  await until("the directory knows", async () => (await scraped()).includes(`${packets} ${counters.get(packets)}`));
  const input = await scraped();
  expect(spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" })).toMatchObject({
    status: 0,
    stdout: "",
    stderr: "",
  });

  const before = Date.now() / 1000;
  const scrapes = `count_over_time(up{job="edge-relay"}[1m] @ end())`;
  await until("Prometheus is ready", () => prometheus.isReady());
  await until("it has scraped", async () => ((await prometheus.value("up")) ?? 0) === 1);
  const first = (await prometheus.value(scrapes)) ?? 0;
  await until("three more scrapes", async () => ((await prometheus.value(scrapes)) ?? 0) >= first + 3);
  for (const [series, count] of counters) expect([series, await prometheus.value(series)]).toEqual([series, count]);
  const latest = await prometheus.query(packets);
  expect(latest[0]?.value[0]).toBeGreaterThan(before);
  expect(await prometheus.value("min_over_time(up[1m])")).toBe(1);
  // It takes nothing for a counter that fell, or that began anew.
  expect(await prometheus.value("max(resets(edge_relay_relayed_packets_total[1m]))")).toBe(0);
  expect(await prometheus.value("edge_relay_build_info")).toBe(1);
});

function countNames({ refusals, joinRefusals }: RoomStatistics): number {
  return Object.keys(refusals).length + Object.keys(joinRefusals).length;
}
