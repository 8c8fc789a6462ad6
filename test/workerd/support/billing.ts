import { runInDurableObject } from "cloudflare:test";
import { freshApp, roomOf } from "./room.ts";

interface Executed {
  readonly sql: string;
  readonly cursor: SqlStorageCursor<Record<string, SqlStorageValue>>;
  /** Whose database it is. */
  readonly storage: object;
}

/**
 * What Cloudflare bills as rows written, counted at the platform's own doors and not by the relay: all that SQL cursors
 * report, and one for each alarm set or deleted. For every object of this file, from its constructor on; what rooms
 * write, and what directories do.
 */
export class Billing {
  readonly #cursors: Executed[] = [];
  /** Known by their tables, which their constructors look for. */
  readonly #directories = new WeakSet<object>();
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
    return rowsOf(this.#ofRooms);
  }

  get directoryRows(): number {
    return rowsOf(this.#cursors) - this.sqlRows;
  }

  /** Rows by the first words of their statement, for whoever has to find out where they come from. */
  get statements(): Record<string, number> {
    const rows: Record<string, number> = {};
    for (const { sql, cursor } of this.#ofRooms) {
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

  get #ofRooms(): Executed[] {
    return this.#cursors.filter(({ storage }) => !this.#directories.has(storage));
  }

  #instrument(storage: DurableObjectStorage): void {
    this.#wrap(Object.getPrototypeOf(storage.sql) as SqlStorage, "exec", (cursor, owner, sql) => {
      if (String(sql).includes("directory_")) this.#directories.add(owner);
      this.#cursors.push({ sql: String(sql), cursor: cursor as Executed["cursor"], storage: owner });
    });
    const doors = Object.getPrototypeOf(storage) as DurableObjectStorage;
    this.#wrap(doors, "setAlarm", (_done, _owner, time) => this.alarmsSet.push(Number(time)));
    this.#wrap(doors, "deleteAlarm", () => this.alarmsDeleted++);
  }

  #wrap<T extends object, K extends keyof T & string>(
    prototype: T,
    name: K,
    note: (result: unknown, owner: object, ...args: unknown[]) => void,
  ): void {
    const original = prototype[name] as (...args: unknown[]) => unknown;
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      value(this: object, ...args: unknown[]) {
        const result = original.apply(this, args);
        note(result, this, ...args);
        return result;
      },
    });
    this.#undo.push(() =>
      Object.defineProperty(prototype, name, { configurable: true, writable: true, value: original }),
    );
  }
}

function rowsOf(executed: readonly Executed[]): number {
  return executed.reduce((sum, { cursor }) => sum + cursor.rowsWritten, 0);
}
