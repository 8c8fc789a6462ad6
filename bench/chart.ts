/** Horizontal bars with their spread, as SVG that reads on a light and on a dark page. */
import type { Spread } from "./statistics.ts";

export interface Bar extends Spread {
  readonly label: string;
  /** One of all is set off from the rest. */
  readonly isOurs: boolean;
}

const WIDTH = 720;
const LABELS = 250;
const NUMBERS = 80;
const ROW = 26;
const TOP = 34;

export function barChart(title: string, bars: readonly Bar[], digits: number): string {
  const longest = Math.max(...bars.map(({ max }) => max), Number.MIN_VALUE);
  const scale = (WIDTH - LABELS - NUMBERS) / longest;
  const height = TOP + bars.length * ROW + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.bar { fill: #9aa4b2 } .ours { fill: #2f81f7 } .spread { stroke: #57606a }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #6e7681 } .spread { stroke: #c9d1d9 } }
</style>
<text class="title" x="0" y="18">${escaped(title)}</text>
${bars.map((bar, row) => barRow(bar, TOP + row * ROW, scale, digits)).join("\n")}
</svg>
`;
}

function barRow({ label, isOurs, median, min, max }: Bar, y: number, scale: number, digits: number): string {
  const middle = y + ROW / 2;
  const at = (value: number): string => (LABELS + value * scale).toFixed(1);
  return [
    `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
    `<rect class="${isOurs ? "ours" : "bar"}" x="${LABELS}" y="${y + 4}" width="${(median * scale).toFixed(1)}" height="${ROW - 8}"/>`,
    `<line class="spread" x1="${at(min)}" x2="${at(max)}" y1="${middle}" y2="${middle}"/>`,
    `<text x="${(LABELS + max * scale + 6).toFixed(1)}" y="${middle + 4}">${median.toFixed(digits)}</text>`,
  ].join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
