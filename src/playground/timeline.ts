import { type Signal, signal } from "@preact/signals";

export type Mood = "plain" | "good" | "warn" | "bad";

export interface Happening {
  readonly id: number;
  /** ms since the timeline began. */
  readonly at: number;
  readonly text: string;
  readonly mood: Mood;
  readonly kind: string | undefined;
}

const MOST = 40;

/** What happened to a peer, oldest first; the oldest are forgotten. */
export class Timeline {
  readonly happenings: Signal<readonly Happening[]> = signal([]);
  readonly #begun = performance.now();
  #lastId = 0;

  /** `kind`: takes the place of the last one, if that is of the same kind. */
  add(text: string, mood: Mood, kind?: string): void {
    const happening = { id: ++this.#lastId, at: performance.now() - this.#begun, text, mood, kind };
    const before = this.happenings.value;
    const kept = kind !== undefined && before.at(-1)?.kind === kind ? before.slice(0, -1) : before;
    this.happenings.value = [...kept, happening].slice(-MOST);
  }
}
