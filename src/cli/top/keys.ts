/** What is typed at a terminal in raw mode. */
export type Key = "up" | "down" | "enter" | "back" | "sort" | "quit";

/** Terminals send an arrow as ESC [ A, or as ESC O A where an application has asked for it. */
const SEQUENCES: readonly (readonly [string, Key])[] = [
  ["\x1b[A", "up"],
  ["\x1bOA", "up"],
  ["\x1b[B", "down"],
  ["\x1bOB", "down"],
  ["\x1b[D", "back"],
  ["\x1bOD", "back"],
  ["\x1b[C", "enter"],
  ["\x1bOC", "enter"],
  ["k", "up"],
  ["j", "down"],
  ["\r", "enter"],
  ["\n", "enter"],
  ["\x7f", "back"],
  ["\b", "back"],
  ["s", "sort"],
  ["q", "quit"],
  // Raw mode makes a key of Ctrl-C, and of Ctrl-D.
  ["\x03", "quit"],
  ["\x04", "quit"],
];
const ESCAPE = "\x1b";
/** Behind an escape: keys that mean nothing here, such as Page Up. */
const OTHER_SEQUENCE = /^[[O][0-9;]*[A-Za-z~]/;

/** All keys of one chunk: a fast typist's, or those of a slow line, come together. */
export function readKeys(chunk: string): Key[] {
  const keys: Key[] = [];
  for (let rest = chunk; rest !== "";) {
    const [sequence, key] = firstOf(rest);
    if (key) keys.push(key);
    rest = rest.slice(sequence.length);
  }
  return keys;
}

function firstOf(text: string): readonly [string, Key | undefined] {
  const known = SEQUENCES.find(([sequence]) => text.startsWith(sequence));
  if (known) return known;
  if (!text.startsWith(ESCAPE)) return [text.slice(0, 1), undefined];
  const other = OTHER_SEQUENCE.exec(text.slice(1))?.[0];
  return other === undefined ? [ESCAPE, "back"] : [ESCAPE + other, undefined];
}
