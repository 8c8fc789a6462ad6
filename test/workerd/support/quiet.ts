import { afterEach, beforeEach } from "vitest";

/** The log lines of the worker and its objects, kept back and shown only for a test that fails. */
const LEVELS = ["debug", "info", "warn", "error"] as const;
const originals = LEVELS.map((level) => console[level]);

beforeEach(({ onTestFailed }) => {
  const lines: string[] = [];
  for (const level of LEVELS) console[level] = (...args: unknown[]) => void lines.push(args.map(String).join(" "));
  onTestFailed(() => console.log(lines.join("\n")));
});

afterEach(() => {
  LEVELS.forEach((level, index) => (console[level] = originals[index]!));
});
