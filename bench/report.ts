/** `npm run bench:report`: docs/performance.md's tables and its charts, from what stands in bench/results/. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { barChart } from "./chart.ts";
import { GOALS } from "./goals.ts";
import { HIBERNATION_GOAL, writtenHibernation } from "./hibernation.ts";
import { comparedMicro } from "./micro/compare.ts";
import { RESULTS, type RecordedFile, readRecorded, resultsPath } from "./recorded.ts";
import { METRICS, METRICS_OF, type Metric, type Sample, isGeneratorBound } from "./sample.ts";
import { SCENARIOS } from "./scenarios.ts";
import { type Spread, ratios, spread } from "./statistics.ts";
import { ALTERNATIONS } from "./suite.ts";
import { table } from "./table.ts";
import { doubts, judge, writtenCompared, writtenLimit, writtenVerdict } from "./verdict.ts";

const DOCUMENT = new URL("../docs/performance.md", import.meta.url);
const CHARTS = new URL("../docs/charts/", import.meta.url);
const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

interface Result extends RecordedFile {
  /** The results file's name without its extension; its charts are named after it. */
  readonly name: string;
}

mkdirSync(RESULTS, { recursive: true });
const all = readdirSync(RESULTS).filter((file) => file.endsWith(".json"));
const compared = all.map(readResult).filter((result) => "samples" in result);
const results = compared.toSorted((a, b) => orderOf(a) - orderOf(b) || a.name.localeCompare(b.name));
const before = readFileSync(DOCUMENT, "utf8");
const begin = before.indexOf(BEGIN);
const end = before.indexOf(END);
if (begin < 0 || end < begin) throw new Error(`docs/performance.md needs the lines ${BEGIN} and ${END}`);
rmSync(CHARTS, { recursive: true, force: true }); // all in it is written here
mkdirSync(CHARTS, { recursive: true });
const measured = results.filter(({ samples }) => samples.length > 0);
const sections = [goalTable(), ...measured.map(section), ...comparedMicro(RESULTS)].join("\n\n");
writeFileSync(DOCUMENT, `${before.slice(0, begin + BEGIN.length)}\n\n${sections}\n\n${before.slice(end)}`);
console.log(`docs/performance.md: ${measured.length} results`);

function readResult(file: string): Result {
  return { ...readRecorded(join(RESULTS, file)), name: file.replace(/\.json$/, "") };
}

function orderOf({ scenario }: Result): number {
  return SCENARIOS.findIndex(({ name }) => name === scenario.name);
}

function goalTable(): string {
  const rows = GOALS.map((goal) => {
    const path = resultsPath(goal.run);
    const verdict = judge(goal, existsSync(path) ? readRecorded(path) : undefined);
    const doubt = doubts(verdict, ALTERNATIONS);
    const result = `${writtenVerdict(verdict, goal.limit)}${doubt && ` (${doubt})`}`;
    const figure = METRICS[goal.metric].title;
    return [
      goal.title,
      `${goal.ours} ${"atMostMore" in goal.limit ? "−" : "÷"} ${goal.against}`,
      figure,
      writtenLimit(goal.limit),
      writtenCompared(verdict),
      result,
    ];
  });
  rows.push([HIBERNATION_GOAL, "edge-relay", "", "", "–", writtenHibernation(resultsPath("hibernation"))]);
  const head = ["goal", "compared", "figure", "must be", "measured: median (lowest–highest)", "result"];
  const note = "Written by `npm run bench:goals` and `npm run bench:report`; the goals are data in `bench/goals.ts`.";
  return ["### The goals", "", note, "", table(head, rows, 4)].join("\n");
}

/** The generator shares the machine: where it was itself too slow, figures are worth less. */
function boundNote(samples: readonly Sample[]): string[] {
  const bound = samples.filter(isGeneratorBound);
  if (bound.length === 0) return [];
  const servers = [...new Set(bound.map(({ server }) => server))].join(", ");
  return [`Generator-bound: ${bound.length} of ${samples.length} samples (${servers}).`, ""];
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
    ...boundNote(samples),
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
