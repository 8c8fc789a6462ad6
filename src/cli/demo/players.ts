/** The two players of the demo, as the process that started them sees them. */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { spawnModule } from "../child.ts";
import { Failure } from "../exit.ts";
import { remedyFor } from "../relay-http.ts";
import type { PlayerTask, Report, ReportOf } from "./reports.ts";

const REPORT_TIMEOUT_MS = 300_000;

export class Player {
  readonly #child: ChildProcess;
  readonly #role: string;
  #failed: ReportOf<"failed"> | undefined;
  #listener: (report: Report) => void = () => undefined;

  constructor(task: PlayerTask) {
    this.#role = task.role;
    this.#child = spawnModule("demo/player", [], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdin?.end(JSON.stringify(task));
    if (!this.#child.stdout) throw new Error("a player without stdout");
    createInterface(this.#child.stdout).on("line", (line) => this.#told(JSON.parse(line) as Report));
  }

  onReport(listener: (report: Report) => void): void {
    this.#listener = listener;
  }

  /** The first report of this kind from now on. Throws Failure where there will be none. */
  async reported<K extends Report["kind"]>(kind: K): Promise<ReportOf<K>> {
    const { promise, resolve, reject } = Promise.withResolvers<ReportOf<K>>();
    const late = new Failure("timeout", `The player that is to ${this.#role} reported no "${kind}" in time.`);
    const timer = setTimeout(() => reject(late), REPORT_TIMEOUT_MS);
    const before = this.#listener;
    this.#listener = (report) => {
      before(report);
      if (report.kind === kind) resolve(report as ReportOf<K>);
    };
    this.#child.once("close", (code) => reject(this.#failure(code)));
    return promise.finally(() => clearTimeout(timer));
  }

  end(): void {
    this.#child.kill();
  }

  #told(report: Report): void {
    if (report.kind === "failed") this.#failed = report;
    this.#listener(report);
  }

  #failure(exit: number | null): Failure {
    if (!this.#failed) return new Failure("player_ended", `The player that is to ${this.#role} ended with ${exit}.`);
    const { code, message } = this.#failed;
    return new Failure(code, `${message} (${code})${remedyFor(code)}`);
  }
}
