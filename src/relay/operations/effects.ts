/** What operators' acts do to those who are in a room, each within a turn of it. */
import { CloseCode, EndReason, type PeerId } from "../../protocol/index.ts";
import { type AppBan, type Ban, type BanKind, type Bans, endBanned, endHeld } from "../limits/bans.ts";
import type { RoomState } from "../room-state.ts";
import { expel, loseSocket } from "../sessions/sessions.ts";
import { closeLink } from "../telling.ts";

/** False when the peer is not here. */
export function kick(room: RoomState, peer: PeerId): boolean {
  const found = expel(room, peer, CloseCode.Kicked, EndReason.PeerKicked, "kicked");
  if (found) room.log({ level: "info", event: "kicked", peer: String(peer) });
  return found;
}

/** Ends the sockets that the ban meets. Returns how many; undefined: it is one too many. */
export function ban(room: RoomState, bans: Bans, terms: Ban, now: number): number | undefined {
  if (!bans.add(terms, now)) return undefined;
  const ended = endBanned(room, terms);
  const until = terms.until ?? "for good";
  room.log({ level: "info", event: "banned", ...namedBan(terms.kind, terms.subject), until, ended });
  return ended;
}

/** False when there is no such ban. */
export function unban(room: RoomState, bans: Bans, kind: BanKind, subject: string, now: number): boolean {
  const found = bans.remove(kind, subject, now);
  if (found) room.log({ level: "info", event: "unbanned", ...namedBan(kind, subject) });
  return found;
}

/** What is banned from all rooms of the app replaces what was. Ends the sockets that it meets here. */
export function followBans(room: RoomState, bans: Bans, everywhere: readonly AppBan[], now: number): void {
  bans.follow(everywhere);
  const ended = everywhere.length === 0 ? 0 : endHeld(room, bans, now);
  if (ended > 0) room.log({ level: "info", event: "banned_everywhere", ended });
}

/** Asks every client to come back, and closes its socket. Returns how many. */
export function drain(room: RoomState, reconnectAfterMs: number, now: number): number {
  const open = [...room.links].filter(({ isOpen }) => isOpen);
  for (const link of open) {
    closeLink(room, link, CloseCode.Restarting, "the relay is restarting", reconnectAfterMs);
    loseSocket(room, link, now, "drained");
  }
  room.log({ level: "info", event: "drained", sockets: open.length, reconnectAfterMs });
  return open.length;
}

/** An address, or a ticket's id, is nothing for a log. */
function namedBan(kind: BanKind, subject: string): { kind: BanKind; peer?: string } {
  return kind === "peer" ? { kind, peer: subject } : { kind };
}
