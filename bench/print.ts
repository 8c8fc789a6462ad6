/** Results as a table for the terminal. */
import { METRICS, METRICS_OF, type Sample, isGeneratorBound } from "./sample.ts";
import type { Scenario } from "./scenarios.ts";
import { ratios, spread } from "./statistics.ts";

export function printComparison({ measure }: Scenario, samples: readonly Sample[], servers: readonly string[]): void {
  const { all, ratios: compared } = METRICS_OF[measure];
  const rows = servers.map((server) => [
    server,
    ...all.map((metric) => spread(samples, server, metric).median.toFixed(METRICS[metric].digits)),
  ]);
  printTable(["median", ...all.map((metric) => METRICS[metric].title)], rows);
  const [first = "", ...others] = servers;
  for (const other of others) {
    const parts = compared.map((metric) => {
      const { median, min, max } = ratios(samples, first, other, metric);
      return `${METRICS[metric].title} ${median.toFixed(2)} × (${min.toFixed(2)}–${max.toFixed(2)})`;
    });
    console.log(`${first} / ${other}: ${parts.join(" · ")}`);
  }
  for (const sample of samples) warn(sample);
}

/** What makes a run's figures worth less. */
export function warn(sample: Sample): void {
  const { server, alternation, lost, disordered, errors, firstError, loadCore, generatorLateMs } = sample;
  const place = `  ${server}, alternation ${alternation}:`;
  if (errors > 0) console.log(`${place} ${errors} errors, first: ${firstError}`);
  if (lost > 0 || disordered > 0) console.log(`${place} ${lost} packets lost, ${disordered} out of order`);
  if (!isGeneratorBound(sample)) return;
  const share = `${loadCore.toFixed(2)} of a core`;
  console.log(
    `${place} generator-bound: it took ${share}, and p99 of its own ticks was ${generatorLateMs.toFixed(1)} ms late`,
  );
}

/** One step of the search for a server's capacity. */
export function tellTry(sample: Sample, isHeld: boolean): void {
  const { server, offeredPerSecond, p99Ms, perSecond, firstError } = sample;
  const arrived = `${offeredPerSecond}/s offered, ${Math.round(perSecond)}/s delivered, p99 ${p99Ms.toFixed(1)} ms`;
  const marks = `${isHeld ? "" : ", too much"}${isGeneratorBound(sample) ? ", generator-bound" : ""}`;
  console.log(`  ${server}: ${arrived}${marks} ${firstError}`);
}

function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of [head, ...rows]) {
    console.log(
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    );
  }
}
