/** One run of the command line: parse, perform, print, and the exit code of it all. */
import { CommanderError } from "commander";
import type { CliCommand, Outcome, Variables } from "./command.ts";
import { Exit, Failure } from "./exit.ts";
import { buildProgram } from "./program.ts";

export interface World {
  readonly variables: Variables;
  out(text: string): void;
  err(text: string): void;
  /** Somebody watches stderr on a terminal. */
  readonly isWatched: boolean;
}

/** `args`: without the runtime and the script. */
export async function run(args: readonly string[], world: World): Promise<Exit> {
  const isJson = args.includes("--json");
  let exit: Exit = Exit.Ok;
  const perform = async (command: CliCommand, values: readonly unknown[], options: object): Promise<void> => {
    const outcome = await command.run({ args: values, options, variables: world.variables, ...notes(world) });
    if (!outcome) return;
    print(outcome, isJson, world);
    exit = outcome.exit ?? Exit.Ok;
  };
  const { out, err } = world;
  try {
    await buildProgram({ out, err, perform }).parseAsync([...args], { from: "user" });
    return exit;
  } catch (error) {
    return refuse(error, isJson, world);
  }
}

function notes({ err, isWatched }: World): { note(text: string): void; progress(text: string): void } {
  let isLineOpen = false;
  return {
    note(text) {
      err(`${isLineOpen ? "\n" : ""}${text}\n`);
      isLineOpen = false;
    },
    progress(text) {
      if (!isWatched) return;
      err(`\r${text}`);
      isLineOpen = true;
    },
  };
}

function print({ document, text }: Outcome, isJson: boolean, { out }: World): void {
  out(isJson ? `${JSON.stringify(document)}\n` : `${text}\n`);
}

function refuse(error: unknown, isJson: boolean, { out, err }: World): Exit {
  // Commander has written its message, or the help or version that was asked for, already.
  if (error instanceof CommanderError && error.exitCode === 0) return Exit.Ok;
  const { code, message, exit } = error instanceof CommanderError ? misused(error) : failureOf(error);
  if (isJson) out(`${JSON.stringify({ error: { code, message } })}\n`);
  if (!(error instanceof CommanderError)) err(`error: ${message}\n`);
  return exit;
}

function misused({ message }: CommanderError): Failure {
  return new Failure("usage", message.replace(/^error: /, ""), Exit.Usage);
}

/** What is no Failure is a fault of ours: its stack is what a report of it needs. */
function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure("internal_error", error instanceof Error ? (error.stack ?? error.message) : String(error));
}
