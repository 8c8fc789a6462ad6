import type { ListingStore } from "../relay/directory/announcing.ts";
import type { FollowingRecord, FollowingStore } from "../relay/directory/following.ts";
import type { Listing } from "../relay/directory/lobby.ts";
import type { AppRules } from "../relay/directory/report.ts";
import type { AppBan } from "../relay/limits/bans.ts";
import type { SettingOverrides } from "../relay/settings.ts";
import type { ShardHistory } from "../relay/shards/sharding.ts";
import type { SqlDatabase } from "./sql-database.ts";

/** What came after the table was made. */
interface More {
  readonly bans?: readonly AppBan[];
  readonly region?: string | null;
  readonly listing?: Listing | undefined;
  readonly sharding?: ShardHistory | undefined;
}

/** What ties a room to its directory, what it was told and what it has listed: one row, which the migration has made. */
export class SqlFollowingStore implements FollowingStore, ListingStore {
  readonly #db: SqlDatabase;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  load(): FollowingRecord {
    const [row] = this.#db.all(`SELECT life, version, overrides, more FROM following`);
    if (!row) throw new Error("Cannot read what the room follows: its row is gone");
    const { life, version, overrides, more } = row;
    const { bans = [], region = null, sharding } = JSON.parse(String(more)) as More;
    return {
      life: String(life),
      version: typeof version === "number" ? version : null,
      overrides: JSON.parse(String(overrides)) as SettingOverrides,
      bans,
      region,
      sharding,
    };
  }

  save({ version, overrides, bans, sharding }: AppRules, region: string | null): void {
    const more: More = { ...this.#more(), bans, region, sharding };
    this.#db.run(
      `UPDATE following SET version = ?, overrides = ?, more = ?`,
      version,
      JSON.stringify(overrides),
      JSON.stringify(more),
    );
  }

  loadListing(): Listing | undefined {
    return this.#more().listing;
  }

  saveListing(listing: Listing | undefined): void {
    const more: More = { ...this.#more(), listing };
    this.#db.run(`UPDATE following SET more = ?`, JSON.stringify(more));
  }

  #more(): More {
    return JSON.parse(String(this.#db.all(`SELECT more FROM following`)[0]?.["more"] ?? "{}")) as More;
  }
}
