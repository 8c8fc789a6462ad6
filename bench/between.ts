/** Documents that are written by hand, with a part that a command writes. */
import { readFileSync, writeFileSync } from "node:fs";

/** Puts `text` between the lines `<!-- name:begin -->` and `<!-- name:end -->`. */
export function between(document: URL, name: string, text: string): void {
  const [first, last] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const before = readFileSync(document, "utf8");
  const [begin, end] = [before.indexOf(first), before.indexOf(last)];
  if (begin < 0 || end < begin) throw new Error(`${document.pathname} needs the lines ${first} and ${last}`);
  writeFileSync(document, `${before.slice(0, begin + first.length)}\n\n${text}\n\n${before.slice(end)}`);
}
