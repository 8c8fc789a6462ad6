import type { FollowingRecord, FollowingStore } from "../relay/directory/following.ts";
import type { VersionedOverrides } from "../relay/directory/report.ts";
import type { SettingOverrides } from "../relay/settings.ts";
import type { SqlDatabase } from "./sql-database.ts";

/** What a room keeps of what its directory told it: one row, which the migration has made. */
export class SqlFollowingStore implements FollowingStore {
  readonly #db: SqlDatabase;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  load(): FollowingRecord {
    const [row] = this.#db.all(`SELECT life, version, overrides FROM following`);
    if (!row) throw new Error("Cannot read what the room follows: its row is gone");
    const { life, version, overrides } = row;
    return {
      life: String(life),
      version: typeof version === "number" ? version : null,
      overrides: JSON.parse(String(overrides)) as SettingOverrides,
    };
  }

  save({ version, overrides }: VersionedOverrides): void {
    this.#db.run(`UPDATE following SET version = ?, overrides = ?`, version, JSON.stringify(overrides));
  }
}
