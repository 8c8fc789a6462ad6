/**
 * Coverage-guided fuzzing, in this process.
 *
 *     npm run fuzz                                        every target, one minute each
 *     npm run fuzz -- --target rooms --minutes 10 --seed 7
 *     npm run fuzz -- --target rooms --minutes 5 --save   keeps what it found in test/fuzz/corpus, as few inputs as will do
 *     npm run fuzz -- --replay test/fuzz/crashes/….json
 */
import { parseArgs } from "node:util";
import { TARGETS, readCorpus, readCrash, targetNamed, writeCorpus, writeCrash } from "./files.ts";
import { failureOf, fuzz, reduceCorpus } from "./fuzzer.ts";
import type { Target } from "./target.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    minutes: { type: "string", default: "1" },
    seed: { type: "string" },
    save: { type: "boolean", default: false },
    replay: { type: "string" },
  },
});

if (values.replay !== undefined) await replay(values.replay);
else for (const target of values.target?.map(targetNamed) ?? TARGETS) await fuzzOne(target);
process.exit(); // timers of clients that failed may be left

async function replay(file: string): Promise<void> {
  const { target, steps } = readCrash(file);
  const error = await failureOf(targetNamed(target), steps);
  console.log(error ?? "It does not fail any more.");
  if (error !== undefined) process.exitCode = 1;
}

async function fuzzOne(target: Target): Promise<void> {
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const known = readCorpus(target);
  console.log(`${target.name}: seed ${seed}, ${known.length} inputs in the corpus`);
  const { corpus, crashes } = await fuzz(target, known, {
    seed,
    ms: Number(values.minutes) * 60_000,
    onCrash(steps, error) {
      const file = writeCrash({ target: target.name, error, steps });
      console.log(`  CRASH ${error.split("\n")[0]}\n    ${file}`);
    },
    onProgress: (line) => console.log(`  ${line}`),
  });
  if (crashes > 0) process.exitCode = 1;
  if (!values.save) return;
  const reduced = await reduceCorpus(target, corpus);
  writeCorpus(target, reduced);
  console.log(`  saved ${reduced.length} inputs`);
}
