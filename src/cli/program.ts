/** The table of commands as a program of commander's. */
import { Command } from "commander";
import type { CliCommand, CliGroup } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { packageVersion } from "./version.ts";

export interface ProgramHost {
  out(text: string): void;
  err(text: string): void;
  /** Columns of the help; default: the terminal's. */
  readonly helpWidth?: number | undefined;
  perform(command: CliCommand, args: readonly unknown[], options: object): Promise<void>;
}

const NAME = "edge-relay";

/** Errors of parsing are written to `err`, and thrown as CommanderError instead of ending the process. */
export function buildProgram(host: ProgramHost): Command {
  const { helpWidth } = host;
  const program = new Command(NAME)
    .description("A relay for game peers that cannot reach each other, and tools for its operators.")
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addHelpCommand(false)
    .exitOverride()
    .showHelpAfterError(`(${NAME} --help lists commands, and --help after a command its options)`)
    .configureOutput({
      writeOut: (text) => host.out(text),
      writeErr: (text) => host.err(text),
      ...(helpWidth !== undefined && { getOutHelpWidth: () => helpWidth, getErrHelpWidth: () => helpWidth }),
    });
  for (const entry of COMMANDS) add(program, entry, host);
  return program;
}

function add(parent: Command, entry: CliCommand | CliGroup, host: ProgramHost): void {
  // Settings above are inherited by commands that are made this way.
  const command = parent.command(entry.name).description(entry.summary).helpOption("-h, --help", "print this help");
  if ("commands" in entry) {
    command.addHelpCommand(false);
    for (const member of entry.commands) add(command, member, host);
    return;
  }
  for (const argument of entry.args ?? []) command.addArgument(argument);
  for (const option of entry.options ?? []) command.addOption(option);
  if (!entry.isService) command.option("--json", "print one JSON document, and nothing else, on stdout");
  if (entry.details !== undefined) command.addHelpText("after", `\n${entry.details}`);
  command.allowExcessArguments(false);
  command.action(() => host.perform(entry, command.processedArgs as readonly unknown[], command.opts()));
}
