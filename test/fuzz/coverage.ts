/** What of src/ has run in this process, by V8's block coverage: the feedback that tells a good input from another. */
import { type Profiler, Session } from "node:inspector";

/** The covered characters of one script. */
interface Script {
  readonly seen: Uint8Array;
  readonly blocks: Set<number>;
}

export class Coverage {
  readonly #session = new Session();
  readonly #scripts = new Map<string, Script>();
  readonly #features = new Set<string>();
  readonly #recent = new Set<string>();

  constructor() {
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Blocks that have run, and features that targets have named. */
  get counts(): { blocks: number; features: number } {
    let blocks = 0;
    for (const script of this.#scripts.values()) blocks += script.blocks.size;
    return { blocks, features: this.#features.size };
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

  stop(): void {
    this.#post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }

  /** Ranges of a function: itself, then blocks inside that ran another number of times, outer ones first. */
  #isNewIn(url: string, ranges: readonly Profiler.CoverageRange[], note: boolean): boolean {
    const [whole] = ranges;
    if (!whole || whole.count === 0) return false;
    const { seen, blocks } = this.#script(url, whole.endOffset);
    const ran = new Uint8Array(whole.endOffset - whole.startOffset);
    for (const { startOffset, endOffset, count } of ranges) {
      ran.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset);
    }
    let isNew = false;
    let wasNew = false;
    for (let i = 0, at = whole.startOffset; i < ran.length; i++, at++) {
      const isNewHere = ran[i] === 1 && seen[at] === 0;
      if (isNewHere && note) {
        // Neighbours that are reached for the first time together are one block.
        if (!wasNew) blocks.add(at);
        seen[at] = 1;
      }
      isNew ||= isNewHere;
      wasNew = isNewHere;
    }
    return isNew;
  }

  #script(url: string, end: number): Script {
    const known = this.#scripts.get(url);
    if (known && known.seen.length >= end) return known;
    const seen = new Uint8Array(Math.max(2 * end, 1024));
    if (known) seen.set(known.seen);
    const script = { seen, blocks: known?.blocks ?? new Set() };
    this.#scripts.set(url, script);
    return script;
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

  #post(
    method: "Profiler.enable" | "Profiler.startPreciseCoverage" | "Profiler.stopPreciseCoverage",
    more?: object,
  ): void {
    this.#session.post(method, more as never);
  }
}
