/** What docs/ promises of metrics and logs is what the code has. */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { APP_METRICS, RELAY_METRICS } from "../../../src/http/metrics-list.ts";
import { LOG_EVENTS } from "../../../src/relay/log-events.ts";

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource: { readonly uid: string };
  readonly targets: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

const dashboard = JSON.parse(readFileSync("docs/grafana-dashboard.json", "utf8")) as {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
};
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const known = new Map<string, readonly string[]>([
  ...Object.values(RELAY_METRICS).map(({ name, labels }) => [name, labels] as const),
  ...APP_METRICS.map(({ name, labels }) => [name, ["app", ...labels]] as const),
]);

/** By Prometheus' own parser, as the expressions of recording rules; or as a whole file of rules. */
function checkRules(content: string): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), "edge-relay-rules-"));
  try {
    const file = join(folder, "rules.yml");
    writeFileSync(file, content);
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("docs/grafana-dashboard.json", () => {
  test("is of Grafana 11, and asks for its data source", () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ["datasource", "datasource"],
      ["app", "query"],
    ]);
    for (const { datasource, targets, title } of dashboard.panels) {
      expect(targets, title).not.toEqual([]);
      for (const { uid } of [datasource, ...targets.map((target) => target.datasource)])
        expect(uid).toBe("${datasource}");
    }
  });

  test("its panels have ids of their own, and none lies on another", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x} ${y}`), title).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });

  test("asks only for metrics and labels that there are, and leaves none out", () => {
    const asked = new Set<string>();
    for (const expression of expressions) {
      const names = [...expression.matchAll(/edge_relay_\w+/g)].map(([name]) => name);
      expect(names).not.toEqual([]);
      for (const name of names) {
        expect([...known.keys()]).toContain(name);
        asked.add(name);
      }
      for (const [, labels = ""] of expression.matchAll(/by \(([^)]*)\)/g)) {
        for (const label of labels.split(", ")) expect(known.get(names[0] ?? "")).toContain(label);
      }
    }
    expect([...known.keys()].filter((name) => !asked.has(name))).toEqual(["edge_relay_apps"]);
  });

  test("its expressions are PromQL", () => {
    const plain = expressions.map((text) => text.replaceAll("$app", ".*").replaceAll("$__rate_interval", "1m"));
    const rules = plain.map((expr, i) => ({ record: `panel:${i}`, expr }));
    const checked = checkRules(JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    expect(checked).toMatchObject({ status: 0, output: expect.stringContaining(`${rules.length} rules found`) });
  });
});

test("the alerts of docs/metrics.md are rules that Prometheus takes", () => {
  const blocks = [...readFileSync("docs/metrics.md", "utf8").matchAll(/```yaml\n(groups:[\s\S]*?)```/g)];
  expect(blocks).toHaveLength(1);
  expect(checkRules(blocks[0]?.[1] ?? "")).toMatchObject({ status: 0 });
});

test("every event of the list is logged somewhere: what is not in the list does not compile", () => {
  const sources = globSync("src/**/*.ts").map((file) => readFileSync(file, "utf8"));
  const logged = new Set(sources.flatMap((text) => [...text.matchAll(/event: "(\w+)"/g)].map(([, name]) => name)));
  expect(Object.keys(LOG_EVENTS).filter((name) => !logged.has(name))).toEqual([]);
});
