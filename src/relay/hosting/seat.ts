import type { PeerId, SessionId } from "../../protocol/index.ts";

/** Who hosts the room, as it stands on disk. */
export interface Seat {
  /** Grows with every change, through evictions, crashes and even the loss of all that is stored (nextEpoch). */
  readonly epoch: number;
  /** Undefined: nobody. A peer that joins anew has lost what it hosted, so the seat is its session's. */
  readonly holder: { readonly peer: PeerId; readonly session: SessionId } | undefined;
}

/** As things are before the first election. */
export const NO_SEAT: Seat = { epoch: 0, holder: undefined };

/**
 * The time, unless that would not be more: a room whose storage was cleared, as that of one long empty is, has forgotten
 * its epochs, and must not begin again below those that a game has written beside its saves.
 */
export function nextEpoch({ epoch }: Seat, now: number): number {
  return Math.max(epoch + 1, Math.floor(now));
}
