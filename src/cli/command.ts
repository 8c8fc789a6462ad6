/** What a command is to the table of commands; the argument parser behind it is commander. */
import type { Argument, Option } from "commander";
import type { Exit } from "./exit.ts";

export type Variables = Readonly<Record<string, string | undefined>>;

export interface Invocation<Options extends object> {
  /** As the parsers of the command's arguments made them. */
  readonly args: readonly unknown[];
  readonly options: Options;
  /** The environment. Secrets come from here only: arguments can be seen by others on the machine. */
  readonly variables: Variables;
  /** For people, while it runs: stderr, a line. */
  note(text: string): void;
  /** The same for a line that is written over by the next. Nothing where nobody watches. */
  progress(text: string): void;
}

/** What a command came to, in both languages. */
export interface Outcome {
  /** What `--json` prints. */
  readonly document: object;
  /** What people read. */
  readonly text: string;
  /** Default: Exit.Ok. */
  readonly exit?: Exit;
}

export interface CliCommand<Options extends object = object> {
  readonly name: string;
  readonly summary: string;
  /** Below the options, in its help. */
  readonly details?: string;
  readonly args?: readonly Argument[];
  readonly options?: readonly Option[];
  /** It runs until it is ended, and logs; there is no outcome to print, and no `--json`. */
  readonly isService?: true;
  run(invocation: Invocation<Options>): Promise<Outcome | undefined>;
}

export interface CliGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CliCommand[];
}
