import type { Handle } from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";
import { describeError } from "./describe-error.ts";
import { History } from "./history/history.ts";
import type { StoredConnection } from "./ports.ts";
import type { RoomState } from "./room-state.ts";
import { type Survivor, restoreStored } from "./sessions/restoring.ts";
import { TIMES } from "./settings.ts";

/**
 * When what the room has counted reaches the disk, with the history of it, and which rows of connections still have to. A
 * store that fails costs nothing but time: what it has not taken stays, for the next flush.
 */
export class Persistence {
  readonly history: History;
  readonly #room: RoomState;
  /** Rows of connections that are over, which the store failed to delete: the next flush tries again. */
  readonly #undeleted = new Set<Handle>();
  /** Since a crash, and not on disk: before a handle is given out it must be, or a second crash skips to the same ones. */
  #hasSkippedHandles = false;
  /** ms of the first change that is not on disk; Infinity while all is. */
  #dirtySince = Infinity;
  #lastCounted: number | undefined;

  constructor(room: RoomState) {
    this.#room = room;
    this.history = new History(room, () => this.flush());
  }

  /** ms of the minute in which the last thing happened that was counted, as it was on disk; undefined: nothing ever was. */
  get lastCounted(): number | undefined {
    return this.#lastCounted;
  }

  /** Reads what is stored. `checkpoint`: the newest that a surviving socket carried. */
  restore(checkpoint: Float64Array | undefined, survivors: readonly Survivor[], now: number): void {
    this.#hasSkippedHandles = restoreStored(this.#room, checkpoint, survivors, now);
    this.#lastCounted = this.#room.counters.running.at || undefined;
  }

  /** Before anybody is told of it. */
  insert(connection: P2PConnection): void {
    if (this.#hasSkippedHandles) {
      this.flush();
      this.#hasSkippedHandles = this.#room.counters.isDirty;
    }
    this.#room.store.insertConnection(connection satisfies StoredConnection);
  }

  /** Never throws: half of a peer's connections must not stay because one row did. */
  delete({ handle }: P2PConnection): void {
    try {
      this.#room.store.deleteConnection(handle);
    } catch (error) {
      this.#undeleted.add(handle);
      this.#logFailure(error);
    }
  }

  /** Writes all counters as one row, with what is due of the history. When the store fails they stay dirty, for the next. */
  flush(): void {
    const { store, counters, manager } = this.#room;
    this.#dirtySince = Infinity; // where the store fails, the next attempt is as far off
    try {
      for (const handle of this.#undeleted) {
        store.deleteConnection(handle);
        this.#undeleted.delete(handle);
      }
      this.history.save((rows) => counters.flush(manager, (packed) => store.saveCounters(packed, rows)));
    } catch (error) {
      this.#logFailure(error);
    }
  }

  /**
   * At the end of a turn in which there is something to write. A busy room flushes in one of its turns, and one that has
   * fallen silent with the next look for ghosts: an alarm for it alone would wake the object, or keep it awake.
   */
  flushInTime(now: number): void {
    if (now - this.#dirtySince >= TIMES.flushMs) this.flush();
    if (!this.#room.counters.isDirty) return;
    this.#dirtySince = Math.min(this.#dirtySince, now);
    this.#room.wake(this.#dirtySince + TIMES.quietFlushMs);
  }

  /** The object is awake for another reason: what there is to flush is flushed when this turn ends. */
  beginAlarm(): void {
    this.#dirtySince = -Infinity;
  }

  endAlarm(): void {
    if (!this.#room.counters.isDirty) this.#dirtySince = Infinity;
  }

  #logFailure(error: unknown): void {
    this.#room.log({ level: "error", event: "store_failed", error: describeError(error) });
  }
}
