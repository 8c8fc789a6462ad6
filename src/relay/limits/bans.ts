/** Who may not enter a room: peers, client addresses, tickets (rules L3, L4). A revoked ticket is a banned one. */
import { CloseCode, EndReason, MAX_DEBUG, type PeerId } from "../../protocol/index.ts";
import type { P2PConnection } from "../connection.ts";
import type { Admission } from "../ports.ts";
import type { RoomState } from "../room-state.ts";
import { endSession } from "../sessions/sessions.ts";
import { closeLink } from "../telling.ts";
import { endBannedHalf } from "../trunk/saying.ts";

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

/** A ban from all rooms of an app, as rooms need to know it: who made it why is the directory's. */
export type AppBan = Pick<Ban, "kind" | "subject" | "until">;

/** What keeps somebody out, and from where. */
export interface Holding extends AppBan {
  readonly isEverywhere: boolean;
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
  /** From all rooms of the app, by `kind/subject`. */
  #everywhere: ReadonlyMap<string, AppBan> = new Map();

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
  holding(admission: Admission, now: number): Holding | undefined {
    return (
      this.#holding("peer", subjectOf("peer", admission), now) ??
      this.#holding("ticket", subjectOf("ticket", admission), now) ??
      this.#holding("address", subjectOf("address", admission), now)
    );
  }

  /** One of another room, of whom only the peer is known. */
  holdsPeer(peer: PeerId, now: number): boolean {
    return this.holding({ peer, visible: false }, now) !== undefined;
  }

  /** Those from all rooms of the app, all of them. */
  follow(bans: readonly AppBan[]): void {
    this.#everywhere = new Map(bans.map((ban) => [placeOf(ban.kind, ban.subject), ban]));
  }

  list(page: BanPage, now: number): Ban[] {
    return this.#store.list(page, now);
  }

  #holding(kind: BanKind, subject: string | undefined, now: number): Holding | undefined {
    if (subject === undefined) return undefined;
    const own = this.#find(kind, subject, now);
    if (own) return { kind, subject, until: own.until, isEverywhere: false };
    if (this.#everywhere.size === 0) return undefined;
    const ban = this.#everywhere.get(placeOf(kind, subject));
    return ban && holds(ban, now) ? { ...ban, isEverywhere: true } : undefined;
  }

  #find(kind: BanKind, subject: string, now: number): Ban | undefined {
    const ban = this.#store.find(kind, subject);
    if (!ban || holds(ban, now)) return ban;
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
  return endWhere(room, (admission) => subjectOf(kind, admission) === subject);
}

/** The same for whoever any ban keeps out: several may have come at once. */
export function endHeld(room: RoomState, bans: Bans, now: number): number {
  return endWhere(room, (admission) => bans.holding(admission, now) !== undefined);
}

function endWhere(room: RoomState, isMet: (admission: Admission) => boolean): number {
  const met = [...room.links].filter(({ admission }) => isMet(admission));
  for (const link of met) {
    const { session } = link;
    closeLink(room, link, CloseCode.Banned, "banned");
    if (session) endSession(room, session, "banned", EndReason.PeerBanned);
  }
  for (const session of [...room.sessions.values()]) {
    if (session.link) continue;
    const { peer, admission = { peer, visible: false } } = session;
    if (isMet(admission)) endSession(room, session, "banned", EndReason.PeerBanned);
  }
  endHalvesWhere(room, isMet);
  return met.length;
}

/** Of one in another room only the peer is known: a ban of its address or its ticket is that room's concern. */
function endHalvesWhere(room: RoomState, isMet: (admission: Admission) => boolean): void {
  const far = new Map<PeerId, P2PConnection[]>();
  for (const half of room.manager.connections()) {
    if (half.farPeer !== undefined && half.trunk) far.set(half.farPeer, [...(far.get(half.farPeer) ?? []), half]);
  }
  for (const [peer, halves] of far) {
    if (isMet({ peer, visible: false })) for (const half of halves) endBannedHalf(room, half);
  }
}

export function holds({ until }: Pick<Ban, "until">, now: number): boolean {
  return until === null || now < until;
}

export function placeOf(kind: BanKind, subject: string): string {
  return `${kind}/${subject}`;
}

function subjectOf(kind: BanKind, { peer, address, ticketId }: Admission): string | undefined {
  if (kind === "peer") return String(peer);
  return kind === "address" ? address : ticketId;
}
