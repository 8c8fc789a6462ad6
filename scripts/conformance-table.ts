/**
 * Writes the conformance table of docs/client.md from the names of the tests in test/contract/families/.
 * With `--check` it writes nothing, and fails when the table is not what the tests say.
 */
import { readFileSync, writeFileSync } from "node:fs";

const DOCUMENT = new URL("../docs/client.md", import.meta.url);
const FAMILIES = [
  { file: "sockets", prefix: "NS", title: "ISteamNetworkingSockets" },
  { file: "messages", prefix: "NM", title: "ISteamNetworkingMessages" },
  { file: "p2p", prefix: "PB", title: "ISteamNetworking, P2P packets" },
  { file: "old", prefix: "NO", title: "ISteamNetworking, sockets" },
] as const;
const BEGIN = "<!-- conformance:begin -->";
const END = "<!-- conformance:end -->";
/** A test and its name, which must be a literal. */
const TEST = /\btest\(\s*(?:(["'`])((?:\\.|(?!\1).)*)\1)?/g;
/** `[NS-1] CreateListenSocketP2P: what is asserted` */
const NAME = /^\[(\w+)-(\d+)\] (.+?): (.+)$/;

type Family = (typeof FAMILIES)[number];

interface Row {
  readonly id: string;
  readonly subject: string;
  readonly asserted: string;
}

function rowsOf({ file, prefix }: Family): Row[] {
  const path = new URL(`../test/contract/families/${file}.ts`, import.meta.url);
  const tests = [...readFileSync(path, "utf8").matchAll(TEST)];
  return tests.map(([, , name = ""], i) => {
    const [, family, number, subject, asserted] = NAME.exec(name) ?? [];
    if (family !== prefix || Number(number) !== i + 1 || subject === undefined || asserted === undefined) {
      throw new Error(`${file}.ts: expected a test named "[${prefix}-${i + 1}] Call: what is asserted", not "${name}"`);
    }
    return { id: `${prefix}-${number}`, subject, asserted };
  });
}

function section(family: Family): string {
  const rows = rowsOf(family).map(({ id, subject, asserted }) => `| ${id} | ${cell(subject)} | ${cell(asserted)} |`);
  const head = ["| id | Steam's call or behaviour | what is asserted |", "|---|---|---|"];
  return [`### ${family.title}: ${rows.length} tests`, "", ...head, ...rows].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

const before = readFileSync(DOCUMENT, "utf8");
const begin = before.indexOf(BEGIN);
const end = before.indexOf(END);
if (begin < 0 || end < begin) throw new Error(`docs/client.md needs the lines ${BEGIN} and ${END}`);
const table = FAMILIES.map(section).join("\n\n");
const after = `${before.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${before.slice(end)}`;

if (after === before) {
  console.log("The conformance table of docs/client.md is up to date");
} else if (process.argv.includes("--check")) {
  console.error("The conformance table of docs/client.md is stale: run scripts/conformance-table.ts");
  process.exitCode = 1;
} else {
  writeFileSync(DOCUMENT, after);
  console.log("docs/client.md: the conformance table is written");
}
