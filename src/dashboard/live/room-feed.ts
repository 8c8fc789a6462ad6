/**
 * What is known of the room that is looked at, as it happens: from its live feed, and where that cannot be had by asking
 * every two seconds. One for all views of a room.
 */
import { computed, signal } from "@preact/signals";
import { statistics } from "../api/routes.ts";
import { token } from "../api/session.ts";
import type { RoomPlace, RoomStatistics, WatchEvent } from "../api/types.ts";
import { type Sample, quietSample, sampleBetween } from "./rates.ts";
import { watch } from "./watch.ts";

export type FeedState = "connecting" | "live" | "polling" | "offline";

const POLL_MS = 2_000;
const TICK_MS = 1_000;
/** Statistics come once a second while something changes: after this long nothing does. */
const SILENCE_MS = 1_900;
const KEPT_SAMPLES = 330;
const KEPT_EVENTS = 60;

export type RoomEvent = Exclude<WatchEvent, { type: "statistics" }>;

export class RoomFeed {
  readonly place: RoomPlace;
  readonly state = signal<FeedState>("connecting");
  readonly statistics = signal<RoomStatistics | null>(null);
  readonly samples = signal<readonly Sample[]>([]);
  /** The newest first. */
  readonly events = signal<readonly RoomEvent[]>([]);
  readonly latest = computed(() => this.samples.value.at(-1));
  /** By how much the relay's clock is ahead of this one, as far as the feed tells. */
  readonly clockAhead = signal(0);
  readonly #listeners = new Set<(event: RoomEvent) => void>();
  readonly #stops: (() => void)[] = [];
  #seen: { at: number; statistics: RoomStatistics } | undefined;
  #heardAt = 0;
  #isOpen = false;
  #isStopped = false;

  constructor(place: RoomPlace, bearer: string) {
    this.place = place;
    this.#stops.push(
      watch(place, bearer, {
        onOpen: () => this.#opened(),
        onLost: () => this.#lost(),
        onEvent: (event) => this.#hear(event),
      }),
    );
    const tick = setInterval(() => this.#tick(), TICK_MS);
    const poll = setInterval(() => void this.#poll(), POLL_MS);
    this.#stops.push(
      () => clearInterval(tick),
      () => clearInterval(poll),
    );
  }

  /** Calls it for what happens from now on; returns what ends that. */
  onEvent(listener: (event: RoomEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#isStopped = true;
    for (const stop of this.#stops) stop();
  }

  #opened(): void {
    this.#isOpen = true;
    this.state.value = "live";
  }

  #lost(): void {
    const wasLive = this.#isOpen || this.state.value === "connecting";
    this.#isOpen = false;
    if (wasLive) void this.#poll();
  }

  #hear(event: WatchEvent): void {
    if (event.type === "statistics") {
      this.clockAhead.value = event.at - Date.now();
      return this.#take(event.at, event.statistics);
    }
    this.events.value = [event, ...this.events.value].slice(0, KEPT_EVENTS);
    for (const listener of this.#listeners) listener(event);
    return undefined;
  }

  async #poll(): Promise<void> {
    if (document.hidden || this.#isOpen) return;
    try {
      const found = await statistics(this.place);
      if (this.#isOpen || this.#isStopped) return;
      this.state.value = "polling";
      this.#take(Date.now() + this.clockAhead.value, found);
    } catch {
      // Whichever it was, the operator sees that nothing here is of now; views show why with their own requests.
      if (!this.#isOpen) this.state.value = "offline";
    }
  }

  #take(at: number, found: RoomStatistics): void {
    const now = { at, statistics: found };
    this.statistics.value = found;
    this.#heardAt = Date.now();
    // Of the first nothing is known but counters, which say nothing of just now.
    const sample = this.#seen && sampleBetween(this.#seen, now);
    if (sample || !this.#seen) this.#seen = now;
    if (sample) this.#add(sample);
  }

  #tick(): void {
    const { value } = this.statistics;
    if (!value || !this.#isOpen || Date.now() - this.#heardAt < SILENCE_MS) return;
    const at = Date.now() + this.clockAhead.value;
    this.#seen = { at, statistics: value };
    this.#add(quietSample(at, value));
  }

  #add(sample: Sample): void {
    this.samples.value = [...this.samples.value, sample].slice(-KEPT_SAMPLES);
  }
}

/** The one that is open. */
export const feed = signal<RoomFeed | null>(null);

/** Follows another room, or none. */
export function follow(place: RoomPlace | undefined): void {
  const current = feed.peek();
  const bearer = token.peek();
  if (current && place && current.place.app === place.app && current.place.room === place.room && bearer) return;
  current?.stop();
  feed.value = place && bearer !== null ? new RoomFeed(place, bearer) : null;
}
