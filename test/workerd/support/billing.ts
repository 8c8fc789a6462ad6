import { runInDurableObject } from "cloudflare:test";
import { freshApp, roomOf } from "./room.ts";

/**
 * What Cloudflare bills as rows written, counted at the platform's own doors and not by the relay: all that SQL cursors
 * report, and one for each alarm set or deleted. For every object of this file, from its constructor on.
 */
export class Billing {
  readonly #cursors: { readonly sql: string; readonly cursor: SqlStorageCursor<Record<string, SqlStorageValue>> }[] =
    [];
  readonly alarmsSet: number[] = [];
  alarmsDeleted = 0;
  readonly #undo: (() => void)[] = [];

  static async start(): Promise<Billing> {
    const billing = new Billing();
    await runInDurableObject(roomOf(freshApp()), (_room, { storage }) => billing.#instrument(storage));
    return billing;
  }

  get rows(): number {
    return this.sqlRows + this.alarmsSet.length + this.alarmsDeleted;
  }

  get sqlRows(): number {
    return this.#cursors.reduce((sum, { cursor }) => sum + cursor.rowsWritten, 0);
  }

  /** Rows by the first words of their statement, for whoever has to find out where they come from. */
  get statements(): Record<string, number> {
    const rows: Record<string, number> = {};
    for (const { sql, cursor } of this.#cursors) {
      if (cursor.rowsWritten === 0) continue;
      const name = sql.trim().split(/\s+/).slice(0, 5).join(" ");
      rows[name] = (rows[name] ?? 0) + cursor.rowsWritten;
    }
    return rows;
  }

  reset(): void {
    this.#cursors.length = 0;
    this.alarmsSet.length = 0;
    this.alarmsDeleted = 0;
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo) undo();
  }

  #instrument(storage: DurableObjectStorage): void {
    this.#wrap(Object.getPrototypeOf(storage.sql) as SqlStorage, "exec", (cursor, sql) => {
      this.#cursors.push({ sql: String(sql), cursor: cursor as SqlStorageCursor<Record<string, SqlStorageValue>> });
    });
    const doors = Object.getPrototypeOf(storage) as DurableObjectStorage;
    this.#wrap(doors, "setAlarm", (_done, time) => this.alarmsSet.push(Number(time)));
    this.#wrap(doors, "deleteAlarm", () => this.alarmsDeleted++);
  }

  #wrap<T extends object, K extends keyof T & string>(
    prototype: T,
    name: K,
    note: (result: unknown, ...args: unknown[]) => void,
  ): void {
    const original = prototype[name] as (...args: unknown[]) => unknown;
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      value(this: unknown, ...args: unknown[]) {
        const result = original.apply(this, args);
        note(result, ...args);
        return result;
      },
    });
    this.#undo.push(() =>
      Object.defineProperty(prototype, name, { configurable: true, writable: true, value: original }),
    );
  }
}
