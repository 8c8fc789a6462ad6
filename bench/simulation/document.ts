/** A day as tables and charts of docs/capacity.md. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type Bar, barChart } from "../chart.ts";
import { table } from "../table.ts";
import type { Quantiles } from "./histogram.ts";
import type { Load } from "./load.ts";
import { HINTS } from "./places.ts";
import type { Latencies } from "./tally.ts";
import { type Day, STRATEGIES, type Strategy, type WorldOptions } from "./world.ts";

const CHARTS = new URL("../../docs/capacity-charts/", import.meta.url);
const KINDS = [
  ["all", "all rooms"],
  ["sameArea", "rooms of one area"],
  ["worldwide", "rooms of players from anywhere"],
] as const satisfies readonly (readonly [keyof Latencies, string])[];
const OURS: Strategy = "shard + trunk";

export interface Simulated {
  readonly options: WorldOptions;
  readonly messagesPerPlayerSecond: number;
  readonly day: Day;
  readonly loads: readonly Load[];
}

/** Without `hasCharts` none is written, or shown. */
export function sectionOf(simulated: Simulated, { hasCharts }: { readonly hasCharts: boolean }): string {
  const { day } = simulated;
  const shown = hasCharts ? chart : (): string => "";
  return [
    introduction(simulated),
    "",
    "#### From player to player, one way, ms",
    "",
    latencyTable(day),
    "",
    ...KINDS.map(([kind, title]) =>
      shown(`latency-${kind}`, `p50 ms one way (line: p10 to p99): ${title}`, bars(day, kind)),
    ),
    "By where the two are:",
    "",
    areaTable(day),
    "",
    "#### Objects and messages",
    "",
    loadTable(simulated),
    "",
    `Objects when most are there, ${whole(day.peak.players)} players at ${clock(day.peak.atMinute)} UTC, by location hint:`,
    "",
    hintTable(day),
    "",
    shown("objects", "Objects by location hint, one per room", hintBars(day)),
  ].join("\n");
}

function introduction({ options, messagesPerPlayerSecond, day }: Simulated): string {
  const { players, seed, worldwideShare, meanMatchMinutes } = options;
  return [
    `Written by \`npm run bench:simulation\` (seed ${seed}; raw: \`bench/results/simulation.json\`).`,
    `${whole(players)} players come within one day, ${whole(day.roomsOpened)} matches of ${meanMatchMinutes} minutes on average are played,`,
    `${worldwideShare * 100} % of the players play with people from anywhere. The one object of the app is in \`${day.appHint}\`, which is`,
    `nearest to all of them on average. A player sends ${messagesPerPlayerSecond.toFixed(2)} messages a second, as counted above for 8 players at 20 ticks/s.`,
  ].join("\n");
}

function latencyTable({ latency }: Day): string {
  const head = ["", ...KINDS.flatMap(([, title]) => [`${title}: p50`, "p90", "p99"])];
  const rows = STRATEGIES.map((strategy) => [strategy, ...KINDS.flatMap(([kind]) => cells(latency[strategy][kind]))]);
  return table(head, rows);
}

function cells({ p50, p90, p99 }: Quantiles): string[] {
  return [p50, p90, p99].map((ms) => ms.toFixed(0));
}

function areaTable({ latency }: Day): string {
  const names = Object.keys(latency[OURS].byAreas);
  const samples = (name: string): number => latency[OURS].byAreas[name]?.samples ?? 0;
  const rows = names
    .toSorted((a, b) => samples(b) - samples(a))
    .map((name) => [
      name,
      whole(samples(name)),
      ...STRATEGIES.map((strategy) => cells(latency[strategy].byAreas[name]!).join(" / ")),
    ]);
  return table(["areas", "pairs that met", ...STRATEGIES.map((strategy) => `${strategy}: p50 / p90 / p99`)], rows);
}

function loadTable({ loads, options }: Simulated): string {
  const rows = loads.map((load) => [
    load.strategy,
    whole(load.objectsAtPeak),
    whole(load.objectsForAllAtOnce),
    whole(load.busiestPerSecond),
    `${(load.utilisation * 100).toLocaleString("en", { maximumFractionDigits: 0 })} %`,
    `${(load.messagesFromPlayers / 1e9).toFixed(1)} G`,
    `${(load.messagesOverTrunks / 1e9).toFixed(1)} G`,
    `$${whole(load.dollarsPerDay)}`,
    `$${load.dollarsPer1000PlayerHours.toFixed(2)}`,
  ]);
  return table(
    [
      "",
      "objects at the peak",
      `objects for ${whole(options.players)} at once`,
      "messages/s of the busiest",
      "of its 1,000/s",
      "messages of the day",
      "over trunks",
      "the day",
      "1,000 player-hours",
    ],
    rows,
  );
}

function hintTable({ peak }: Day): string {
  const rows = HINTS.map(({ name, region }, hint) => [
    name,
    region,
    String(peak.rooms[hint]),
    String(peak.shards[hint]),
  ]);
  return table(["hint", "taken to be in Azure's", "room at the first player", "shard + trunk"], rows, 2);
}

function bars({ latency }: Day, kind: keyof Omit<Latencies, "byAreas">): Bar[] {
  return STRATEGIES.map((strategy) => {
    const { p10, p50, p99 } = latency[strategy][kind];
    return { label: strategy, isOurs: strategy === OURS, median: p50, min: p10, max: p99 };
  });
}

function hintBars({ peak }: Day): Bar[] {
  return HINTS.map(({ name }, hint) => {
    const count = peak.rooms[hint] ?? 0;
    return { label: name, isOurs: false, median: count, min: count, max: count };
  });
}

function chart(name: string, title: string, of: readonly Bar[]): string {
  mkdirSync(CHARTS, { recursive: true });
  writeFileSync(new URL(`${name}.svg`, CHARTS), barChart(title, of, 0));
  return `![${title}](capacity-charts/${name}.svg)\n`;
}

/** All in the folder is written here. */
export function clearCharts(): void {
  rmSync(CHARTS, { recursive: true, force: true });
}

function clock(minute: number): string {
  const whole = Math.floor(minute);
  return `${String(Math.floor(whole / 60) % 24).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}

function whole(count: number): string {
  return Math.round(count).toLocaleString("en");
}
