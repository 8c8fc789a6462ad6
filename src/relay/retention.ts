import type { RoomObserver } from "./observing.ts";
import type { Room } from "./room.ts";
import type { AppSettings } from "./settings.ts";

const FIRST_BAN = { after: { kind: "", subject: "" }, limit: 1 } as const;

export interface RetentionOptions {
  /** As it was rebuilt. */
  readonly room: Room;
  readonly isOwnRoom: boolean;
  readonly settings: () => Pick<AppSettings, "retentionMs" | "ownRoomRetentionMs">;
  /** ms since when nobody is here, should nobody be. */
  readonly since: number;
}

/**
 * When a room that nobody is in gives up its storage. Since when that is, is kept nowhere: it is the minute of the last
 * thing that was counted (Room.lastCounted), which is on disk with the counters, and a minute is near enough. So a room that
 * empties needs nothing but an alarm.
 */
export class Retention implements RoomObserver {
  readonly #options: RetentionOptions;
  /** ms since when nobody is here; Infinity while somebody is. */
  #emptySince: number;
  #isNews = false;

  constructor(options: RetentionOptions) {
    const { room, since } = options;
    this.#options = options;
    this.#emptySince = room.isUnused ? since : Infinity;
  }

  /** ms at which the storage is to be cleared; Infinity for not, as things are. */
  get clearAt(): number {
    const { room, settings, isOwnRoom } = this.#options;
    const { retentionMs, ownRoomRetentionMs } = settings();
    const patience = isOwnRoom ? ownRoomRetentionMs : retentionMs;
    return patience === 0 || !room.isUnused ? Infinity : this.#emptySince + patience;
  }

  /** After each turn, and after each join, which is none. */
  turnEnded(now: number): void {
    if (!this.#options.room.isUnused) this.#emptySince = Infinity;
    else if (this.#emptySince === Infinity) this.postpone(now);
  }

  isDue(now: number): boolean {
    return this.clearAt <= now && this.mayClear(now);
  }

  /** One with bans that hold stays for as long again: cleared it would let them in. */
  mayClear(now: number): boolean {
    if (!this.#options.room.isUnused) return false;
    if (this.#options.room.listBans(FIRST_BAN, now).length === 0) return true;
    this.postpone(now);
    return false;
  }

  /** It could not be cleared: the next attempt is as far off as if somebody had just left. */
  postpone(now: number): void {
    this.#emptySince = now;
    this.#isNews = true;
  }

  /** Whether `clearAt` has moved since this was last asked; not by what was known before an eviction. */
  takeNews(): boolean {
    const isNews = this.#isNews;
    this.#isNews = false;
    return isNews;
  }
}
