/** `npm run bench:goals`: every run that a goal needs, one after another, and the verdicts. */
import { findCapacity } from "./capacity.ts";
import { type Entrant, GOALS, type Goal, type GoalRun, RUNS } from "./goals.ts";
import { HIBERNATION_GOAL, watchHibernation, writtenHibernation } from "./hibernation.ts";
import { type Recorded, resultsPath, writeRecorded, writeResults } from "./recorded.ts";
import { METRICS, type Sample, takeSample } from "./sample.ts";
import { type Scenario, scenarioNamed, withLoad } from "./scenarios.ts";
import { findServer } from "./servers/index.ts";
import type { BenchServer } from "./servers/server.ts";
import { tellTry, warn } from "./print.ts";
import { doubts, judge, writtenCompared, writtenLimit, writtenVerdict } from "./verdict.ts";

/** What a conclusion needs. */
export const ALTERNATIONS = 5;
const QUICK_ALTERNATIONS = 2;
const QUICK_SECONDS = 2;
const WARM_MS = 700;
const DRAIN_MS = 2_000;
/** A load that is held has drained long before. */
const CAPACITY_DRAIN_MS = 500;

/** A run that no ratio comes of (hibernation.ts). */
const HIBERNATION = "hibernation";
const PAUSES = 2;

interface SuiteOptions {
  readonly isQuick: boolean;
  /** Names of runs; all when undefined. */
  readonly only?: readonly string[] | undefined;
}

interface Contestant {
  readonly server: BenchServer;
  readonly scenario: Scenario;
  readonly title: string;
}

export async function runGoals({ isQuick, only }: SuiteOptions): Promise<void> {
  const names = [...RUNS.map(({ name }) => name), HIBERNATION];
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`There is no run "${unknown}"; there are ${names.join(", ")}`);
  for (const run of RUNS.filter(({ name }) => only?.includes(name) ?? true)) {
    const began = performance.now();
    console.log(`\n${run.name}`);
    const recorded = await play(run, isQuick);
    writeRecorded(resultsPath(run.name), recorded);
    for (const sample of recorded.samples) warn(sample);
    for (const goal of GOALS) if (goal.run === run.name) tellVerdict(goal, recorded);
    console.log(`  ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }
  if (only?.includes(HIBERNATION) ?? true) await watch(isQuick ? 1 : PAUSES);
}

async function watch(pauses: number): Promise<void> {
  console.log(`\n${HIBERNATION}`);
  writeResults(resultsPath(HIBERNATION), await watchHibernation(pauses));
  console.log(`  ${HIBERNATION_GOAL}: ${writtenHibernation(resultsPath(HIBERNATION))}`);
}

async function play(run: GoalRun, isQuick: boolean): Promise<Recorded> {
  const { contestants, missing } = enlist(run);
  const seconds = isQuick ? Math.min(QUICK_SECONDS, run.seconds) : run.seconds;
  const samples: Sample[] = [];
  const hints = new Map<string, number>();
  const alternations = isQuick ? QUICK_ALTERNATIONS : ALTERNATIONS;
  for (let alternation = 0; alternation < alternations; alternation++) {
    for (const contestant of contestants) {
      const sample = await measure(run, contestant, { alternation, seconds, hints });
      if (sample) samples.push(sample);
    }
  }
  const servers = contestants.map(({ server, title }) => ({ name: server.name, title }));
  const kind = run.mode === "capacity" ? "capacity" : "equal-load";
  return { scenario: scenarioOf(run), kind, servers, seconds, samples, missing };
}

function scenarioOf({ scenario, mode }: GoalRun, { scenario: own }: Partial<Entrant> = {}): Scenario {
  const named = scenarioNamed(own ?? scenario);
  return typeof mode === "number" ? withLoad(named, mode) : named;
}

/** Who can take part; and of those who cannot, why. */
function enlist(run: GoalRun): { contestants: Contestant[]; missing: Record<string, string> } {
  const contestants: Contestant[] = [];
  const missing: Record<string, string> = {};
  for (const entrant of run.entrants) {
    const found = findServer(entrant.server);
    if (typeof found === "string") {
      missing[entrant.server] = found;
      console.log(`  ${found}`);
      continue;
    }
    const scenario = scenarioOf(run, entrant);
    const title = entrant.scenario === undefined ? found.title : `${found.title}; ${scenario.title}`;
    contestants.push({ server: found, scenario, title });
  }
  const wanted = GOALS.filter(({ run: name, ours, against }) => {
    return name === run.name && missing[ours] === undefined && missing[against] === undefined;
  });
  // Who is left without one to be compared with need not run.
  const isWanted = ({ server: { name } }: Contestant): boolean =>
    wanted.some(({ ours, against }) => name === ours || name === against);
  return { contestants: contestants.filter(isWanted), missing };
}

interface Turn {
  readonly alternation: number;
  readonly seconds: number;
  /** By server: the step of its last capacity. */
  readonly hints: Map<string, number>;
}

async function measure(run: GoalRun, contestant: Contestant, turn: Turn): Promise<Sample | undefined> {
  const { server, scenario } = contestant;
  const { alternation, seconds, hints } = turn;
  const drainMs = run.mode === "capacity" ? CAPACITY_DRAIN_MS : DRAIN_MS;
  const timing = { warmMs: WARM_MS, measureMs: seconds * 1000, drainMs, seed: alternation + 1 };
  if (run.mode !== "capacity") return takeSample({ server, scenario, alternation, timing });
  const hint = hints.get(server.name);
  const found = await findCapacity({ server, scenario, alternation, timing, hint, tell: tellTry });
  if (found) hints.set(server.name, found.step);
  return found?.sample;
}

function tellVerdict(goal: Goal, recorded: Recorded): void {
  const verdict = judge(goal, recorded);
  const { ours, against, metric, limit } = goal;
  const what = `${ours} ${"atMostMore" in limit ? "−" : "/"} ${against}, ${METRICS[metric].title} ${writtenLimit(limit)}`;
  const doubt = doubts(verdict, ALTERNATIONS);
  console.log(`  ${what}: ${writtenCompared(verdict)} ${writtenVerdict(verdict, limit)}${doubt && ` (${doubt})`}`);
}
