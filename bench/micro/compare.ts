/** What the rules alone cost, before and after: a section of docs/performance.md. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { table } from "../table.ts";
import type { MicroCase, MicroRecorded } from "./recorded.ts";

/** Nothing where nothing was recorded. */
export function comparedMicro(folder: string): string[] {
  const recordings = ["before", "after"].flatMap((name) => {
    const path = join(folder, `micro-${name}.json`);
    return existsSync(path) ? [{ name, ...(JSON.parse(readFileSync(path, "utf8")) as MicroRecorded) }] : [];
  });
  const [first] = recordings;
  if (!first) return [];
  const rows = first.cases.map(({ name, title }) => [
    title,
    ...recordings.flatMap(({ cases }) => figures(cases.find((each) => each.name === name))),
  ]);
  const head = ["one turn", ...recordings.flatMap(({ name }) => HEAD.map((figure) => `${figure}, ${name}`))];
  const note = `\`npm run bench:micro\`: Room.receive without a platform. ${first.machine}, ${first.date.slice(0, 10)}.`;
  return [["### What the rules alone cost", "", note, "", table(head, rows)].join("\n")];
}

const HEAD = ["ns/frame", "ns/message", "bytes/frame", "bytes/message"];

function figures(found: MicroCase | undefined): string[] {
  if (!found) return HEAD.map(() => "–");
  const { nsPerFrame, nsPerMessage, bytesPerFrame, bytesPerMessage } = found;
  return [nsPerFrame.median, nsPerMessage, bytesPerFrame, bytesPerMessage].map((figure) => figure.toFixed(0));
}
