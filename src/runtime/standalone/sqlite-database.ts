import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SqlDatabase, SqlRow, SqlValue } from "../../storage/sql-database.ts";

/** A database that is forgotten with the process. */
export const MEMORY = ":memory:";

/** node:sqlite, which Node, Bun and Deno all have, as the three methods of SqlDatabase. */
export class SqliteDatabase implements SqlDatabase {
  readonly #db: DatabaseSync;
  /** A room runs the same dozen statements all its life. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string = MEMORY, { readOnly = false } = {}) {
    this.#db = new DatabaseSync(path, { readOnly });
    if (readOnly) return;
    // One process has a database, for as long as it has it open: a second one gets "database is locked".
    this.#db.exec("PRAGMA locking_mode = EXCLUSIVE");
    this.#db.exec("PRAGMA journal_mode = WAL");
    // What was written survives kill -9. A power failure may take the newest writes, but never leaves half of one: a sync
    // for each would stop all rooms for as long as the disk takes.
    this.#db.exec("PRAGMA synchronous = NORMAL");
  }

  run(sql: string, ...bindings: SqlValue[]): void {
    this.#prepare(sql).run(...bindings.map(bindable));
  }

  all(sql: string, ...bindings: SqlValue[]): SqlRow[] {
    return this.#prepare(sql).all(...bindings.map(bindable));
  }

  transaction<T>(body: () => T): T {
    this.#db.exec("BEGIN");
    try {
      const result = body();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
}

function bindable(value: SqlValue): string | number | Uint8Array | null {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}
