/** How often, and from which seed, a property is tried. */

/**
 * The same runs each time, so that CI is red for a change only. To hunt, from another seed each time:
 * `SHARD_RUNS=5000 npx vitest run --project unit test/unit/relay/shards` (TRUNK_RUNS: …/trunk); SHARD_SEED repeats a hunt.
 */
export function runs(of: "SHARD" | "TRUNK", numRuns: number): { numRuns: number; seed?: number } {
  const { [`${of}_RUNS`]: hunted, [`${of}_SEED`]: seed } = process.env;
  if (seed === undefined && hunted !== undefined) return { numRuns: Number(hunted) };
  return { numRuns: Number(hunted ?? numRuns), seed: Number(seed ?? 480) };
}
