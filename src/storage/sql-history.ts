import type { HistoryRow } from "../relay/ports.ts";
import { bytesOfDoubles, readDoubles } from "./packed-doubles.ts";
import type { SqlDatabase } from "./sql-database.ts";

/** The history of a room in SQL: a fixed number of packed rows (relay/history/rows.ts). Migrate first. */
export function loadHistory(db: SqlDatabase, first: number, last: number): HistoryRow[] {
  const rows = db.all(`SELECT slot, packed FROM history WHERE slot BETWEEN ? AND ? ORDER BY slot`, first, last);
  return rows.map(({ slot, packed }) => ({ slot: Number(slot), packed: read(packed) }));
}

/** A damaged row is as good as empty, and is written over: a room must not fail for its past. */
function read(packed: unknown): Float64Array {
  const { byteLength } = packed as ArrayBuffer | Uint8Array;
  const isWhole = byteLength % Float64Array.BYTES_PER_ELEMENT === 0;
  return isWhole ? readDoubles(packed, "the stored history") : new Float64Array();
}

/** Call it in a transaction. */
export function saveHistory(db: SqlDatabase, rows: readonly HistoryRow[]): void {
  for (const { slot, packed } of rows) {
    db.run(`INSERT OR REPLACE INTO history (slot, packed) VALUES (?, ?)`, slot, bytesOfDoubles(packed));
  }
}
