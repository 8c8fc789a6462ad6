import { type AuditAction, type AuditEntry, type AuditLog, type AuditPage, MAX_AUDIT_ENTRIES } from "../relay/audit.ts";
import type { SqlDatabase, SqlRow } from "./sql-database.ts";

const ACTIONS: readonly AuditAction[] = ["kick", "ban", "unban", "close", "drain", "settings"];

/** The audit log in SQL. Migrate first. */
export class SqlAuditLog implements AuditLog {
  readonly #db: SqlDatabase;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  /** The newest row is never deleted, so the ids that SQLite gives (the largest and one) are never given twice. */
  add({ at, actor, action, subject, detail }: Omit<AuditEntry, "id">): void {
    this.#db.run(
      `INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)`,
      at,
      actor,
      action,
      subject,
      detail,
    );
    this.#db.run(`DELETE FROM audit WHERE id <= (SELECT MAX(id) FROM audit) - ?`, MAX_AUDIT_ENTRIES);
  }

  list({ before, limit }: AuditPage): AuditEntry[] {
    const newest = Math.min(before, Number.MAX_SAFE_INTEGER);
    return this.#db.all(`SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?`, newest, limit).map(readEntry);
  }
}

function readEntry(row: SqlRow): AuditEntry {
  const action = ACTIONS.find((known) => known === row["action"]);
  if (!action) throw new Error(`Cannot read a stored audit entry: its action is "${String(row["action"])}"`);
  return {
    id: Number(row["id"]),
    at: Number(row["at"]),
    actor: String(row["actor"]),
    action,
    subject: String(row["subject"]),
    detail: String(row["detail"]),
  };
}
