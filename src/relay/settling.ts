/** What a turn leaves behind to be done once, when it ends: in the middle of the rules it would be done many times, or too early. */
import { isOverrun } from "./flow/flow-control.ts";
import { settleHosting } from "./hosting/hosting.ts";
import type { RoomState } from "./room-state.ts";
import { keepSession } from "./sessions/keeping.ts";
import { closeStalled, endSession } from "./sessions/sessions.ts";
import { TIMES } from "./settings.ts";
import { settleShards } from "./shards/moving.ts";
import { loseLink } from "./trunk/losing.ts";

/** Before what the turn has said leaves. */
export function settle(room: RoomState, now: number): void {
  if (room.failed.length > 0) endFailedSessions(room);
  if (room.stalling.size > 0) watchStalling(room, now);
  if (room.sharding.isUnsettled) settleShards(room, now);
  if (room.missing.size > 0) keepMissing(room);
  if (room.hosting.isUnsettled) settleHosting(room, now);
}

function endFailedSessions(room: RoomState): void {
  for (let link = room.failed.pop(); link; link = room.failed.pop()) {
    if (link.session && !link.session.link) endSession(room, link.session, "protocol_error");
  }
}

/** Clients that do not take in what they are sent: for how long, and whether it has become too much (rule F4). */
function watchStalling(room: RoomState, now: number): void {
  for (const link of room.stalling) {
    if (!link.backlog) continue;
    if (isOverrun(room, link)) {
      if (link.use) loseLink(room, link, "stalled");
      else closeStalled(room, link, now);
    } else if (link.backlog.since < 0 || link.backlog.since > now) {
      link.backlog.since = now; // also where the clock has gone back
      room.wake(now + TIMES.stallMs);
    }
  }
}

/** A thousand connections may end at once for a client that is away: one row, not a thousand. */
function keepMissing(room: RoomState): void {
  const { missing, sessions } = room;
  for (const session of missing) if (sessions.get(session.peer) === session) keepSession(room, session);
  missing.clear();
}
