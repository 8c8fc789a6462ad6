import type { Drops } from "./counters.ts";
import type { Families, GroupStatistics } from "./families.ts";
import { bytesThisMonth } from "./limits/entry.ts";
import type { JoinRefusals, Refusals } from "./limits/refusals.ts";
import type { RoomState } from "./room-state.ts";
import type { TrunkTraffic } from "./trunk/traffic.ts";

export interface RoomStatistics {
  readonly activeConnections: number;
  readonly totalPackets: number;
  readonly totalBytes: number;
  /** Sessions with a socket. */
  readonly peers: number;
  /** Sessions that wait for their client to come back. */
  readonly away: number;
  /** Payload relayed in this calendar month, UTC. */
  readonly monthBytes: number;
  /** By connection type. */
  readonly families: Families;
  /** To members of groups; in the totals too. */
  readonly groups: Readonly<GroupStatistics>;
  /** WebSocket messages from peers, whatever was in them: what Cloudflare bills, as a twentieth of a request each. */
  readonly messages: number;
  /** Sockets that were let in. */
  readonly joins: number;
  /** Data frames that were not relayed, by reason. */
  readonly drops: Drops;
  /** Frames that were refused, by error, also those that were not answered. */
  readonly refusals: Refusals;
  /** Joins that this room refused, by reason. */
  readonly joinRefusals: JoinRefusals;
  /** To and from other rooms (docs/trunk.md); messages that come in, and dials, are billed, and not among `messages`. */
  readonly trunk: TrunkTraffic;
}

/** With `now` the month is today's; without it that of the last alarm or join. */
export function roomStatistics(
  room: Pick<RoomState, "manager" | "counters" | "sessions" | "present">,
  now?: number,
): RoomStatistics {
  const { manager, counters, sessions, present } = room;
  const totals = manager.getStatistics();
  return {
    activeConnections: manager.getActiveConnectionCount(),
    ...totals,
    peers: present,
    away: sessions.size - present,
    monthBytes: now === undefined ? counters.month.used(totals.totalBytes) : bytesThisMonth(room, now),
    families: counters.families.statistics(manager.connections()),
    groups: { ...counters.families.groups },
    messages: counters.messages,
    joins: counters.joins,
    drops: counters.drops(),
    refusals: counters.refusals(),
    joinRefusals: counters.joinRefusals(),
    trunk: counters.trunkTraffic(),
  };
}
