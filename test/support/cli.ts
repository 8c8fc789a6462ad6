/** `edge-relay` from the sources, as a process of its own. */
import { spawn } from "node:child_process";
import { type ProcessCommand, type StandaloneRuntime, cliCommand } from "./runtimes.ts";

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Variables = Readonly<Record<string, string>>;

/** With nothing of this process's environment but where programs and their caches are. */
export function runCli(
  args: readonly string[],
  variables: Variables = {},
  runtime: StandaloneRuntime = "node",
): Promise<CliResult> {
  return runToEnd(cliCommand(runtime, args), variables);
}

export function runToEnd({ file, args }: ProcessCommand, variables: Variables, cwd?: string): Promise<CliResult> {
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH, HOME, ...variables };
  const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"], ...(cwd !== undefined && { cwd }) });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}
