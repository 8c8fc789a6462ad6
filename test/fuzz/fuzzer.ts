/** Coverage-guided fuzzing: inputs that reach something new are kept, and the next ones are made from what is kept. */
import { Coverage } from "./coverage.ts";
import { Random } from "./random.ts";
import { type Target, mutate } from "./target.ts";

type Steps = readonly unknown[];

export interface Fuzzed {
  readonly corpus: readonly Steps[];
  readonly executions: number;
  readonly blocks: number;
  readonly features: number;
  readonly crashes: number;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly ms: number;
  readonly onCrash: (steps: Steps, error: string) => void;
  readonly onProgress: (line: string) => void;
}

/** Reading coverage takes as long as a few runs, so it is read once for several; one that was new among them is looked for. */
const BATCH = 16;
const PROGRESS_MS = 15_000;
const MAX_CRASHES = 10;

export async function fuzz(target: Target, corpus: readonly Steps[], options: FuzzOptions): Promise<Fuzzed> {
  const { seed, ms, onCrash, onProgress } = options;
  const random = new Random(seed);
  const coverage = new Coverage();
  const kept: Steps[] = [];
  const known = new Set<string>();
  const began = performance.now();
  let told = began;
  let executions = 0;

  const tryOne = async (steps: Steps): Promise<void> => {
    executions++;
    const error = await failureOf(target, steps, coverage.feature);
    if (error === undefined || known.has(signature(error))) return;
    known.add(signature(error));
    const least = await minimise(target, steps, error);
    onCrash(least, (await failureOf(target, least)) ?? error);
  };
  /** Runs them one by one, and keeps those that are new. */
  const keepNew = async (batch: readonly Steps[]): Promise<void> => {
    for (const steps of batch) {
      await tryOne(steps);
      if (coverage.isNew()) kept.push(steps);
    }
  };
  const status = (): Fuzzed => ({ corpus: kept, executions, ...coverage.counts, crashes: known.size });

  await keepNew([...target.seeds(), ...corpus, [target.randomStep(random)]]);
  if (kept.length === 0) kept.push([target.randomStep(random)]);
  while (performance.now() - began < ms && known.size < MAX_CRASHES) {
    const batch = Array.from({ length: BATCH }, () =>
      mutate(target, choose(kept, random), choose(kept, random), random),
    );
    for (const steps of batch) await tryOne(steps);
    if (coverage.wouldBeNew()) await keepNew(batch);
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      onProgress(describe(status(), told - began));
    }
  }
  onProgress(describe(status(), performance.now() - began));
  coverage.stop();
  return status();
}

/** What is kept in the repository is bounded, and is replayed in CI. */
const MAX_CORPUS_CHARACTERS = 60_000;

/** As few inputs as reach the code that all of them reach, short ones first. */
export async function reduceCorpus(target: Target, corpus: readonly Steps[]): Promise<Steps[]> {
  const coverage = new Coverage();
  const kept: Steps[] = [];
  let total = 0;
  const size = (steps: Steps): number => JSON.stringify(steps).length;
  for (const steps of corpus.toSorted((a, b) => size(a) - size(b))) {
    if ((await failureOf(target, steps)) !== undefined || !coverage.isNew()) continue;
    total += size(steps);
    if (total > MAX_CORPUS_CHARACTERS) break;
    kept.push(steps);
  }
  coverage.stop();
  return kept;
}

/** What was wrong with the run; undefined when it was good. Errors that nobody caught count. */
export async function failureOf(
  target: Target,
  steps: Steps,
  feature: (name: string) => void = () => undefined,
): Promise<string | undefined> {
  const errors: unknown[] = [];
  const note = (error: unknown): void => void errors.push(error);
  process.on("uncaughtException", note).on("unhandledRejection", note);
  try {
    const running = target.run(steps, feature);
    if (running) await running;
  } catch (error) {
    errors.unshift(error);
  } finally {
    process.off("uncaughtException", note).off("unhandledRejection", note);
  }
  const [error] = errors;
  if (errors.length === 0) return undefined;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Without steps that it fails without, in the same way. */
async function minimise(target: Target, steps: Steps, error: string): Promise<Steps> {
  let least = steps;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < least.length;) {
      const less = least.toSpliced(at, size);
      const other = await failureOf(target, less);
      if (other !== undefined && signature(other) === signature(error)) least = less;
      else at += size;
    }
  }
  return least;
}

/** Errors that differ in their numbers only are one. */
function signature(error: string): string {
  return (error.split("\n")[0] ?? "").replaceAll(/\d+/g, "#");
}

/** The newest are the least explored. */
function choose(kept: readonly Steps[], random: Random): Steps {
  const newest = Math.max(0, kept.length - 20);
  return random.oneIn(3) ? kept[newest + random.below(kept.length - newest)]! : random.pick(kept);
}

function describe({ corpus, executions, blocks, features, crashes }: Fuzzed, ms: number): string {
  const perSecond = Math.round((1000 * executions) / ms);
  const found = `${blocks} blocks, ${features} features, ${corpus.length} inputs kept, ${crashes} crashes`;
  return `${Math.round(ms / 1000)} s: ${executions} runs, ${perSecond}/s, ${found}`;
}
