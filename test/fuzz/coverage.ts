/** What of src/ has run in this process, by V8's block coverage: the feedback that tells a good input from another. */
import { type Profiler, Session } from "node:inspector";

/** The characters of one function that have not been reached; "all" when none is left. */
type Unreached = Uint8Array | "all reached";

/** What has happened so far, and whether the last inputs added to it. */
export class Coverage {
  readonly #session = new Session();
  /** By script and place. V8 leaves a block out that ran as often as what is around it, so blocks are told by their text. */
  readonly #functions = new Map<string, Unreached>();
  readonly #features = new Set<string>();
  readonly #recent = new Set<string>();
  #blocks = 0;

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    this.#take(); // what ran before is nobody's
  }

  /** Blocks that have run, and features that targets have named. */
  get counts(): { blocks: number; features: number } {
    return { blocks: this.#blocks, features: this.#features.size };
  }

  /** Something that an input has brought about and that no line of code stands for, such as one frame after another. */
  readonly feature = (name: string): void => {
    if (!this.#features.has(name)) this.#recent.add(name);
  };

  /** Whether anything new has happened since the last call; it is known from now on. */
  isNew(): boolean {
    return this.#look(true);
  }

  /** The same, and it stays new. */
  wouldBeNew(): boolean {
    return this.#look(false);
  }

  stop(): void {
    this.#session.post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }

  #look(note: boolean): boolean {
    let isNew = this.#recent.size > 0;
    if (note) for (const name of this.#recent) this.#features.add(name);
    this.#recent.clear();
    for (const { url, functions } of this.#take()) {
      if (!url.includes("/src/")) continue;
      for (const { ranges } of functions) if (this.#isNewIn(url, ranges, note)) isNew = true;
    }
    return isNew;
  }

  /** Ranges: the function itself, then blocks in it that ran another number of times, outer ones first. */
  #isNewIn(url: string, ranges: readonly Profiler.CoverageRange[], note: boolean): boolean {
    const [whole] = ranges;
    if (!whole || whole.count === 0) return false;
    const { startOffset: start, endOffset: end } = whole;
    const key = `${url}:${start}:${end}`;
    const unreached = this.#functions.get(key) ?? new Uint8Array(end - start).fill(1);
    if (unreached === "all reached") return false;
    const reached = new Uint8Array(end - start);
    for (const { startOffset, endOffset, count } of ranges) {
      reached.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
    }
    let isNew = false;
    let wasNew = false;
    for (let at = 0; at < reached.length; at++) {
      const isNewHere = reached[at] === 1 && unreached[at] === 1;
      // Neighbours that are reached for the first time together are one block.
      if (note && isNewHere && !wasNew) this.#blocks++;
      if (note && isNewHere) unreached[at] = 0;
      isNew ||= isNewHere;
      wasNew = isNewHere;
    }
    if (note) this.#functions.set(key, unreached.includes(1) ? unreached : "all reached");
    return isNew;
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let result: readonly Profiler.ScriptCoverage[] = [];
    // Calls back before it returns: the inspector of this process is synchronous.
    this.#session.post("Profiler.takePreciseCoverage", (error, taken) => {
      if (error) throw error;
      result = taken.result;
    });
    return result;
  }
}
