/** What the ends of a connection say of it (rules Q1 to Q4). The relay only forwards: it cannot measure this itself. */
import { ConnectionState, type ControlValues, PROBE_UNKNOWN } from "../protocol/index.ts";
import type { ConnectionRecord } from "./connection.ts";
import { isEnd } from "./ends.ts";
import type { Link } from "./sessions/link.ts";
import type { RoomState } from "./room-state.ts";

/** What one end said last, as it came; written over by what it says next. */
export interface EndQuality {
  /** ms */
  at: number;
  ping: number;
  local: number;
  remote: number;
}

export interface ConnectionQuality {
  from?: EndQuality;
  to?: EndQuality;
}

/** As operators see it; null where the end did not know. */
export interface QualityView {
  /** ms since 1970, by the relay's clock. */
  readonly at: number;
  /** To the other end and back. */
  readonly pingMs: number | null;
  /** Share of packets that arrived in order, 0 to 1: at this end, and as the other end has told this one. */
  readonly local: number | null;
  readonly remote: number | null;
}

const SCALE = 10_000;

/** Unanswered, whatever becomes of it: a report may cross with the end of its connection, and nobody waits for it (Q3). */
export function noteQuality(
  { manager }: RoomState,
  link: Link,
  { handle, ping, local, remote }: ControlValues<"quality">,
  now: number,
): void {
  const connection = manager.getConnectionByHandle(handle) as ConnectionRecord | undefined;
  if (!connection || connection.state === ConnectionState.Connecting || !isEnd(connection, link)) return;
  const ends = (connection.quality ??= {});
  const end = connection.fromPeerId === link.peer ? "from" : "to";
  const known = ends[end];
  if (!known) {
    ends[end] = { at: now, ping, local, remote };
    return;
  }
  known.at = now;
  known.ping = ping;
  known.local = local;
  known.remote = remote;
}

export function viewQuality(said: EndQuality | undefined): QualityView | null {
  if (!said) return null;
  const { at, ping, local, remote } = said;
  return { at, pingMs: ping === PROBE_UNKNOWN ? null : ping, local: shareOf(local), remote: shareOf(remote) };
}

function shareOf(value: number): number | null {
  return value === PROBE_UNKNOWN ? null : Math.min(1, value / SCALE);
}
