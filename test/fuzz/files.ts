/** Where inputs are kept: a corpus is one line of JSON for each, a crash is a file of its own. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { client } from "./targets/client.ts";
import { codec } from "./targets/codec.ts";
import { rooms } from "./targets/rooms.ts";
import type { Target } from "./target.ts";

export const TARGETS = [codec, rooms, client] as readonly Target[];

export interface Crash {
  readonly target: string;
  readonly error: string;
  readonly steps: readonly unknown[];
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const corpusFile = ({ name }: Target): string => here(`corpus/${name}.jsonl`);

export function targetNamed(name: string): Target {
  const target = TARGETS.find((one) => one.name === name);
  if (!target) throw new Error(`No target "${name}"; there are ${TARGETS.map((one) => one.name).join(", ")}`);
  return target;
}

export function readCorpus(target: Target): unknown[][] {
  const file = corpusFile(target);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as unknown[]);
}

export function writeCorpus(target: Target, inputs: readonly (readonly unknown[])[]): void {
  mkdirSync(here("corpus"), { recursive: true });
  writeFileSync(corpusFile(target), inputs.map((steps) => `${JSON.stringify(steps)}\n`).join(""));
}

export function writeCrash(crash: Crash): string {
  mkdirSync(here("crashes"), { recursive: true });
  const text = `${JSON.stringify(crash, undefined, 1)}\n`;
  const file = here(`crashes/${crash.target}-${createHash("sha256").update(text).digest("hex").slice(0, 12)}.json`);
  writeFileSync(file, text);
  return file;
}

export function readCrash(file: string): Crash {
  return JSON.parse(readFileSync(file, "utf8")) as Crash;
}
