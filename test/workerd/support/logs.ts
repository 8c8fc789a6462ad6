import { vi } from "vitest";

export type LogLine = Readonly<Record<string, unknown>>;

/** The JSON lines that the worker and its objects write from now on, instead of the console. */
export function captureLogs(): LogLine[] {
  const lines: LogLine[] = [];
  for (const level of ["debug", "info", "warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((text: unknown) => {
      lines.push(JSON.parse(String(text)) as LogLine);
    });
  }
  return lines;
}
