/** Who may not enter a room: peers, client addresses, tickets (rules L3, L4). A revoked ticket is a banned one. */
import { CloseCode, EndReason, MAX_DEBUG } from "../../protocol/index.ts";
import type { Admission } from "../ports.ts";
import type { RoomState } from "../room-state.ts";
import { endSession } from "../sessions/sessions.ts";
import { closeLink } from "../telling.ts";

export type BanKind = "peer" | "address" | "ticket";

export interface Ban {
  readonly kind: BanKind;
  /** A peer id in decimal, an address as client-address.ts writes it, or a ticket's `jti`. */
  readonly subject: string;
  /** ms from which it has no effect; null: for ever. */
  readonly until: number | null;
  /** ms */
  readonly created: number;
  /** For operators: the banned peer is not told. */
  readonly reason: string;
}

/** Where bans are kept. They are looked for by key when somebody joins, and never loaded as a whole. */
export interface BanStore {
  find(kind: BanKind, subject: string): Ban | undefined;
  /** Replaces the one of the same kind and subject. */
  save(ban: Ban): void;
  delete(kind: BanKind, subject: string): void;
  deleteExpired(now: number): void;
  count(): number;
  /** Those after `after` that hold at `now`, ordered by kind and subject. */
  list(page: BanPage, now: number): Ban[];
}

export interface BanPage {
  readonly after: { readonly kind: string; readonly subject: string };
  readonly limit: number;
}

export const MAX_BANS = 10_000;
/** UTF-8 bytes. */
export const MAX_BAN_REASON = MAX_DEBUG;

export class Bans {
  readonly #store: BanStore;

  constructor(store: BanStore) {
    this.#store = store;
  }

  /** Keeps it. False when there are as many as there may be. */
  add(ban: Ban, now: number): boolean {
    if (!this.#store.find(ban.kind, ban.subject) && this.#store.count() >= MAX_BANS) {
      this.#store.deleteExpired(now);
      if (this.#store.count() >= MAX_BANS) return false;
    }
    this.#store.save(ban);
    return true;
  }

  /** False when there was none that held. */
  remove(kind: BanKind, subject: string, now: number): boolean {
    const found = this.#find(kind, subject, now) !== undefined;
    if (found) this.#store.delete(kind, subject);
    return found;
  }

  /** What keeps this peer out. Of several, the peer's own is named first, then its ticket's, then its address's. */
  holding({ peer, address, ticketId }: Admission, now: number): Ban | undefined {
    return (
      this.#find("peer", String(peer), now) ??
      (ticketId === undefined ? undefined : this.#find("ticket", ticketId, now)) ??
      (address === undefined ? undefined : this.#find("address", address, now))
    );
  }

  list(page: BanPage, now: number): Ban[] {
    return this.#store.list(page, now);
  }

  #find(kind: BanKind, subject: string, now: number): Ban | undefined {
    const ban = this.#store.find(kind, subject);
    if (!ban || ban.until === null || now < ban.until) return ban;
    this.#store.delete(kind, subject);
    return undefined;
  }
}

/**
 * Closes the sockets that a new ban meets, guests included, and ends their sessions (L4); sessions that are away, too.
 * Returns how many sockets. Of a session that was away through an eviction only the peer is known: banned by its address or
 * ticket, it ends with its grace period.
 */
export function endBanned(room: RoomState, { kind, subject }: Ban): number {
  const met = [...room.links].filter(({ admission }) => subjectOf(kind, admission) === subject);
  for (const link of met) {
    const { session } = link;
    closeLink(room, link, CloseCode.Banned, "banned");
    if (session) endSession(room, session, "banned", EndReason.PeerBanned);
  }
  for (const session of [...room.sessions.values()]) {
    if (session.link) continue;
    const { peer, admission } = session;
    const met = admission ? subjectOf(kind, admission) : kind === "peer" ? String(peer) : undefined;
    if (met === subject) endSession(room, session, "banned", EndReason.PeerBanned);
  }
  return met.length;
}

function subjectOf(kind: BanKind, { peer, address, ticketId }: Admission): string | undefined {
  if (kind === "peer") return String(peer);
  return kind === "address" ? address : ticketId;
}
