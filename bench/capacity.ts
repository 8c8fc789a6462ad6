/** The highest load, in steps of a quarter, at which p99 of the added latency stays within 50 ms. */
import { type Sample, takeSample } from "./sample.ts";
import { type Scenario, withLoad } from "./scenarios.ts";
import type { Timing } from "./load/play.ts";
import type { BenchServer } from "./servers/server.ts";

const LIMIT_MS = 50;
const STEP = 1.25;
/** Packets a second that every server carries. */
const LOWEST = 3_000;
/** About three million packets a second. */
const MOST_STEPS = 31;
/** Of what is offered, what must arrive: a server that falls behind delivers less before it delivers late. */
const ENOUGH = 0.97;

export interface Search {
  readonly scenario: Scenario;
  readonly server: BenchServer;
  readonly alternation: number;
  readonly timing: Timing;
  /** What was tried. */
  readonly tell: (sample: Sample, isHeld: boolean) => void;
}

/** The sample at capacity; undefined when even the lowest load is too much. */
export async function findCapacity(search: Search): Promise<Sample | undefined> {
  let best: Sample | undefined;
  let held = -1;
  let failed = MOST_STEPS;
  for (let step = 4; held + 1 < failed;) {
    const sample = await trySteps(search, step);
    if (sample) [held, best] = [step, sample];
    else failed = step;
    // Doubling until it fails, then halving what lies between.
    step = failed === MOST_STEPS ? Math.min(held + 3, MOST_STEPS - 1) : Math.floor((held + failed) / 2);
    if (step <= held) break;
  }
  return best;
}

/** A load that fails is tried again: on a shared machine one stall of another process is a p99 above the limit. */
async function trySteps({ tell, ...search }: Search, step: number): Promise<Sample | undefined> {
  const scenario = withLoad(search.scenario, LOWEST * STEP ** step);
  for (let attempt = 0; attempt < 2; attempt++) {
    const sample = await takeSample({ ...search, scenario });
    const isHeld =
      sample.p99Ms <= LIMIT_MS && sample.perSecond >= ENOUGH * sample.offeredPerSecond && sample.errors === 0;
    tell(sample, isHeld);
    if (isHeld) return sample;
  }
  return undefined;
}
