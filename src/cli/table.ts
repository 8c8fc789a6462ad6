/** JSON as people read it: lists of objects as columns, objects as lines of name and value. */
import { plainText } from "./plain-text.ts";

/** Values that are ms since 1970. */
const TIMES = new Set(["created", "lastActivity", "until", "at", "since", "lastHeard", "lastSeen", "oldest"]);

export function columns(rows: readonly object[]): string {
  if (rows.length === 0) return "none";
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => names.map((name) => cell(name, (row as Record<string, unknown>)[name])));
  const table = [names, ...cells];
  const widths = names.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Of objects within, and within them, only what is not zero. */
export function lines(record: object): string {
  const rows = Object.entries(record).flatMap(([name, value]) => linesOf(name, name, value));
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

function linesOf(path: string, name: string, value: unknown): (readonly [string, string])[] {
  if (typeof value !== "object" || value === null) return [[path, cell(name, value)]];
  const counted = Object.entries(value).filter(([, count]) => count !== 0);
  return counted.flatMap(([inner, count]) => linesOf(`${path}.${inner}`, inner, count));
}

function cell(name: string, value: unknown): string {
  if (value === undefined || value === null) return "-";
  if (TIMES.has(name) && typeof value === "number") return new Date(value).toISOString();
  return typeof value === "object" ? JSON.stringify(value) : plainText(String(value));
}
