import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import type { Sample } from "./sample.ts";
import type { Scenario } from "./scenarios.ts";

export const RESULTS = join(import.meta.dirname, "results");

/** What was compared. */
export interface Recorded {
  readonly scenario: Scenario;
  readonly kind: "equal-load" | "capacity";
  /** The first is what the others are compared with. */
  readonly servers: readonly { readonly name: string; readonly title: string }[];
  readonly seconds: number;
  readonly samples: readonly Sample[];
  /** By server: why it took no part. */
  readonly missing?: Readonly<Record<string, string>>;
}

/** What a file of bench/results/ holds. */
export interface RecordedFile extends Recorded {
  readonly machine: string;
  readonly date: string;
}

export function resultsPath(name: string): string {
  return join(RESULTS, `${name}.json`);
}

export function writeRecorded(path: string, recorded: Recorded): void {
  writeResults(path, recorded);
  console.log(`  written: ${path}`);
}

/** With when and where it was measured. */
export function writeResults(path: string, results: object): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = { ...results, machine: thisMachine(), date: new Date().toISOString() };
  writeFileSync(path, `${JSON.stringify(file, undefined, 2)}\n`);
}

export function thisMachine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.versions.node}`;
}

export function readRecorded(path: string): RecordedFile {
  return JSON.parse(readFileSync(path, "utf8")) as RecordedFile;
}
