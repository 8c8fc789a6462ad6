/** Whether a room lets a peer in whose ticket is good (rules L3, L5): asked before its upgrade is accepted. */
import type { Bans, Holding } from "./bans.ts";
import { monthOf } from "./monthly-bytes.ts";
import type { Admission } from "../ports.ts";
import type { JoinRefusalCode } from "./refusals.ts";
import type { RoomState } from "../room-state.ts";
import { MAX_SOCKETS_PER_PEER } from "../settings.ts";

export interface JoinRefusal {
  readonly code: JoinRefusalCode;
  /** What was wrong and what to do. */
  readonly detail: string;
  /** Seconds after which it may be otherwise. */
  readonly retryAfter?: number | undefined;
  /** By a ban from all rooms, as this room was last told: it may have been lifted while the room slept. */
  readonly isEverywhere?: boolean;
}

/** Rooms empty at the pace of players, not of machines. */
const FULL_RETRY_SECONDS = 10;

/** Guests are closed after helloMs, and most clients answer a close at once. */
const SOCKETS_RETRY_SECONDS = 10;

/** `sockets`: how many the platform still keeps for this peer. */
export function refuseEntry(
  room: RoomState,
  bans: Bans,
  admission: Admission,
  sockets: number,
  now: number,
): JoinRefusal | undefined {
  const ban = bans.holding(admission, now);
  if (ban) return banned(ban);
  if (sockets >= MAX_SOCKETS_PER_PEER) {
    const detail = `this peer has ${sockets} sockets here that are not gone, which is the limit; say hello, and answer closes`;
    return { code: "too_many_sockets", detail, retryAfter: SOCKETS_RETRY_SECONDS };
  }
  const { monthlyBytes, maxPeers } = room.settings;
  if (monthlyBytes > 0 && bytesThisMonth(room, now) >= monthlyBytes) {
    const next = monthOf(now, 1);
    const detail = `this room has relayed the ${monthlyBytes} bytes of its month; the next one begins at ${iso(next)}`;
    return { code: "budget_exhausted", detail, retryAfter: Math.ceil((next - now) / 1000) };
  }
  if (room.links.size < maxPeers) return undefined;
  const detail = `this room has ${maxPeers} peers, which is its limit; try again later, or join another room`;
  return { code: "room_full", detail, retryAfter: FULL_RETRY_SECONDS };
}

export function bytesThisMonth({ manager, counters }: Pick<RoomState, "manager" | "counters">, now: number): number {
  const { totalBytes } = manager.getStatistics();
  counters.month.look(now, totalBytes);
  return counters.month.used(totalBytes);
}

function banned({ kind, until, isEverywhere }: Holding): JoinRefusal {
  const term = until === null ? "for good" : `until ${iso(until)}`;
  const more = { ...(isEverywhere && { isEverywhere }) };
  const place = isEverywhere ? "all rooms of this app" : "this room";
  switch (kind) {
    case "peer":
      return { code: "peer_banned", detail: `this peer is banned from ${place} ${term}`, ...more };
    case "address":
      return { code: "address_banned", detail: `this client's address is banned from ${place} ${term}`, ...more };
    case "ticket":
      return { code: "ticket_revoked", detail: `this ticket is revoked for ${place} ${term}`, ...more };
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
