/** `serve`: the relay, on the runtime that runs this. Its flags are those of the table in the relay's configuration. */
import { Option } from "commander";
import {
  ConfigurationError,
  FLAGS,
  type Flag,
  type FlagName,
  SECRETS,
  readConfiguration,
} from "../../runtime/standalone/configuration.ts";
import type { CliCommand } from "../command.ts";
import { Exit, Failure } from "../exit.ts";
import { listenOn, runtimeName } from "../platform.ts";

const OPTIONS = Object.entries<Flag>(FLAGS).map(([name, { variable, value, argument, help }]) => {
  const initial = value === "" ? "" : `, default: ${value}`;
  // The configuration reads the environment itself, so that its messages can name the variable.
  return {
    name: name as FlagName,
    option: new Option(`--${name} <${argument}>`, `${help} (env: ${variable}${initial})`),
  };
});

const SECRET_LINES = Object.entries(SECRETS).map(([name, help]) => `  ${name.padEnd(14)} ${help}`);

const DETAILS = `Only in the environment, because flags can be seen by others on the machine:
${SECRET_LINES.join("\n")}

Logs are JSON lines, those of level info on stdout. SIGTERM and SIGINT send the clients away to come back, and end it.`;

export const serve: CliCommand<Readonly<Record<string, string>>> = {
  name: "serve",
  summary: "serve the relay on this machine, until it is ended by a signal",
  options: OPTIONS.map(({ option }) => option),
  details: DETAILS,
  isService: true,
  async run({ options, variables }) {
    const given = OPTIONS.flatMap(({ name, option }) => {
      const value = options[option.attributeName()];
      return value === undefined ? [] : [[name, value] as const];
    });
    try {
      const configuration = await readConfiguration(Object.fromEntries(given), variables);
      const runtime = runtimeName();
      const { listen, serveUntilSignal } = await listenOn(runtime);
      await serveUntilSignal(runtime, listen, configuration);
    } catch (error) {
      throw asFailure(error);
    }
    return undefined;
  },
};

/** The operator's mistakes have a code; what has none of these is ours. */
function asFailure(error: unknown): unknown {
  if (error instanceof ConfigurationError) return new Failure(error.code, error.message, Exit.Usage);
  const { code, message } = error as { code?: unknown; message: string };
  if (code === "database_unusable" || code === "cannot_listen") return new Failure(code, message);
  return error;
}
