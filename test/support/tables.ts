/**
 * A vitest reporter: what each runtime's relay was found to do, as tables behind all other output. Skipped are tests that
 * name the capability which the runtime lacks (test/contract/capabilities.ts); scripts/ci-summary.ts fails on any other.
 */
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { CONTRACT_PROJECT } from "./runtimes.ts";

declare module "vitest" {
  interface TaskMeta {
    /** The capability for want of which this runtime's relay is not tested. */
    lacks?: string;
    /** A cell of the matrix of clients and servers. */
    cell?: { readonly client: string; readonly server: string };
  }
}

interface Count {
  passed: number;
  failed: number;
  skipped: number;
  readonly lacking: Set<string>;
}

export default class Tables implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const contract = modules.filter(({ project }) => project.name.startsWith(CONTRACT_PROJECT));
    if (contract.length > 0) console.log(`\n${contractTable(contract)}`);
    const cells = modules.flatMap(({ children }) => [...children.allTests()]).filter((test) => test.meta().cell);
    if (cells.length > 0) console.log(`\n${matrix(cells)}`);
  }
}

function contractTable(modules: readonly TestModule[]): string {
  const counts = new Map<string, Count>();
  for (const { project, children } of modules) {
    const runtime = project.name.slice(CONTRACT_PROJECT.length);
    const count = counts.get(runtime) ?? { passed: 0, failed: 0, skipped: 0, lacking: new Set() };
    counts.set(runtime, count);
    for (const test of children.allTests()) add(count, test);
  }
  const rows = [...counts].map(([runtime, { passed, failed, skipped, lacking }]) =>
    [runtime, passed, failed, skipped, [...lacking].join(", ")].map(String),
  );
  return table([["contract", "passed", "failed", "skipped", "for want of"], ...rows]);
}

function add(count: Count, test: TestCase): void {
  const { lacks } = test.meta();
  const { state } = test.result();
  if (state === "passed") count.passed++;
  else if (state === "skipped" && lacks !== undefined) {
    count.skipped++;
    count.lacking.add(lacks);
  } else count.failed++;
}

function matrix(tests: readonly TestCase[]): string {
  const cells = new Map(tests.map((test) => [JSON.stringify(test.meta().cell), test.result().state]));
  const [clients, servers] = (["client", "server"] as const).map((end) => [
    ...new Set(tests.map((test) => test.meta().cell?.[end] ?? "")),
  ]) as [string[], string[]];
  const rows = clients.map((client) => [
    client,
    ...servers.map((server) => cells.get(JSON.stringify({ client, server })) ?? "not run"),
  ]);
  return table([["client \\ server", ...servers], ...rows]);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
