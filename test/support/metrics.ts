/** Reads Prometheus' text format 0.0.4 by its rules, and by no code of ours. */

export interface ReadSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadMetric {
  readonly name: string;
  readonly kind: string;
  readonly help: string;
  readonly samples: ReadSample[];
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\.)*)"(?:,|$)/gsy;
const VALUES: Readonly<Record<string, number>> = { "+Inf": Infinity, "-Inf": -Infinity, NaN: Number.NaN };

export function parseMetrics(text: string): ReadMetric[] {
  if (!text.endsWith("\n")) throw new Error("the last line is not ended");
  const metrics: ReadMetric[] = [];
  let help = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/s.exec(line) ?? [];
    if (keyword === "HELP") help = unescaped(rest);
    else if (keyword === "TYPE") metrics.push({ name, kind: rest, help, samples: [] });
    else metrics.at(-1)?.samples.push(readSample(line, metrics.at(-1)?.name));
  }
  return metrics;
}

/** The value of the series with exactly these labels. */
export function valueOf(
  metrics: readonly ReadMetric[],
  name: string,
  labels: ReadSample["labels"] = {},
): number | undefined {
  const wanted = JSON.stringify(Object.entries(labels).toSorted());
  const samples = metrics.find((metric) => metric.name === name)?.samples ?? [];
  return samples.find((sample) => JSON.stringify(Object.entries(sample.labels).toSorted()) === wanted)?.value;
}

function readSample(line: string, metric: string | undefined): ReadSample {
  const [, name, labels = "", value = ""] = SAMPLE.exec(line) ?? [];
  if (name === undefined || name !== metric) throw new Error(`no sample of ${metric}: ${line}`);
  const pairs = [...labels.matchAll(LABEL)];
  if (pairs.map(([pair]) => pair).join("") !== labels) throw new Error(`broken labels: ${line}`);
  return {
    labels: Object.fromEntries(pairs.map(([, label = "", text = ""]) => [label, unescaped(text)])),
    value: VALUES[value] ?? Number(value),
  };
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, char: string) => (char === "n" ? "\n" : char));
}
