/** What becomes due by itself, without an event: found by looking at everything, in an alarm. */
import { bytesThisMonth } from "./limits/entry.ts";
import type { RoomState } from "./room-state.ts";
import { nextSweepTimes, sweepSessions } from "./sessions/sessions.ts";
import { TIMES } from "./settings.ts";
import { seekAgain } from "./trunk/locating.ts";
import { nextTrunkTime, sweepTrunks } from "./trunk/losing.ts";

/** Does what is due: stale connections, ghosts, guests without a hello, trunks. */
export function sweep(room: RoomState, now: number): void {
  bytesThisMonth(room, now);
  const second = Math.floor(now / TIMES.promptMs) * TIMES.promptMs;
  room.manager.cleanupStaleConnections(second);
  sweepSessions(room, second);
  sweepTrunks(room);
  seekAgain(room);
}

/** When the next of it is due, or the next flush. */
export function nextSweep(room: RoomState, now: number): number {
  const { manager, counters } = room;
  const { deadline, idle } = manager.nextDue();
  const { prompt, ghost } = nextSweepTimes(room);
  const flush = counters.isDirty ? now + TIMES.quietFlushMs : Infinity;
  // What may wait is looked for no oftener than at the cleanup's pace.
  const patient = Math.max(Math.min(idle, ghost), now + TIMES.cleanupMs);
  return Math.min(deadline, prompt, patient, flush, nextTrunkTime(room));
}
