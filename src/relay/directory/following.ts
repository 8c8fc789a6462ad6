import type { Room } from "../room.ts";
import type { AppSettings, SettingOverrides } from "../settings.ts";
import type { ReportAnswer, VersionedOverrides } from "./report.ts";

/** What a room keeps of what its directory told it. */
export interface FollowingRecord {
  /** Given to the room's storage when it was made. */
  readonly life: string;
  /** Of the overrides; null: the directory has never answered. */
  readonly version: number | null;
  readonly overrides: SettingOverrides;
}

export interface FollowingStore {
  load(): FollowingRecord;
  save(heard: VersionedOverrides): void;
}

/** How a room follows what operators set for its app: by its own disk when it wakes, and by its directory from then on. */
export class Following {
  readonly #store: FollowingStore;
  readonly #settingsFor: (overrides: SettingOverrides) => AppSettings;
  #record: FollowingRecord;

  constructor(store: FollowingStore, settingsFor: (overrides: SettingOverrides) => AppSettings) {
    this.#store = store;
    this.#settingsFor = settingsFor;
    this.#record = store.load();
  }

  get life(): string {
    return this.#record.life;
  }

  /** Whether the directory has ever answered. */
  get isKnown(): boolean {
    return this.#record.version !== null;
  }

  get version(): number {
    return this.#record.version ?? 0;
  }

  /** What holds just now. */
  get settings(): AppSettings {
    return this.#settingsFor(this.#record.overrides);
  }

  /** The answer to a report that was sent with `asked`; news that have come meanwhile are newer than it. */
  answered(room: Room, answer: ReportAnswer, asked: number, now: number): void {
    if (answer && this.version === asked) this.#follow(room, answer, now);
    else if (!this.isKnown) this.#keep({ version: this.version, overrides: this.#record.overrides });
  }

  /** The directory tells by itself; what it tells is not always in the order in which it was set. */
  told(room: Room, news: VersionedOverrides, now: number): void {
    if (news.version > this.version) this.#follow(room, news, now);
  }

  #follow(room: Room, news: VersionedOverrides, now: number): void {
    this.#keep(news);
    room.applySettings(this.settings, now);
  }

  #keep(heard: VersionedOverrides): void {
    this.#store.save(heard);
    this.#record = { life: this.#record.life, ...heard };
  }
}
