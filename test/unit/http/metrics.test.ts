/** `GET /metrics` over a directory of the test's own. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import type { RelayEnvironment, RoomGateway } from "../../../src/http/gateway.ts";
import { MAX_ASKED_APPS, MAX_NAMED_APPS } from "../../../src/http/metrics-apps.ts";
import { APP_METRICS } from "../../../src/http/metrics-list.ts";
import { VERSION } from "../../../src/http/version.ts";
import type { AppId } from "../../../src/protocol/index.ts";
import type { AppDirectory, RelayDirectory } from "../../../src/relay/directory/report.ts";
import type { LogEntry } from "../../../src/relay/ports.ts";
import type { RoomStatistics } from "../../../src/relay/statistics.ts";
import { type ReadMetric, parseMetrics, valueOf } from "../../support/metrics.ts";
import { TestRoom } from "../../support/room.ts";

const TOKEN = "admin-token-of-the-test";
const NOW = 1_700_000_000_000;
/** As a room has them, so that no field can be missing here. */
const NOTHING: RoomStatistics = new TestRoom().statistics;

/** Every number, at any depth, is `value`. */
function filled<T extends object>(record: T, value: number): T {
  const entries = Object.entries(record).map(([name, field]) => [
    name,
    typeof field === "object" ? filled(field as object, value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

/** Apps whose counters all stand at the same number. */
class Apps implements RelayDirectory {
  readonly counts = new Map<number, number>();
  readonly broken = new Set<number>();
  readonly asked: number[] = [];

  constructor(counts: Readonly<Record<number, number>> = {}) {
    for (const [app, count] of Object.entries(counts)) this.counts.set(Number(app), count);
  }

  async ids({ after, limit }: { after: number; limit: number }) {
    const ids = [...this.counts.keys()].filter((app) => app > after).toSorted((a, b) => a - b);
    return ids.slice(0, limit) as AppId[];
  }

  apps(): Promise<never> {
    throw new Error("each app would be asked twice");
  }

  app(app: number): AppDirectory {
    this.asked.push(app);
    const totals = async () => {
      if (this.broken.has(app)) throw new Error("no answer");
      const count = this.counts.get(app) ?? 0;
      return { app, rooms: count, oldest: NOW - count * 1000, statistics: filled(NOTHING, count) };
    };
    return { totals } as unknown as AppDirectory;
  }
}

function serve(directory: RelayDirectory) {
  const lines: LogEntry[] = [];
  const app = createApp<RelayEnvironment>({
    runtime: "test",
    rooms: () => ({ directory }) as RoomGateway,
    pages: () => undefined,
    geo: () => ({}),
    address: () => undefined,
    now: () => NOW,
    log: (line) => lines.push(line),
  });
  const get = (query = "", authorization = `Bearer ${TOKEN}`, env: RelayEnvironment = { ADMIN_TOKEN: TOKEN }) =>
    app.fetch(new Request(`http://relay.test/metrics${query}`, { headers: { authorization } }), env);
  return { get, lines };
}

async function scrape(directory: RelayDirectory, query = ""): Promise<ReadMetric[]> {
  return parseMetrics(await (await serve(directory).get(query)).text());
}

function appsOf(metrics: readonly ReadMetric[]): string[] {
  const samples = metrics.find(({ name }) => name === "edge_relay_rooms")?.samples ?? [];
  return samples.map(({ labels }) => labels["app"] ?? "");
}

/** Apps 1 to `count`. */
function many(count: number): Apps {
  return new Apps(Object.fromEntries(Array.from({ length: count }, (_, i) => [i + 1, i + 1])));
}

describe("who may", () => {
  test("nobody, where no token is configured", async () => {
    const response = await serve(new Apps()).get("", `Bearer ${TOKEN}`, {});
    expect(response.status).toBe(404);
  });

  test("nobody without the token, and nothing is asked", async () => {
    const apps = new Apps({ 480: 1 });
    const { get } = serve(apps);
    for (const [authorization, code] of [
      ["", "admin_token_missing"],
      ["Bearer wrong", "admin_token_wrong"],
    ] as const) {
      const response = await get("", authorization);
      expect([response.status, await response.json()]).toMatchObject([401, { code }]);
    }
    expect(apps.asked).toEqual([]);
  });
});

describe("a token for some apps", () => {
  const sha256 = createHash("sha256").update("a-token-of-grafana").digest("hex");
  const env = { ADMIN_TOKENS: JSON.stringify([{ name: "grafana", sha256, scope: "read", apps: [730, 999] }]) };

  test("sees their series, and no other app is asked or counted", async () => {
    const apps = new Apps({ 480: 7, 730: 2 });
    const response = await serve(apps).get("", "Bearer a-token-of-grafana", env);
    const metrics = parseMetrics(await response.text());
    expect(appsOf(metrics)).toEqual(["730"]);
    expect(valueOf(metrics, "edge_relay_apps")).toBe(1);
    expect(apps.asked).toEqual([730]);
  });

  test("cannot ask for others by name", async () => {
    const apps = new Apps({ 480: 7, 730: 2 });
    const response = await serve(apps).get("?app=480", "Bearer a-token-of-grafana", env);
    expect(appsOf(parseMetrics(await response.text()))).toEqual([]);
    expect(apps.asked).toEqual([]);
  });
});

describe("what it shows", () => {
  test("every figure of an app, under names that promtool accepts", async () => {
    const response = await serve(new Apps({ 480: 7, 730: 2 })).get();
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
    const metrics = parseMetrics(text);
    for (const { name, labels } of APP_METRICS) {
      const samples = metrics.find((metric) => metric.name === name)!.samples;
      for (const sample of samples) {
        expect(Object.keys(sample.labels)).toEqual(["app", ...labels]);
        expect(sample.value).toBe(sample.labels["app"] === "480" ? 7 : 2);
      }
      expect(samples.filter(({ labels }) => labels["app"] === "480")).not.toEqual([]);
    }
    expect(valueOf(metrics, "edge_relay_build_info", { version: VERSION, runtime: "test" })).toBe(1);
    expect(valueOf(metrics, "edge_relay_apps")).toBe(2);
    expect(valueOf(metrics, "edge_relay_apps_unshown")).toBe(0);
  });

  test("each name of a record is a series: nothing that is counted is left out", async () => {
    const metrics = await scrape(new Apps({ 480: 1 }));
    const namesIn = (name: string, label: string) =>
      metrics.find((metric) => metric.name === name)!.samples.map(({ labels }) => labels[label]);
    expect(namesIn("edge_relay_drops_total", "reason")).toEqual(Object.keys(NOTHING.drops));
    expect(namesIn("edge_relay_refused_frames_total", "reason")).toEqual(Object.keys(NOTHING.refusals));
    expect(namesIn("edge_relay_refused_joins_total", "reason")).toEqual(Object.keys(NOTHING.joinRefusals));
    expect(namesIn("edge_relay_relayed_bytes_total", "family")).toEqual([...Object.keys(NOTHING.families), "Groups"]);
    expect(namesIn("edge_relay_peers", "state")).toEqual(["present", "away"]);
    expect(namesIn("edge_relay_trunk_messages_total", "direction")).toEqual(["in", "out"]);
    expect(namesIn("edge_relay_trunk_bytes_total", "direction")).toEqual(["in", "out"]);
    const ofTrunks = metrics.filter(({ name }) => name.startsWith("edge_relay_trunk_"));
    expect(ofTrunks.flatMap(({ samples }) => samples)).toHaveLength(Object.keys(NOTHING.trunk).length);
  });

  test("nothing of trunks where no rooms have reached each other", async () => {
    const metrics = await scrape(new Apps({ 480: 0 }));
    expect(valueOf(metrics, "edge_relay_joins_total", { app: "480" })).toBe(0);
    expect(metrics.filter(({ name }) => name.startsWith("edge_relay_trunk_"))).toEqual([]);
  });

  test("a relay without apps", async () => {
    const metrics = await scrape(new Apps());
    expect(metrics.map(({ name }) => name)).toEqual([
      "edge_relay_build_info",
      "edge_relay_apps",
      "edge_relay_apps_unshown",
    ]);
  });

  test("the release is that of package.json", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(VERSION).toBe(version);
  });
});

describe("apps that are chosen", () => {
  test("only those, and only they are asked", async () => {
    const apps = many(300);
    const metrics = await scrape(apps, "?app=250&app=3&app=9999");
    expect(appsOf(metrics)).toEqual(["3", "250"]);
    expect(apps.asked).toEqual([3, 250]);
  });

  test("what is no app is refused", async () => {
    const response = await serve(many(1)).get("?app=x");
    expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_app_id" }]);
    const names = Array.from({ length: MAX_NAMED_APPS + 1 }, (_, i) => `app=${i + 1}`).join("&");
    expect((await serve(many(1)).get(`?${names}`)).status).toBe(400);
  });
});

describe("more apps than have series of their own", () => {
  const opened = "edge_relay_joins_total";

  test("the rest is one sum, which says whose", async () => {
    const metrics = await scrape(many(MAX_NAMED_APPS + 2));
    expect(appsOf(metrics)).toHaveLength(MAX_NAMED_APPS + 1);
    expect(valueOf(metrics, opened, { app: "other", ids: "101-" })).toBe(101 + 102);
    expect(valueOf(metrics, "edge_relay_report_age_seconds", { app: "other", ids: "101-" })).toBe(102);
    expect(valueOf(metrics, "edge_relay_drops_total", { app: "other", ids: "101-", reason: "peer_away" })).toBe(203);
  });

  test("a counter never falls or leaps because an app moved: the series is another then", async () => {
    const apps = many(MAX_NAMED_APPS + 2);
    apps.counts.delete(50);
    apps.counts.set(200, 1000);
    const before = await scrape(apps);
    apps.counts.set(50, 1); // and 101 belongs to the others now
    const after = await scrape(apps);
    expect(valueOf(before, opened, { app: "101" })).toBe(101);
    expect(valueOf(after, opened, { app: "101" })).toBeUndefined();
    expect(valueOf(before, opened, { app: "other", ids: "102-" })).toBe(1102);
    expect(valueOf(after, opened, { app: "other", ids: "102-" })).toBeUndefined();
    expect(valueOf(after, opened, { app: "other", ids: "101-" })).toBe(1203);
  });

  test("one of them that does not answer: no sum, rather than a smaller one", async () => {
    const apps = many(MAX_NAMED_APPS + 3);
    apps.broken.add(MAX_NAMED_APPS + 2);
    const metrics = await scrape(apps);
    expect(appsOf(metrics)).not.toContain("other");
    expect(valueOf(metrics, "edge_relay_apps_unshown")).toBe(3);
  });

  test("a named one that does not answer is missing alone, and it is logged", async () => {
    const apps = new Apps({ 1: 1, 2: 2, 3: 3 });
    apps.broken.add(2);
    const { get, lines } = serve(apps);
    const metrics = parseMetrics(await (await get()).text());
    expect(appsOf(metrics)).toEqual(["1", "3"]);
    expect(valueOf(metrics, "edge_relay_apps_unshown")).toBe(1);
    expect(lines).toEqual([{ level: "error", event: "metrics_failed", app: 2, error: "Error: no answer" }]);
  });

  test("so many that not all are asked: the sum ends at the last one that is", async () => {
    const apps = many(MAX_ASKED_APPS + 700);
    const metrics = await scrape(apps);
    expect(apps.asked).toHaveLength(MAX_ASKED_APPS);
    expect(valueOf(metrics, "edge_relay_rooms", { app: "other", ids: "101-500" })).toBe((101 + 500) * 200);
    expect(valueOf(metrics, "edge_relay_apps")).toBe(MAX_ASKED_APPS + 700);
    expect(valueOf(metrics, "edge_relay_apps_unshown")).toBe(700);
  });
});
