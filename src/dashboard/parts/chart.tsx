/** A chart over time, on uPlot: drawn anew when colours or the width change. */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { dayOf, timeOfDay } from "../text/times.ts";
import { colour, colours } from "./theme.tsx";

export interface Series {
  readonly label: string;
  readonly series: 1 | 2 | 3 | 4 | 5;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Seconds, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly Series[];
  readonly format: (value: number) => string;
  /** From and to, in seconds. */
  readonly range: readonly [number, number];
  readonly isStepped?: boolean;
}

const HEIGHT = 168;
/** Of the grid: whole numbers, since there is no half of a peer or a byte. */
const STEPS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
const together = uPlot.sync("overview");

export function Chart(props: ChartProps) {
  const { title, times, lines, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const latest = useRef(props);
  latest.current = props;
  const [under, setUnder] = useState<number | null>(null);
  const shape = lines.map(({ label }) => label).join();

  useEffect(() => {
    const { current } = place;
    if (!current) return undefined;
    const made = new uPlot(optionsOf(latest, current.clientWidth, setUnder), dataOf(latest.current), current);
    chart.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: current.clientWidth, height: HEIGHT }));
    resized.observe(current);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, [shape, colours.value, props.isStepped]);
  useEffect(() => chart.current?.setData(dataOf(props)), [times, lines]);

  const index = under ?? times.length - 1;
  return (
    <section class="panel chart" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <Legend lines={lines} index={index} format={format} />
      </header>
      <div class="plot" ref={place} role="img" aria-label={spoken(props)} />
    </section>
  );
}

function Legend({ lines, index, format }: Pick<ChartProps, "lines" | "format"> & { index: number }) {
  return (
    <ul class="legend">
      {lines.map(({ label, series, values }) => (
        <li key={label} class={`series-${series}`}>
          {label} <b>{values[index] === null || values[index] === undefined ? "–" : format(values[index])}</b>
        </li>
      ))}
    </ul>
  );
}

/** For those who do not see it: where each line is, and how high it was. */
function spoken({ title, lines, format }: ChartProps): string {
  const parts = lines.map(({ label, values }) => {
    const known = values.filter((value) => value !== null);
    const last = known.at(-1);
    if (last === undefined) return `${label}: nothing`;
    return `${label}: now ${format(last)}, at most ${format(known.reduce((a, b) => Math.max(a, b)))}`;
  });
  return `${title}. ${parts.join("; ")}`;
}

function dataOf({ times, lines }: ChartProps): uPlot.AlignedData {
  return [times as number[], ...lines.map(({ values }) => values as (number | null)[])];
}

function optionsOf(
  props: { readonly current: ChartProps },
  width: number,
  setUnder: (index: number | null) => void,
): uPlot.Options {
  const { lines, isStepped } = props.current;
  const paths = isStepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {};
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    padding: [10, 12, 0, 0],
    cursor: { sync: { key: together.key }, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { range: () => [...props.current.range] },
      y: { range: (_, __, max) => [0, Math.max(max * 1.12, 1)] },
    },
    axes: [
      axis({
        space: 76,
        size: 28,
        values: (_, ticks, __, ___, step) => ticks.map((tick) => timeText(tick * 1000, step)),
      }),
      axis({ size: 62, incrs: STEPS, values: (_, ticks) => ticks.map((tick) => brief(props.current.format(tick))) }),
    ],
    series: [
      {},
      ...lines.map(({ label, series }) => ({
        label,
        ...paths,
        width: 1.75,
        stroke: colour(`--series-${series}`),
        fill: faint(colour(`--series-${series}`), lines.length === 1 ? 0.14 : 0.05),
        points: { show: false },
        spanGaps: true,
      })),
    ],
    hooks: { setCursor: [({ cursor }) => setUnder(cursor.idx ?? null)] },
  };
}

function axis(more: uPlot.Axis): uPlot.Axis {
  const line = colour("--line");
  return {
    stroke: colour("--muted"),
    font: "11px system-ui, sans-serif",
    gap: 6,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    border: { show: false },
    ...more,
  };
}

/** Days where the grid's lines are days apart, seconds where they are not even a minute. */
function timeText(at: number, stepSeconds: number): string {
  if (stepSeconds >= 86_400) return dayOf(at);
  return stepSeconds < 60 ? timeOfDay(at) : timeOfDay(at).slice(0, 5);
}

/** "4.00 MB/s" is "4 MB/s" beside an axis. */
function brief(text: string): string {
  return text.replace(/\.0+(?=\D|$)/, "");
}

/** `rgb(1, 2, 3)`, as browsers compute colours, with less of it. */
function faint(rgb: string, opacity: number): string {
  return rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
}
