/** No counter moves, so there is never a checkpoint to carry or a row to flush. */
import { RoomCounters as Counting } from "../../src/relay/counters.ts";

export type { ConnectionCounters, Drops } from "../../src/relay/counters.ts";

export class RoomCounters extends Counting {
  override get isDirty(): boolean {
    return false;
  }

  override get hasNews(): boolean {
    return false;
  }

  override connectionChanged(): void {}
  override dropped(): void {}
}
