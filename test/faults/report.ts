/** Faults × outcomes, as a table. */
import type { FaultName } from "./faults.ts";

/** What became of one kind. Faults overlap: what happened to their peers while each lasted counts for each. */
export interface Outcomes {
  injected: number;
  /** Those that left the trace that they must leave. */
  confirmed: number;
  /** Sessions that went on over another socket. */
  resumed: number;
  /** Sessions that began anew. */
  fresh: number;
  /** Ends of connections that ended, each with a reason. */
  ended: number;
  /** ms until everybody concerned had received what was sent after the fault. */
  readonly recoveries: number[];
}

export class Report {
  readonly #kinds = new Map<FaultName, Outcomes>();

  of(kind: FaultName): Outcomes {
    let found = this.#kinds.get(kind);
    if (!found) {
      found = { injected: 0, confirmed: 0, resumed: 0, fresh: 0, ended: 0, recoveries: [] };
      this.#kinds.set(kind, found);
    }
    return found;
  }

  get confirmed(): number {
    return [...this.#kinds.values()].reduce((sum, { confirmed }) => sum + confirmed, 0);
  }

  get kinds(): ReadonlyMap<FaultName, Outcomes> {
    return this.#kinds;
  }

  table(): string {
    const head = ["fault", "injected", "confirmed", "resumed", "fresh", "ends told", "recovery p50", "max"];
    const rows = [...this.#kinds]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([kind, outcomes]) => row(kind, outcomes));
    const total = ["total", ...sums([...this.#kinds.values()]), "", ""];
    const lines = [head, ...rows, total];
    const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
    const print = (line: readonly string[]): string =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
    return [print(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(print), print(total)].join(
      "\n",
    );
  }
}

function row(kind: string, outcomes: Outcomes): string[] {
  const sorted = outcomes.recoveries.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return [kind, ...sums([outcomes]), seconds(median), seconds(sorted.at(-1) ?? 0)];
}

function sums(all: readonly Outcomes[]): string[] {
  const names = ["injected", "confirmed", "resumed", "fresh", "ended"] as const;
  return names.map((name) => String(all.reduce((sum, outcomes) => sum + outcomes[name], 0)));
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
