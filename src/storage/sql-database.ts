/**
 * The three methods a SQL database must have. Durable Object storage and node:sqlite both satisfy them with a few
 * lines each (runtime/), so that one store serves every runtime.
 *
 * 64-bit ids are bound and read as decimal text: SQL integers reach JavaScript as doubles.
 */
export type SqlValue = string | number | ArrayBuffer | Uint8Array | null;
export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlDatabase {
  /** Runs one statement. */
  run(sql: string, ...bindings: SqlValue[]): void;
  /** Runs one query and returns all its rows. */
  all(sql: string, ...bindings: SqlValue[]): SqlRow[];
  /** Runs `body` in one transaction, rolled back if it throws. */
  transaction<T>(body: () => T): T;
}
