import type { Retention } from "../../relay/retention.ts";
import type { Room } from "../../relay/room.ts";
import type { DurableSql } from "./durable-sql.ts";

/** The one alarm of a room's object. Each change of it is billed as a row, so one that may come too early stays. */
export class RoomAlarm {
  readonly #storage: DurableObjectStorage;
  readonly #sql: DurableSql;
  /** ms at which it is set; null for none. */
  #at: number | null = null;

  constructor(storage: DurableObjectStorage, sql: DurableSql) {
    this.#storage = storage;
    this.#sql = sql;
  }

  /** One that was set before an eviction: to be awaited before the first event. */
  async load(): Promise<void> {
    this.#at = await this.#storage.getAlarm();
  }

  fired(): void {
    this.#at = null;
  }

  /** After every turn: moves it when something is due earlier, and removes it when nothing is. */
  follow({ alarmAt }: Room, retention: Retention): void | Promise<void> {
    if (alarmAt === Infinity && retention.clearAt !== Infinity) {
      // Set once, when the last has left: it is for nothing else then, and what was set for others would wake the room.
      if (this.#at !== null && !retention.takeNews()) return undefined;
      return this.#set(retention.clearAt);
    }
    if (alarmAt === Infinity) return this.#at === null ? undefined : this.#delete();
    if (this.#at !== null && alarmAt >= this.#at) return undefined;
    return this.#set(alarmAt);
  }

  #set(at: number): Promise<void> {
    this.#at = at;
    this.#sql.rowsWritten++;
    return this.#storage.setAlarm(at);
  }

  #delete(): Promise<void> {
    this.#at = null;
    this.#sql.rowsWritten++;
    return this.#storage.deleteAlarm();
  }
}
