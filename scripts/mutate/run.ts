/**
 * Mutation testing: Stryker changes src/protocol, src/auth and src/relay in small ways, and the unit tests of the same folder
 * must notice. Lists the changes that they did not notice; fails when too few were noticed.
 *
 *     npm run mutate                                   all three
 *     npm run mutate -- protocol auth                  some
 *     npm run mutate -- relay --files src/relay/manager.ts,src/relay/connection.ts:20-40
 *     npm run mutate -- auth --fresh                   without what earlier runs have found out
 *     npm run mutate -- relay --without settings,sessions    while test/unit/relay/{settings,sessions}.test.ts fail
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type FileScore, readScores } from "./report.ts";

const GROUPS = ["protocol", "auth", "relay"] as const;
type Group = (typeof GROUPS)[number];
const OUT = ".mutation";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: "string" },
    fresh: { type: "boolean", default: false },
    "at-least": { type: "string", default: "85" },
    without: { type: "string", default: "" },
    workers: { type: "string", default: "2" },
  },
});
const unknown = positionals.find((name) => !GROUPS.some((group) => group === name));
if (unknown !== undefined) throw new Error(`No group "${unknown}"; there are ${GROUPS.join(", ")}`);
const groups = positionals.length > 0 ? (positionals as Group[]) : GROUPS;
const files = values.files?.split(",");

mkdirSync(OUT, { recursive: true });
const scores: FileScore[] = [];
for (const group of groups) {
  const mutate = files?.filter((file) => file.startsWith(`src/${group}/`)) ?? [`src/${group}/**/*.ts`];
  if (mutate.length > 0) scores.push(...(await mutateGroup(group, mutate)));
}
report(scores);
if (percent(scores) < Number(values["at-least"])) {
  console.error(`Fewer than ${values["at-least"]} % were killed.`);
  process.exitCode = 1;
}

async function mutateGroup(group: Group, mutate: readonly string[]): Promise<FileScore[]> {
  const report = `${OUT}/${group}.report.json`;
  const config = `${OUT}/${group}.config.json`;
  writeFileSync(config, JSON.stringify(strykerConfig(group, mutate, report), undefined, 2));
  const child = spawn("stryker", ["run", config], {
    stdio: "inherit",
    env: { ...process.env, MUTATE_WITHOUT: values.without },
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
  if (code !== 0 || !existsSync(report)) throw new Error(`Stryker failed on ${group} (exit code ${code})`);
  return readScores(report);
}

function strykerConfig(group: Group, mutate: readonly string[], report: string): object {
  return {
    testRunner: "vitest",
    // `related` would leave out tests that reach a file by way of a script or a helper only.
    vitest: { configFile: "scripts/mutate/vitest.config.ts", dir: `test/unit/${group}`, related: false },
    mutate,
    // Any name that is not there: Stryker's handling of tsconfig.json needs the API of TypeScript 6 or older.
    tsconfigFile: "none.json",
    ignorePatterns: ["/dist", "/coverage", "/.wrangler", `/${OUT}`, "/docs/**/*.png"],
    concurrency: Number(values.workers),
    coverageAnalysis: "perTest",
    timeoutMS: 5_000,
    reporters: ["json", "progress-append-only"],
    jsonReporter: { fileName: report },
    incremental: files === undefined,
    incrementalFile: `${OUT}/${group}.incremental.json`,
    force: values.fresh,
    thresholds: { high: 100, low: 85, break: null },
  };
}

function report(scores: readonly FileScore[]): void {
  for (const { survivors } of scores) {
    for (const { place, mutator, original, mutant } of survivors) {
      console.log(`${place}  ${mutator}\n    - ${short(original)}\n    + ${short(mutant)}`);
    }
  }
  console.log("\n     % killed alive equivalent");
  for (const score of scores) console.log(row([score], score.file));
  console.log(row(scores, "all"));
}

function row(scores: readonly FileScore[], name: string): string {
  const sum = (of: (score: FileScore) => number) => scores.reduce((total, score) => total + of(score), 0);
  const numbers = [
    sum(({ killed }) => killed),
    sum((score) => score.survivors.length),
    sum((score) => score.equivalent),
  ];
  const cells = [percent(scores).toFixed(1).padStart(6), ...numbers.map((number) => String(number).padStart(6))];
  return `${cells.join(" ")}  ${name}`;
}

function percent(scores: readonly FileScore[]): number {
  const killed = scores.reduce((total, score) => total + score.killed, 0);
  const all = scores.reduce((total, score) => total + score.killed + score.survivors.length, 0);
  return all === 0 ? 100 : (100 * killed) / all;
}

function short(text: string): string {
  return text.length > 160 ? `${text.slice(0, 157)}...` : text;
}
