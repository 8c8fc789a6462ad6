/** `npm run bench`: servers side by side, in turns, so that what drifts on the machine drifts for all of them. */
import { parseArgs } from "node:util";
import { findCapacity } from "./capacity.ts";
import { printComparison, tellTry } from "./print.ts";
import { resultsPath, writeRecorded } from "./recorded.ts";
import { type Sample, takeSample } from "./sample.ts";
import { SCENARIOS, type Scenario, scenarioNamed, withLoad } from "./scenarios.ts";
import { SERVERS, serverNamed } from "./servers/index.ts";
import type { BenchServer } from "./servers/server.ts";
import { runGoals } from "./suite.ts";

const USAGE = `Usage: npm run bench -- [options]

  --scenario <names>   ${SCENARIOS.map(({ name }) => name).join(", ")}
  --servers <names>    the first is what the others are compared with:
                       ${SERVERS.map(({ name }) => name).join(", ")}
  --seconds <s>        measured in each run; otherwise 5
  --warm <s>           before that; otherwise 1
  --alternations <n>   runs of each server; otherwise 5
  --load <packets/s>   otherwise the scenario's own
  --capacity           the highest load with p99 within 50 ms, for each server
  --json [--out file]  writes everything to a file, otherwise bench/results/<scenario>[-capacity|-<load>].json

  --suite goals        all runs of bench/goals.ts with their verdicts (npm run bench:goals); half an hour
  --quick              of a suite: 2 alternations of 2 s
  --only <runs>        of a suite: these runs
`;

const { values } = parseArgs({
  options: {
    scenario: { type: "string", default: "mesh8" },
    servers: { type: "string", default: "edge-relay,bare" },
    seconds: { type: "string", default: "5" },
    warm: { type: "string", default: "1" },
    alternations: { type: "string", default: "5" },
    load: { type: "string" },
    capacity: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    out: { type: "string" },
    suite: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

/** By server: the step of the capacity that was found last. */
const hints = new Map<string, number>();

if (values.help) console.log(USAGE);
else if (values.suite === "goals") await runGoals({ isQuick: values.quick, only: values.only?.split(",") });
else if (values.suite !== undefined) throw new Error(`There is no suite "${values.suite}"; there is goals`);
else for (const name of values.scenario.split(",")) await benchmark(scenarioNamed(name));

async function benchmark(named: Scenario): Promise<void> {
  hints.clear();
  const scenario = values.load === undefined ? named : withLoad(named, Number(values.load));
  const servers = values.servers.split(",").map(serverNamed);
  console.log(`\n${scenario.title}${values.capacity ? ", at capacity" : ""}`);
  const samples: Sample[] = [];
  for (let alternation = 0; alternation < Number(values.alternations); alternation++) {
    for (const server of servers) {
      const sample = await measure(scenario, server, alternation);
      if (sample) samples.push(sample);
    }
  }
  const names = servers.map(({ name }) => name);
  printComparison(scenario, samples, names);
  if (values.json || values.out !== undefined) record(scenario, servers, samples);
}

/** All servers of one alternation get the same seed, so the same load. */
async function measure(scenario: Scenario, server: BenchServer, alternation: number): Promise<Sample | undefined> {
  const [warmMs, measureMs] = [Number(values.warm) * 1000, Number(values.seconds) * 1000];
  const run = { scenario, server, alternation, timing: { warmMs, measureMs, drainMs: 2_000, seed: alternation + 1 } };
  if (!values.capacity) return takeSample(run);
  const found = await findCapacity({ ...run, hint: hints.get(server.name), tell: tellTry });
  if (found) hints.set(server.name, found.step);
  return found?.sample;
}

function record(scenario: Scenario, servers: readonly BenchServer[], samples: readonly Sample[]): void {
  const suffix = values.capacity ? "-capacity" : values.load === undefined ? "" : `-${values.load}`;
  writeRecorded(values.out ?? resultsPath(`${scenario.name}${suffix}`), {
    scenario,
    kind: values.capacity ? "capacity" : "equal-load",
    servers: servers.map(({ name, title }) => ({ name, title })),
    seconds: Number(values.seconds),
    samples,
  });
}
