import { describe, expect, test } from "vitest";
import { TARGETS, readCorpus } from "../../fuzz/files.ts";
import { failureOf } from "../../fuzz/fuzzer.ts";

/** What the fuzzer found worth keeping (test/fuzz/run.ts); coverage is not measured here. */
describe.each(TARGETS)("fuzz corpus of $name", (target) => {
  const inputs = [...target.seeds(), ...readCorpus(target)];
  test(`${inputs.length} inputs fail nowhere`, { timeout: 30_000 }, async () => {
    for (const steps of inputs) expect(await failureOf(target, steps), JSON.stringify(steps)).toBeUndefined();
  });
});
