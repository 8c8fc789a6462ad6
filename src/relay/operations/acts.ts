/** What operators do to a room. What has had an effect is a row of its audit log; `actor` is who did it. */
import type { ConnectionId, PeerId } from "../../protocol/index.ts";
import type { AuditAction } from "../audit.ts";
import { type Ban, type BanKind, placeOf } from "../limits/bans.ts";
import type { Room } from "../room.ts";
import type { SettingOverrides } from "../settings.ts";

/** False when there is no such connection. */
export function closeConnection(room: Room, now: number, id: ConnectionId, actor: string): boolean {
  const isDone = room.closeConnection(id, now);
  if (isDone) note(room, now, actor, "close", String(id));
  return isDone;
}

/** False when the peer is not in the room. */
export function kick(room: Room, now: number, peer: PeerId, actor: string): boolean {
  const isDone = room.kick(peer, now);
  if (isDone) note(room, now, actor, "kick", String(peer));
  return isDone;
}

/** With how many sockets it ended; undefined when the room has as many bans as it may have. */
export function ban(
  room: Room,
  now: number,
  terms: Omit<Ban, "created">,
  actor: string,
): { ban: Ban; ended: number } | undefined {
  const done = room.ban(terms, now);
  if (done) note(room, now, actor, "ban", placeOf(terms.kind, terms.subject), termsText(terms));
  return done;
}

/** False when there is no such ban. */
export function unban(room: Room, now: number, kind: BanKind, subject: string, actor: string): boolean {
  const isDone = room.unban(kind, subject, now);
  if (isDone) note(room, now, actor, "unban", `${kind}/${subject}`);
  return isDone;
}

/** Closes all sockets, whose clients are told to come back. Returns how many. */
export function drain(room: Room, now: number, reconnectAfterMs: number, actor: string): number {
  const ended = room.drain(reconnectAfterMs, now);
  note(room, now, actor, "drain", "room", `${ended} sockets, to come back after ${reconnectAfterMs} ms`);
  return ended;
}

/** Settings are the directory's; that they were set is noted in the app's own room. */
export function noteSettings(room: Room, now: number, overrides: SettingOverrides, actor: string): void {
  note(room, now, actor, "settings", "app", JSON.stringify(overrides));
}

/** Bans from all rooms of the app are the directory's, too. */
export function noteBan(room: Room, now: number, terms: Omit<Ban, "created">, actor: string): void {
  note(room, now, actor, "ban", placeOf(terms.kind, terms.subject), `everywhere, ${termsText(terms)}`);
}

export function noteUnban(room: Room, now: number, kind: BanKind, subject: string, actor: string): void {
  note(room, now, actor, "unban", placeOf(kind, subject), "everywhere");
}

function termsText({ until, reason }: Omit<Ban, "created">): string {
  const term = until === null ? "for good" : `until ${new Date(until).toISOString()}`;
  return reason === "" ? term : `${term}: ${reason}`;
}

function note(room: Room, now: number, actor: string, action: AuditAction, subject: string, detail = ""): void {
  room.audit.add({ at: now, actor, action, subject, detail });
}
