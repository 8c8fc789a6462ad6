/**
 * Puts what `--help` prints into docs/cli.md, between `<!-- help: name -->` and `<!-- /help -->`, where an empty name is
 * `edge-relay` itself. With `--check` it writes nothing, and fails when the page is not what the commands say.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { COMMANDS } from "../src/cli/commands/index.ts";
import { buildProgram } from "../src/cli/program.ts";

const DOCUMENT = new URL("../docs/cli.md", import.meta.url);
const BLOCK = /<!-- help: ?(.*?) -->[\s\S]*?<!-- \/help -->/g;
const WIDTH = 110;

function helpOf(words: readonly string[]): string {
  let help = "";
  const write = (text: string): void => void (help += text);
  let command: Command = buildProgram({ out: write, err: write, helpWidth: WIDTH, perform: async () => undefined });
  for (const word of words) {
    const found = command.commands.find((member) => member.name() === word);
    if (!found) throw new Error(`docs/cli.md names "${words.join(" ")}", which is no command`);
    command = found;
  }
  command.outputHelp();
  return help.trimEnd();
}

const before = readFileSync(DOCUMENT, "utf8");
const shown = new Set<string>();
const after = before.replaceAll(BLOCK, (_, name: string) => {
  shown.add(name);
  const help = helpOf(name.split(" ").filter((word) => word !== ""));
  return `<!-- help: ${name === "" ? "" : `${name} `}-->\n\n\`\`\`text\n${help}\n\`\`\`\n\n<!-- /help -->`;
});
const missing = COMMANDS.filter(({ name }) => !shown.has(name)).map(({ name }) => name);
if (missing.length > 0) throw new Error(`docs/cli.md does not show the help of ${missing.join(", ")}`);

if (after === before) {
  console.log("The command reference of docs/cli.md is up to date");
} else if (process.argv.includes("--check")) {
  console.error("docs/cli.md is not what --help prints; run scripts/cli-reference.ts");
  process.exitCode = 1;
} else {
  writeFileSync(DOCUMENT, after);
  console.log("Wrote the command reference of docs/cli.md");
}
