/** What operators have done in a room, and who. */

export type AuditAction = "kick" | "ban" | "unban" | "close" | "drain" | "settings";

export interface AuditEntry {
  /** Counts up. */
  readonly id: number;
  /** ms */
  readonly at: number;
  /** The name of the admin token; "relay" for what the relay did on its own account. */
  readonly actor: string;
  readonly action: AuditAction;
  /** What it was done to: a peer's or connection's id, `kind/subject` of a ban, `room`, or `app`. */
  readonly subject: string;
  /** For people; may be empty. */
  readonly detail: string;
}

/** Where the newest are kept. */
export interface AuditLog {
  /** Gives it an id, and forgets the oldest beyond MAX_AUDIT_ENTRIES. */
  add(entry: Omit<AuditEntry, "id">): void;
  /** The newest first, of those with an id below `before`. */
  list(page: AuditPage): AuditEntry[];
}

export interface AuditPage {
  /** Infinity for the first page. */
  readonly before: number;
  readonly limit: number;
}

export const MAX_AUDIT_ENTRIES = 1_000;
