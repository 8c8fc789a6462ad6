import type { SqlDatabase } from "./sql-database.ts";

/** Each is a list of statements. */
export type Steps = readonly (readonly string[])[];

/**
 * The history of a room's schema. A step, once released, is never changed; a new one is added at the end.
 * No secondary indices: each would be billed as one more row per write, and every query is by primary key or whole table.
 */
const STEPS: Steps = [
  [
    `CREATE TABLE connections (
      handle INTEGER PRIMARY KEY,
      id TEXT NOT NULL,
      from_peer TEXT NOT NULL,
      to_peer TEXT NOT NULL,
      app INTEGER NOT NULL,
      type INTEGER NOT NULL,
      state INTEGER NOT NULL,
      created INTEGER NOT NULL,
      virtual_port INTEGER,
      channel INTEGER,
      deadline INTEGER,
      pending_reason INTEGER
    )`,
    // One row: all counters packed (relay/counters.ts).
    `CREATE TABLE counters (id INTEGER PRIMARY KEY CHECK (id = 1), packed BLOB NOT NULL)`,
  ],
  [
    `ALTER TABLE connections ADD COLUMN pending_by TEXT`,
    `ALTER TABLE connections ADD COLUMN refused INTEGER NOT NULL DEFAULT 0`,
  ],
  [
    `CREATE TABLE sessions (
      peer TEXT PRIMARY KEY,
      id TEXT NOT NULL,
      token BLOB NOT NULL,
      previous_token BLOB,
      away_until INTEGER,
      farewells BLOB NOT NULL
    ) WITHOUT ROWID`,
  ],
  [
    // Without a rowid the primary key is the table, not an index beside it.
    `CREATE TABLE bans (
      kind TEXT NOT NULL,
      subject TEXT NOT NULL,
      until INTEGER,
      created INTEGER NOT NULL,
      reason TEXT NOT NULL,
      PRIMARY KEY (kind, subject)
    ) WITHOUT ROWID`,
  ],
  [
    // One row: what ties the room to its app's directory (relay/directory/following.ts). `version` is null until the
    // directory has answered a first time.
    `CREATE TABLE following (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      life TEXT NOT NULL,
      version INTEGER,
      overrides TEXT NOT NULL
    )`,
    `INSERT INTO following (id, life, version, overrides) VALUES (1, lower(hex(randomblob(16))), NULL, '{}')`,
  ],
  [
    // When it became so, in ms; written with the state itself.
    `ALTER TABLE connections ADD COLUMN connected_at INTEGER`,
    `ALTER TABLE connections ADD COLUMN disconnecting_at INTEGER`,
  ],
  [
    `CREATE TABLE audit (
      id INTEGER PRIMARY KEY,
      at INTEGER NOT NULL,
      actor TEXT NOT NULL,
      action TEXT NOT NULL,
      subject TEXT NOT NULL,
      detail TEXT NOT NULL
    )`,
  ],
  // A ring of packed rows (relay/history/rows.ts).
  [`CREATE TABLE history (slot INTEGER PRIMARY KEY, packed BLOB NOT NULL)`],
  [
    // One row, written before anybody is told of it (relay/hosting/). Null: nobody hosts.
    `CREATE TABLE host (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      epoch INTEGER NOT NULL,
      peer TEXT,
      session TEXT
    )`,
    `ALTER TABLE sessions ADD COLUMN offered_at INTEGER`,
  ],
  // JSON (sql-following.ts): in the one row there is, and in one column, since each is a row of a new room's schema.
  [`ALTER TABLE following ADD COLUMN more TEXT NOT NULL DEFAULT '{}'`],
  [
    // The half that another room holds (relay/trunk/), as "peer handle room"; null where both ends are here. One column, since
    // each is a row written in the life of a room.
    `ALTER TABLE connections ADD COLUMN far TEXT`,
  ],
];

export const SCHEMA_VERSION = STEPS.length;

/** A database written by a later release. Nothing in it was touched. */
export class NewerSchemaError extends Error {
  readonly code = "schema_newer";
  constructor(found: number, known: number) {
    super(
      `Cannot open the database: its schema is version ${found}, this release knows ${known}. Deploy the release that wrote it, or a later one.`,
    );
    this.name = "NewerSchemaError";
  }
}

/** Brings the database to the current schema, all steps or none. Throws NewerSchemaError. */
export function migrate(db: SqlDatabase, steps: Steps = STEPS): { from: number; to: number } {
  const from = checkVersion(db, steps);
  if (from < steps.length) {
    db.transaction(() => {
      db.run(
        `CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)`,
      );
      for (const statement of steps.slice(from).flat()) db.run(statement);
      db.run(`INSERT OR REPLACE INTO schema_version (id, version) VALUES (1, ?)`, steps.length);
    });
  }
  return { from, to: steps.length };
}

/** The version of its schema, 0 for a new one. Writes nothing. Throws NewerSchemaError. */
export function checkVersion(db: SqlDatabase, steps: Steps = STEPS): number {
  const version = readVersion(db);
  if (version > steps.length) throw new NewerSchemaError(version, steps.length);
  return version;
}

function readVersion(db: SqlDatabase): number {
  // PRAGMA user_version is not available in Durable Objects, so the version is a table.
  const exists = db.all(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'`).length > 0;
  if (!exists) return 0;
  return Number(db.all(`SELECT version FROM schema_version`)[0]?.["version"] ?? 0);
}
