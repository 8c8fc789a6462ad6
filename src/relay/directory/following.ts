import type { Room } from "../room.ts";
import type { AppSettings, SettingOverrides } from "../settings.ts";
import type { ShardPlan } from "../shards/sharding.ts";
import type { AppRules, ReportAnswer } from "./report.ts";

/** What a room keeps of what its directory told it. */
export interface FollowingRecord extends Omit<AppRules, "version"> {
  /** Given to the room's storage when it was made. */
  readonly life: string;
  /** Of the rules; null: the directory has never answered. */
  readonly version: number | null;
  /** Where the room was created; null where that is not known. */
  readonly region: string | null;
}

export interface FollowingStore {
  load(): FollowingRecord;
  save(heard: AppRules, region: string | null): void;
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

  /** Where the room was created, as far as that is known. */
  get region(): string | undefined {
    return this.#record.region ?? undefined;
  }

  /**
   * The room is new, and the platform was asked to create it there. Kept with the first answer of the directory: so it costs
   * no row of its own, and a room that is evicted before that does not know where it is.
   */
  createdIn(region: string | undefined): void {
    if (this.#record.region === null) this.#record = { ...this.#record, region: region ?? null };
  }

  /** A room that was rebuilt has the bans that it had. */
  restored(room: Room, now: number): void {
    const { bans, sharding } = this.#record;
    if (sharding) room.followShards(sharding);
    if (bans.length > 0) room.followBans(bans, now);
  }

  /** How its peers are divided among shards, as far as the room has heard. */
  get plan(): ShardPlan {
    const { shards } = this.settings;
    return { version: this.version, shards, ...(this.#record.sharding ?? { most: shards, changedAt: 0 }) };
  }

  /** What holds just now. */
  get settings(): AppSettings {
    return this.#settingsFor(this.#record.overrides);
  }

  /** The answer to a report that was sent with `asked`; news that have come meanwhile are newer than it. */
  answered(room: Room, answer: ReportAnswer, asked: number, now: number): void {
    if (answer && this.version === asked) this.#follow(room, answer, now);
    else if (!this.isKnown) this.#keep({ ...this.#record, version: this.version });
  }

  /** The directory tells by itself; what it tells is not always in the order in which it was set. */
  told(room: Room, news: AppRules, now: number): void {
    if (news.version > this.version) this.#follow(room, news, now);
  }

  #follow(room: Room, news: AppRules, now: number): void {
    this.#keep(news);
    room.applySettings(this.settings, now);
    if (news.sharding) room.followShards(news.sharding);
    room.followBans(news.bans, now);
  }

  #keep({ version, overrides, bans, sharding }: AppRules): void {
    this.#store.save({ version, overrides, bans, sharding }, this.#record.region);
    this.#record = { ...this.#record, version, overrides, bans, sharding };
  }
}
