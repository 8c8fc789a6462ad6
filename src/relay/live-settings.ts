/** Settings that change while the room is used. */
import type { OutboxLimits } from "./flow/outbox.ts";
import type { RoomState } from "./room-state.ts";
import { type AppSettings, limitsFor } from "./settings.ts";

/**
 * Other settings from now on, for those too who are here: nobody is sent away by it. Clients keep the limits of their
 * welcome until their next one, so a lower limit refuses what they send beyond it.
 */
export function applySettings(room: RoomState, settings: AppSettings, now: number): void {
  room.settings = settings;
  room.sharding.set(settings.shards);
  room.manager.setIdleTimeout(settings.idleTimeoutMs);
  room.outbox.setLimits(outboxLimits(settings));
  for (const link of room.links) link.limit(limitsFor(settings, link.admission.rateClass), now);
  const { hosting } = room;
  if (hosting.dueAt !== Infinity) hosting.dueAt = now; // a host is away: how long it may be is looked at anew
}

export function outboxLimits({ maxQueuedBytes, coalesceMs }: AppSettings): OutboxLimits {
  return { maxQueued: maxQueuedBytes, coalesceMs };
}
