/** What Stryker's JSON report says, as far as it is read here (mutation-testing-report-schema). */
import { readFileSync } from "node:fs";
import { EQUIVALENT } from "./equivalent.ts";

interface Position {
  readonly line: number;
  readonly column: number;
}

interface ReportedMutant {
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly status: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly ReportedMutant[] }>>;
}

export interface Survivor {
  readonly place: string;
  readonly mutator: string;
  readonly original: string;
  readonly mutant: string;
}

export interface FileScore {
  readonly file: string;
  readonly killed: number;
  readonly equivalent: number;
  readonly survivors: readonly Survivor[];
}

const KILLED = new Set(["Killed", "Timeout"]);
const SURVIVED = new Set(["Survived", "NoCoverage"]);

export function readScores(path: string): FileScore[] {
  const report = JSON.parse(readFileSync(path, "utf8")) as Report;
  return Object.entries(report.files).map(([file, { source, mutants }]) => {
    const lines = source.split("\n");
    const alive = mutants
      .filter(({ status }) => SURVIVED.has(status))
      .map((mutant) => ({
        place: `${file}:${mutant.location.start.line}`,
        mutator: mutant.mutatorName,
        original: textAt(lines, mutant.location),
        mutant: oneLine(mutant.replacement ?? ""),
        line: lines[mutant.location.start.line - 1] ?? "",
      }));
    const survivors = alive.filter((survivor) => !isEquivalent(file, survivor));
    return {
      file,
      killed: mutants.filter(({ status }) => KILLED.has(status)).length,
      equivalent: alive.length - survivors.length,
      survivors,
    };
  });
}

function isEquivalent(file: string, { line, original, mutant }: Survivor & { line: string }): boolean {
  return EQUIVALENT.some(
    (entry) =>
      entry.file === file &&
      line.includes(entry.line) &&
      (entry.original === undefined || entry.original === original) &&
      entry.mutants.includes(mutant),
  );
}

function textAt(lines: readonly string[], { start, end }: ReportedMutant["location"]): string {
  const text = lines.slice(start.line - 1, end.line);
  const last = text.length - 1;
  // The end first: on one line, the beginning moves it.
  text[last] = text[last]?.slice(0, end.column - 1) ?? "";
  text[0] = text[0]?.slice(start.column - 1) ?? "";
  return oneLine(text.join("\n"));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
