/** `npm run bench:report`: docs/performance.md's tables and its charts, from what stands in bench/results/. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { barChart } from "./chart.ts";
import type { Recorded } from "./recorded.ts";
import { METRICS, METRICS_OF, type Metric } from "./sample.ts";
import { SCENARIOS } from "./scenarios.ts";
import { type Spread, ratios, spread } from "./statistics.ts";

const RESULTS = join(import.meta.dirname, "results");
const DOCUMENT = new URL("../docs/performance.md", import.meta.url);
const CHARTS = new URL("../docs/charts/", import.meta.url);
const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

interface Result extends Recorded {
  /** The results file's name without its extension; its charts are named after it. */
  readonly name: string;
}

mkdirSync(RESULTS, { recursive: true });
const all = readdirSync(RESULTS).filter((file) => file.endsWith(".json"));
const results = all.map(readResult).toSorted((a, b) => orderOf(a) - orderOf(b) || a.name.localeCompare(b.name));
const before = readFileSync(DOCUMENT, "utf8");
const begin = before.indexOf(BEGIN);
const end = before.indexOf(END);
if (begin < 0 || end < begin) throw new Error(`docs/performance.md needs the lines ${BEGIN} and ${END}`);
mkdirSync(CHARTS, { recursive: true });
const sections = results.map(section).join("\n\n");
writeFileSync(DOCUMENT, `${before.slice(0, begin + BEGIN.length)}\n\n${sections}\n\n${before.slice(end)}`);
console.log(`docs/performance.md: ${results.length} results`);

function readResult(file: string): Result {
  const recorded = JSON.parse(readFileSync(join(RESULTS, file), "utf8")) as Recorded;
  return { ...recorded, name: file.replace(/\.json$/, "") };
}

function orderOf({ scenario }: Result): number {
  return SCENARIOS.findIndex(({ name }) => name === scenario.name);
}

function section(result: Result): string {
  const { scenario, kind, samples, seconds, machine, date, name } = result;
  const runs = new Set(samples.map(({ alternation }) => alternation)).size;
  const load = kind === "capacity" ? "each at its capacity" : offered(result);
  return [
    `### ${scenario.title}${load && `; ${load}`}`,
    "",
    `Medians of ${runs} alternating runs of ${seconds} s each, with their spread. ${machine}, ${date.slice(0, 10)}. Raw: \`bench/results/${name}.json\`.`,
    "",
    figures(result),
    "",
    comparison(result),
    "",
    ...charted(result).map((metric) => chart(result, metric)),
  ].join("\n");
}

/** At an equal load all deliver the same, or should. */
function charted({ scenario, kind }: Result): readonly Metric[] {
  if (scenario.measure === "idle") return ["rssPerPeerKiB"];
  return kind === "capacity" || scenario.load.ticksPerSecond === 0 ? ["perSecond", "cpuUs"] : ["cpuUs"];
}

function offered({ samples }: Result): string {
  const perSecond = samples[0]?.offeredPerSecond ?? 0;
  return perSecond > 0 ? `${perSecond} packets/s offered` : "";
}

function titleOf(metric: Metric): string {
  return METRICS[metric].title;
}

function figures({ scenario, servers, samples }: Result): string {
  const metrics = METRICS_OF[scenario.measure].all;
  const rows = servers.map(({ name, title }) => [
    title,
    ...metrics.map((metric) => written(spread(samples, name, metric), METRICS[metric].digits)),
  ]);
  return table(["server", ...metrics.map(titleOf)], rows);
}

function comparison({ scenario, servers, samples }: Result): string {
  const metrics = METRICS_OF[scenario.measure].ratios;
  const [first, ...others] = servers;
  const rows = others.map(({ name, title }) => [
    title,
    ...metrics.map((metric) => written(ratios(samples, first?.name ?? "", name, metric), 2)),
  ]);
  return table([`${first?.title} ÷ …`, ...metrics.map(titleOf)], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, column) => (column === 0 ? "---" : "--:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function written({ median, min, max }: Spread, digits: number): string {
  return min === max
    ? median.toFixed(digits)
    : `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

/** Writes the chart's file; returns the image. */
function chart({ scenario, servers, samples, name }: Result, metric: Metric): string {
  const bars = servers.map((server, index) => ({
    label: server.title,
    isOurs: index === 0,
    ...spread(samples, server.name, metric),
  }));
  const title = `${METRICS[metric].title}: ${scenario.title}`;
  const file = `${name}-${metric}.svg`;
  writeFileSync(new URL(file, CHARTS), barChart(title, bars, METRICS[metric].digits));
  return `![${title}](charts/${file})\n`;
}
