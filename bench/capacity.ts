/** The highest load, in steps of an eighth, at which p99 of the added latency stays within 50 ms. */
import { type Sample, takeSample } from "./sample.ts";
import { type Scenario, withLoad } from "./scenarios.ts";
import type { Timing } from "./load/play.ts";
import type { BenchServer } from "./servers/server.ts";

const LIMIT_MS = 50;
const STEP = Math.sqrt(1.25);
/** Packets a second that every server carries. */
const LOWEST = 3_000;
/** About three million packets a second. */
const MOST_STEPS = 62;
const FIRST_STEP = 8;
/** Steps at once while it is not known what is too much: about double; where there is a hint, a quarter at first. */
const STRIDE = 6;
const STRIDE_FROM_HINT = 2;
/** Of what is offered, what must arrive: a server that falls behind delivers less before it delivers late. */
const ENOUGH = 0.97;
const HOPELESS = 0.8;

export interface Search {
  readonly scenario: Scenario;
  readonly server: BenchServer;
  readonly alternation: number;
  readonly timing: Timing;
  /** The step that was found before: most searches end near it. */
  readonly hint?: number | undefined;
  /** What was tried. */
  readonly tell: (sample: Sample, isHeld: boolean) => void;
}

/** What held at the highest step that did. */
export interface Held<T> {
  readonly sample: T;
  readonly step: number;
}

/** Undefined when even the lowest load is too much. */
export function findCapacity(search: Search): Promise<Held<Sample> | undefined> {
  return highestStep((step) => tryStep(search, step), search.hint);
}

/** `attempt` answers undefined for what is too much. Strides until one held and one failed, then halves what lies between. */
export async function highestStep<T>(
  attempt: (step: number) => Promise<T | undefined>,
  hint?: number,
): Promise<Held<T> | undefined> {
  let best: Held<T> | undefined;
  let failed = MOST_STEPS;
  let stride = hint === undefined ? STRIDE : STRIDE_FROM_HINT;
  for (let step = hint ?? FIRST_STEP; ;) {
    const sample = await attempt(step);
    if (sample !== undefined) best = { sample, step };
    else failed = step;
    const held = best?.step ?? -1;
    if (held + 1 >= failed) return best;
    if (failed === MOST_STEPS) step = Math.min(held + stride, MOST_STEPS - 1);
    else if (!best) step = Math.max(0, failed - stride);
    else step = Math.floor((held + failed) / 2);
    stride = Math.min(stride * 2, STRIDE);
  }
}

/**
 * A load that fails is tried again, unless it was far too much: on a shared machine one stall of another process is a p99
 * above the limit.
 */
async function tryStep({ tell, ...search }: Search, step: number): Promise<Sample | undefined> {
  const scenario = withLoad(search.scenario, LOWEST * STEP ** step);
  for (let attempt = 0; attempt < 2; attempt++) {
    const sample = await takeSample({ ...search, scenario });
    const isHeld =
      sample.p99Ms <= LIMIT_MS && sample.perSecond >= ENOUGH * sample.offeredPerSecond && sample.errors === 0;
    tell(sample, isHeld);
    if (isHeld) return sample;
    if (sample.perSecond < HOPELESS * sample.offeredPerSecond) break;
  }
  return undefined;
}
