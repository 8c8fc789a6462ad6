/** Whether a goal is met, by what stands in the results. */
import type { Goal, Limit } from "./goals.ts";
import type { Recorded } from "./recorded.ts";
import { type Sample, isGeneratorBound } from "./sample.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export type Verdict =
  | {
      readonly kind: "met" | "missed";
      /** As the limit has it: ratios, or differences. */
      readonly compared: Spread;
      readonly alternations: number;
      /** Samples whose figures say more about the load generator than about the server. */
      readonly bound: number;
    }
  | { readonly kind: "not-measured"; readonly why: string };

/** A goal without figures of both sides is never met. */
export function judge(goal: Goal, recorded: Recorded | undefined): Verdict {
  if (!recorded) return notMeasured("there are no results; npm run bench:goals");
  for (const server of [goal.ours, goal.against]) {
    const why = recorded.missing?.[server];
    if (why !== undefined) return notMeasured(why);
  }
  const pairs = pairUp(goal, recorded.samples);
  if (pairs.length === 0) return notMeasured(`no alternation has a figure of both ${goal.ours} and ${goal.against}`);
  const compared = spreadOf(pairs.map((pair) => compare(goal, pair)));
  const bound = pairs.flat().filter(isGeneratorBound).length;
  const kind = isMet(compared.median, goal.limit) ? "met" : "missed";
  return { kind, compared, alternations: pairs.length, bound };
}

function compare({ metric, limit, allowance = 0 }: Goal, [own, other]: readonly [Sample, Sample]): number {
  const ours = own[metric] - allowance;
  return "atMostMore" in limit ? ours - other[metric] : ours / other[metric];
}

function notMeasured(why: string): Verdict {
  return { kind: "not-measured", why };
}

function pairUp({ ours, against, metric }: Goal, samples: readonly Sample[]): (readonly [Sample, Sample])[] {
  return samples.flatMap((own) => {
    if (own.server !== ours) return [];
    const other = samples.find(({ server, alternation }) => server === against && alternation === own.alternation);
    return other && other[metric] > 0 ? [[own, other] as const] : [];
  });
}

function isMet(compared: number, limit: Limit): boolean {
  if ("atMostMore" in limit) return compared <= limit.atMostMore;
  return "atMost" in limit ? compared <= limit.atMost : compared >= limit.atLeast;
}

export function writtenLimit(limit: Limit): string {
  if ("atMostMore" in limit) return `≤ ${limit.atMostMore} more`;
  return "atMost" in limit ? `≤ ${limit.atMost} ×` : `≥ ${limit.atLeast} ×`;
}

/** As a cell of the report and a line of the terminal. */
export function writtenVerdict(verdict: Verdict, limit: Limit): string {
  if (verdict.kind === "not-measured") return `not measured: ${verdict.why}`;
  if (verdict.kind === "met") return "met";
  const { median } = verdict.compared;
  if ("atMostMore" in limit) return `missed by ${(median - limit.atMostMore).toFixed(1)}`;
  const by = "atMost" in limit ? median / limit.atMost - 1 : 1 - median / limit.atLeast;
  return `missed by ${(by * 100).toFixed(by < 0.1 ? 1 : 0)} %`;
}

export function writtenCompared(verdict: Verdict): string {
  if (verdict.kind === "not-measured") return "–";
  const { median, min, max } = verdict.compared;
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

/** What makes a verdict worth less; empty when nothing does. `asked`: alternations that a conclusion needs. */
export function doubts(verdict: Verdict, asked: number): string {
  if (verdict.kind === "not-measured") return "";
  const found: string[] = [];
  if (verdict.alternations < asked) found.push(`${verdict.alternations} of ${asked} alternations`);
  if (verdict.bound > 0) found.push(`${verdict.bound} of ${2 * verdict.alternations} samples generator-bound`);
  return found.join("; ");
}
