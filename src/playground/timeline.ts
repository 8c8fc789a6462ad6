import { type Signal, signal } from "@preact/signals";

export type Mood = "plain" | "good" | "warn" | "bad";

export interface Happening {
  readonly id: number;
  /** ms since the timeline began. */
  readonly at: number;
  readonly text: string;
  readonly mood: Mood;
}

const MOST = 40;

/** What happened to a peer, oldest first; the oldest are forgotten. */
export class Timeline {
  readonly happenings: Signal<readonly Happening[]> = signal([]);
  readonly #begun = performance.now();
  #lastId = 0;

  add(text: string, mood: Mood): void {
    const happening = { id: ++this.#lastId, at: performance.now() - this.#begun, text, mood };
    this.happenings.value = [...this.happenings.value, happening].slice(-MOST);
  }
}
