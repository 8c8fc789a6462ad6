import type { SqlDatabase, SqlRow, SqlValue } from "../../storage/sql-database.ts";

/** Durable Object storage as the three methods of SqlDatabase. Counts billed rows, so that tests can hold promise 7. */
export class DurableSql implements SqlDatabase {
  readonly #storage: DurableObjectStorage;
  rowsWritten = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  run(sql: string, ...bindings: SqlValue[]): void {
    this.rowsWritten += this.#storage.sql.exec(sql, ...bindings).rowsWritten;
  }

  all(sql: string, ...bindings: SqlValue[]): SqlRow[] {
    return this.#storage.sql.exec(sql, ...bindings).toArray();
  }

  transaction<T>(body: () => T): T {
    return this.#storage.transactionSync(body);
  }
}
