/** That no goal is called met without figures that say so. */
import { describe, expect, test } from "vitest";
import { GOALS, type Goal, RUNS } from "../../../bench/goals.ts";
import type { Recorded } from "../../../bench/recorded.ts";
import type { Sample } from "../../../bench/sample.ts";
import { scenarioNamed } from "../../../bench/scenarios.ts";
import { doubts, judge, writtenLimit, writtenVerdict } from "../../../bench/verdict.ts";

const GOAL: Goal = {
  title: "a goal",
  run: "mesh8-10000",
  ours: "edge-relay",
  against: "bare",
  metric: "cpuUs",
  limit: { atMost: 0.5 },
};

function sample(server: string, alternation: number, figures: Partial<Sample> = {}): Sample {
  return { ...ZERO, server, alternation, ...figures };
}

const ZERO: Sample = {
  server: "",
  alternation: 0,
  perSecond: 0,
  cpuUs: 0,
  p50Ms: 0,
  p99Ms: 0,
  messagesIn: 0,
  messagesOut: 0,
  rssMiB: 0,
  rssPerPeerKiB: 0,
  loadCore: 0,
  offeredPerSecond: 0,
  lost: 0,
  disordered: 0,
  errors: 0,
  firstError: "",
  generatorLateMs: 0,
};

function recorded(samples: readonly Sample[], missing: Record<string, string> = {}): Recorded {
  return { scenario: scenarioNamed("mesh8"), kind: "equal-load", servers: [], seconds: 1, samples, missing };
}

/** One alternation for each of our figures, against 10 of the other. */
function alternations(...ours: number[]): Sample[] {
  return ours.flatMap((cpuUs, at) => [sample("edge-relay", at, { cpuUs }), sample("bare", at, { cpuUs: 10 })]);
}

describe("a verdict", () => {
  test("is by the median of the alternations' ratios, and tells their spread", () => {
    const verdict = judge(GOAL, recorded(alternations(4, 9, 5)));
    expect(verdict).toMatchObject({ kind: "met", compared: { median: 0.5, min: 0.4, max: 0.9 }, alternations: 3 });
  });

  test("of a goal that is missed tells by how much, in both directions", () => {
    const most = judge(GOAL, recorded(alternations(6, 6, 6)));
    expect(writtenVerdict(most, GOAL.limit)).toBe("missed by 20 %");
    const least = { ...GOAL, limit: { atLeast: 1.2 } };
    expect(writtenVerdict(judge(least, recorded(alternations(6, 6, 6))), least.limit)).toBe("missed by 50 %");
  });

  test("takes an allowance off our figure", () => {
    const verdict = judge({ ...GOAL, allowance: 1 }, recorded(alternations(6)));
    expect(verdict).toMatchObject({ kind: "met", compared: { median: 0.5 } });
  });

  test("may be by how much more our figure is, in its own unit", () => {
    const goal: Goal = { ...GOAL, limit: { atMostMore: 3 } };
    const met = judge(goal, recorded(alternations(12, 14, 13)));
    expect(met).toMatchObject({ kind: "met", compared: { median: 3, min: 2, max: 4 } });
    expect(writtenVerdict(judge(goal, recorded(alternations(15.5))), goal.limit)).toBe("missed by 2.5");
    expect(writtenLimit(goal.limit)).toBe("≤ 3 more");
  });

  test("is never met without results, without a server, or without an alternation that has both", () => {
    const missing = judge(GOAL, recorded(alternations(1), { bare: 'there is no server "bare"' }));
    expect(writtenVerdict(missing, GOAL.limit)).toBe('not measured: there is no server "bare"');
    for (const results of [
      undefined,
      recorded([]),
      recorded([sample("edge-relay", 0, { cpuUs: 1 }), sample("bare", 1, { cpuUs: 10 })]),
      recorded([sample("edge-relay", 0, { cpuUs: 1 }), sample("bare", 0, { cpuUs: 0 })]),
    ]) {
      expect(judge(GOAL, results).kind).toBe("not-measured");
    }
  });

  test("is doubted for few alternations, and for samples that the generator held up", () => {
    expect(doubts(judge(GOAL, recorded(alternations(1, 1))), 2)).toBe("");
    const late = [sample("edge-relay", 0, { cpuUs: 1, generatorLateMs: 6 }), sample("bare", 0, { cpuUs: 10 })];
    const busy = [sample("edge-relay", 1, { cpuUs: 1 }), sample("bare", 1, { cpuUs: 10, loadCore: 0.95 })];
    expect(doubts(judge(GOAL, recorded([...late, ...busy])), 5)).toBe(
      "2 of 5 alternations; 2 of 4 samples generator-bound",
    );
  });
});

test("every goal names a run that has both of its servers, and every run a scenario", () => {
  for (const { run: name, ours, against } of GOALS) {
    const run = RUNS.find((candidate) => candidate.name === name);
    const servers = run?.entrants.map(({ server }) => server);
    expect(servers, name).toEqual(expect.arrayContaining([ours, against]));
  }
  for (const { scenario, entrants } of RUNS) {
    for (const entrant of entrants) expect(() => scenarioNamed(entrant.scenario ?? scenario)).not.toThrow();
  }
});
