import type { HistoryRow } from "../relay/ports.ts";
import { bytesOfDoubles, readDoubles } from "./packed-doubles.ts";
import type { SqlDatabase } from "./sql-database.ts";

/** The history of a room in SQL: a fixed number of packed rows (relay/history/rows.ts). Migrate first. */
export function loadHistory(db: SqlDatabase, first: number, last: number): HistoryRow[] {
  const rows = db.all(`SELECT slot, packed FROM history WHERE slot BETWEEN ? AND ? ORDER BY slot`, first, last);
  return rows.map(({ slot, packed }) => ({ slot: Number(slot), packed: readDoubles(packed, "the stored history") }));
}

/** Call it in a transaction. */
export function saveHistory(db: SqlDatabase, rows: readonly HistoryRow[]): void {
  for (const { slot, packed } of rows) {
    db.run(`INSERT OR REPLACE INTO history (slot, packed) VALUES (?, ?)`, slot, bytesOfDoubles(packed));
  }
}
