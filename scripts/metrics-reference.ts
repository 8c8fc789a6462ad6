/**
 * Writes the tables of docs/metrics.md from the code: metrics, log lines, data points. Each stands between
 * `<!-- table: name -->` and `<!-- /table -->`. With `--check` it writes nothing, and fails when the page is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { APP_METRICS, RELAY_METRICS } from "../src/http/metrics-list.ts";
import { LOG_EVENTS } from "../src/relay/log-events.ts";
import { POINT_BLOBS, POINT_DELTAS, POINT_INDEX, POINT_LEVELS } from "../src/runtime/cloudflare/analytics.ts";

const DOCUMENT = new URL("../docs/metrics.md", import.meta.url);
const BLOCK = /<!-- table: (\w+) -->[\s\S]*?<!-- \/table -->/g;

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(heads), `|${"---|".repeat(heads.length)}`, ...rows.map(row)].join("\n");
}

function code(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}

function metrics(): string {
  const relay = Object.values(RELAY_METRICS).map(({ name, kind, labels, help }) => [
    code([name]),
    kind,
    code(labels),
    help,
  ]);
  const apps = APP_METRICS.map(({ name, kind, labels, help }) => [code([name]), kind, code(["app", ...labels]), help]);
  return table(["metric", "type", "labels", "what it is"], [...relay, ...apps]);
}

function logs(): string {
  const rows = Object.entries(LOG_EVENTS).map(([event, { level, meaning, fields }]) => [
    code([event]),
    level,
    meaning,
    code(fields),
  ]);
  return table(["event", "level", "what happened", "fields"], rows);
}

function points(): string {
  const deltas = POINT_DELTAS.map(({ name }, i) => [code([`double${i + 1}`]), `${name}, since the last point`]);
  const levels = POINT_LEVELS.map((name, i) => [code([`double${POINT_DELTAS.length + i + 1}`]), `${name}, just now`]);
  const blobs = POINT_BLOBS.map((name, i) => [code([`blob${i + 1}`]), name]);
  return table(["column", "what it is"], [[code(["index1"]), POINT_INDEX], ...blobs, ...deltas, ...levels]);
}

const TABLES: Readonly<Record<string, () => string>> = { metrics, logs, points };

const before = readFileSync(DOCUMENT, "utf8");
const shown = new Set<string>();
const after = before.replaceAll(BLOCK, (_, name: string) => {
  shown.add(name);
  const write = TABLES[name];
  if (!write) throw new Error(`docs/metrics.md has the table "${name}", which nobody writes`);
  return `<!-- table: ${name} -->\n\n${write()}\n\n<!-- /table -->`;
});
const missing = Object.keys(TABLES).filter((name) => !shown.has(name));
if (missing.length > 0) throw new Error(`docs/metrics.md has no place for the tables ${missing.join(", ")}`);

if (after === before) {
  console.log("The tables of docs/metrics.md are up to date");
} else if (process.argv.includes("--check")) {
  console.error("The tables of docs/metrics.md are stale: run scripts/metrics-reference.ts");
  process.exitCode = 1;
} else {
  writeFileSync(DOCUMENT, after);
  console.log("docs/metrics.md: the tables are written");
}
