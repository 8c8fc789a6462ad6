import { DatabaseSync } from "node:sqlite";
import type { SqlDatabase, SqlRow, SqlValue } from "../../src/storage/sql-database.ts";

/** node:sqlite as the three methods of SqlDatabase; in memory unless a file is named. */
export class NodeSql implements SqlDatabase {
  readonly db: DatabaseSync;

  constructor(path = ":memory:") {
    this.db = new DatabaseSync(path);
  }

  run(sql: string, ...bindings: SqlValue[]): void {
    this.db.prepare(sql).run(...bindings.map(bindable));
  }

  all(sql: string, ...bindings: SqlValue[]): SqlRow[] {
    return this.db.prepare(sql).all(...bindings.map(bindable));
  }

  transaction<T>(body: () => T): T {
    this.db.exec("BEGIN");
    try {
      const result = body();
      this.db.exec("COMMIT");
      return result;
    } catch (error) {
      this.db.exec("ROLLBACK");
      throw error;
    }
  }
}

function bindable(value: SqlValue): string | number | Uint8Array | null {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value;
}
