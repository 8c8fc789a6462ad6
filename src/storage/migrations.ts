import type { SqlDatabase } from "./sql-database.ts";

/**
 * The schema's history. A step, once released, is never changed; a new one is added at the end.
 * No secondary indices: each would be billed as one more row per write, and every query is by primary key or whole table.
 */
const STEPS: readonly (readonly string[])[] = [
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
  // A ring of packed rows (relay/history/rows.ts).
  [`CREATE TABLE history (slot INTEGER PRIMARY KEY, packed BLOB NOT NULL)`],
];

export const SCHEMA_VERSION = STEPS.length;

/** A database written by a later release. Nothing in it was touched. */
export class NewerSchemaError extends Error {
  readonly code = "schema_newer";
  constructor(found: number) {
    super(
      `Cannot open the database: its schema is version ${found}, this release knows ${SCHEMA_VERSION}. Deploy the release that wrote it, or a later one.`,
    );
    this.name = "NewerSchemaError";
  }
}

/** Brings the database to the current schema, all steps or none. Throws NewerSchemaError. */
export function migrate(db: SqlDatabase): { from: number; to: number } {
  const from = checkVersion(db);
  if (from < SCHEMA_VERSION) {
    db.transaction(() => {
      db.run(
        `CREATE TABLE IF NOT EXISTS schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)`,
      );
      for (const statement of STEPS.slice(from).flat()) db.run(statement);
      db.run(`INSERT OR REPLACE INTO schema_version (id, version) VALUES (1, ?)`, SCHEMA_VERSION);
    });
  }
  return { from, to: SCHEMA_VERSION };
}

/** The version of its schema, 0 for a new one. Writes nothing. Throws NewerSchemaError. */
export function checkVersion(db: SqlDatabase): number {
  const version = readVersion(db);
  if (version > SCHEMA_VERSION) throw new NewerSchemaError(version);
  return version;
}

function readVersion(db: SqlDatabase): number {
  // PRAGMA user_version is not available in Durable Objects, so the version is a table.
  const exists = db.all(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'`).length > 0;
  if (!exists) return 0;
  return Number(db.all(`SELECT version FROM schema_version`)[0]?.["version"] ?? 0);
}
