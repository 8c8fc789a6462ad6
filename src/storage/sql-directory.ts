import { type AppId, parseAppId } from "../protocol/index.ts";
import type { KnownRoom, LedgerStore } from "../relay/directory/app-ledger.ts";
import { type AppRecord, newRecord } from "../relay/directory/app-record.ts";
import type { Listing } from "../relay/directory/lobby.ts";
import type { RoomStatistics } from "../relay/statistics.ts";
import type { Steps } from "./migrations.ts";
import type { SqlDatabase, SqlRow } from "./sql-database.ts";

/**
 * The history of a directory's schema: steps are appended, as those of a room (migrations.ts). Of one app or of all, so that
 * an object per app and a file for all apps are the same. Without rowids, so that each write is one row.
 */
export const DIRECTORY_STEPS: Steps = [
  [
    `CREATE TABLE directory_apps (
      app INTEGER PRIMARY KEY,
      record TEXT
    ) WITHOUT ROWID`,
    `CREATE TABLE directory_rooms (
      app INTEGER NOT NULL,
      name TEXT NOT NULL,
      life TEXT NOT NULL,
      seen INTEGER NOT NULL,
      at INTEGER NOT NULL,
      region TEXT,
      statistics TEXT NOT NULL,
      PRIMARY KEY (app, name)
    ) WITHOUT ROWID`,
  ],
  [`ALTER TABLE directory_rooms ADD COLUMN listing TEXT`],
  [
    // Who is in each room, where an app lets its rooms reach each other (relay/directory/whereabouts.ts).
    `CREATE TABLE directory_peers (
      app INTEGER NOT NULL,
      name TEXT NOT NULL,
      peers BLOB NOT NULL,
      PRIMARY KEY (app, name)
    ) WITHOUT ROWID`,
  ],
];

/** Without an end: SQLite's word for it. */
const ALL = -1;

/** One app's part of a directory in SQL. Migrate with DIRECTORY_STEPS first. */
export class SqlLedgerStore implements LedgerStore {
  readonly #db: SqlDatabase;
  readonly #app: AppId;

  constructor(db: SqlDatabase, app: AppId) {
    this.#db = db;
    this.#app = app;
  }

  loadRecord(): AppRecord | undefined {
    const record = this.#db.all(`SELECT record FROM directory_apps WHERE app = ?`, this.#app)[0]?.["record"];
    if (typeof record !== "string") return undefined;
    // Of an earlier release it lacks what came later.
    return { ...newRecord(0), ...(JSON.parse(record) as Partial<AppRecord>) };
  }

  saveRecord({ version, overrides, sharding, bans, divisions, gone, goneAt, swept }: AppRecord): void {
    this.#db.run(
      `INSERT INTO directory_apps (app, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record`,
      this.#app,
      JSON.stringify({ version, overrides, sharding, bans, divisions, gone, goneAt, swept }),
    );
  }

  loadRoom(name: string): KnownRoom | undefined {
    return this.#db.all(`SELECT * FROM directory_rooms WHERE app = ? AND name = ?`, this.#app, name).map(readRoom)[0];
  }

  saveRoom({ name, life, seen, at, region, listing, statistics }: KnownRoom): void {
    this.#db.run(
      `INSERT INTO directory_rooms (app, name, life, seen, at, region, listing, statistics) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET life = excluded.life, seen = excluded.seen, at = excluded.at,
          region = excluded.region, listing = excluded.listing, statistics = excluded.statistics`,
      this.#app,
      name,
      life,
      seen,
      at,
      region,
      listing ? JSON.stringify(listing) : null,
      JSON.stringify(statistics),
    );
  }

  deleteRoom(name: string): void {
    this.#db.run(`DELETE FROM directory_rooms WHERE app = ? AND name = ?`, this.#app, name);
  }

  loadRooms(after: string | undefined, limit: number): KnownRoom[] {
    const isFirst = after === undefined;
    const rows = this.#db.all(
      `SELECT * FROM directory_rooms WHERE app = ? AND name ${isFirst ? ">=" : ">"} ? ORDER BY name LIMIT ?`,
      this.#app,
      after ?? "",
      limit === Infinity ? ALL : limit,
    );
    return rows.map(readRoom);
  }

  loadPeers(): { name: string; peers: Uint8Array }[] {
    const rows = this.#db.all(`SELECT name, peers FROM directory_peers WHERE app = ?`, this.#app);
    return rows.map(({ name, peers }) => {
      if (peers instanceof ArrayBuffer) return { name: String(name), peers: new Uint8Array(peers) };
      if (peers instanceof Uint8Array) return { name: String(name), peers };
      throw new Error(`Cannot read who is in room "${String(name)}": its row is damaged`);
    });
  }

  savePeers(name: string, peers: Uint8Array): void {
    this.#db.run(
      `INSERT INTO directory_peers (app, name, peers) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET peers = excluded.peers`,
      this.#app,
      name,
      peers,
    );
  }

  deletePeers(name: string): void {
    this.#db.run(`DELETE FROM directory_peers WHERE app = ? AND name = ?`, this.#app, name);
  }

  transaction<T>(body: () => T): T {
    return this.#db.transaction(body);
  }
}

/** Which apps there are: in one file the records of all, in objects of their own the ids alone. */
export class SqlAppIndex {
  readonly #db: SqlDatabase;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  add(app: AppId): void {
    this.#db.run(`INSERT INTO directory_apps (app) VALUES (?) ON CONFLICT DO NOTHING`, app);
  }

  list({ after, limit }: { after: number; limit: number }): AppId[] {
    const rows = this.#db.all(`SELECT app FROM directory_apps WHERE app > ? ORDER BY app LIMIT ?`, after, limit);
    return rows.flatMap(({ app }) => parseAppId(Number(app)) ?? []);
  }
}

function readRoom({ name, life, seen, at, region, listing, statistics }: SqlRow): KnownRoom {
  return {
    name: String(name),
    life: String(life),
    seen: Number(seen),
    at: Number(at),
    region: typeof region === "string" ? region : null,
    listing: typeof listing === "string" ? (JSON.parse(listing) as Listing) : null,
    statistics: JSON.parse(String(statistics)) as RoomStatistics,
  };
}
