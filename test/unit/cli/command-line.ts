import type { Variables } from "../../../src/cli/command.ts";
import { run } from "../../../src/cli/run.ts";

/** One run of the command line in this process. */
export async function cli(args: readonly string[], variables: Variables = {}) {
  let [stdout, stderr] = ["", ""];
  const exit = await run(args, {
    variables,
    out: (text) => void (stdout += text),
    err: (text) => void (stderr += text),
    isWatched: false,
  });
  return { exit, stdout, stderr };
}
