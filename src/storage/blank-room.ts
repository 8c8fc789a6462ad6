import type { SqlDatabase } from "./sql-database.ts";

/** What the migration itself fills. */
const MADE = ["schema_version", "following"];

/**
 * Whether nothing was ever kept in a room's database, and its directory has never heard of it: somebody has asked for a room
 * that there is not. Goes by the tables that there are, so that a later one is not overlooked.
 */
export function isBlank(db: SqlDatabase): boolean {
  const tables = db.all(`SELECT name FROM sqlite_master WHERE type = 'table'`).map(({ name }) => String(name));
  const filled = tables.filter((name) => !MADE.includes(name));
  if (filled.some((name) => db.all(`SELECT 1 FROM "${name}" LIMIT 1`).length > 0)) return false;
  return db.all(`SELECT 1 FROM following WHERE version IS NOT NULL`).length === 0;
}
