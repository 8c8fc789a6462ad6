import type { Ban, BanKind, BanPage, BanStore } from "../relay/limits/bans.ts";
import type { SqlDatabase, SqlRow } from "./sql-database.ts";

const KINDS: readonly BanKind[] = ["peer", "address", "ticket"];

/** Bans in SQL, one row each. Migrate first. Nobody else writes them while it lives. */
export class SqlBanStore implements BanStore {
  readonly #db: SqlDatabase;
  /** Kinds of which there was none when last looked: in most rooms all, and a look costs a join some 15 µs. */
  readonly #unused = new Set<BanKind>();
  #isLooked = false;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  find(kind: BanKind, subject: string): Ban | undefined {
    if (!this.#isLooked) this.#look();
    if (this.#unused.has(kind)) return undefined;
    return this.#db.all(`SELECT * FROM bans WHERE kind = ? AND subject = ?`, kind, subject).map(readBan)[0];
  }

  save({ kind, subject, until, created, reason }: Ban): void {
    this.#unused.delete(kind);
    this.#db.run(
      `INSERT OR REPLACE INTO bans (kind, subject, until, created, reason) VALUES (?, ?, ?, ?, ?)`,
      kind,
      subject,
      until,
      created,
      reason,
    );
  }

  delete(kind: BanKind, subject: string): void {
    this.#db.run(`DELETE FROM bans WHERE kind = ? AND subject = ?`, kind, subject);
  }

  deleteExpired(now: number): void {
    this.#db.run(`DELETE FROM bans WHERE until <= ?`, now);
  }

  count(): number {
    return Number(this.#db.all(`SELECT COUNT(*) AS n FROM bans`)[0]?.["n"]);
  }

  list({ after, limit }: BanPage, now: number): Ban[] {
    const rows = this.#db.all(
      `SELECT * FROM bans WHERE (kind, subject) > (?, ?) AND (until IS NULL OR until > ?)
        ORDER BY kind, subject LIMIT ?`,
      after.kind,
      after.subject,
      now,
      limit,
    );
    return rows.map(readBan);
  }

  /** One row of each kind at most is read. A kind whose bans are all deleted counts as used until the room wakes anew. */
  #look(): void {
    for (const kind of KINDS) {
      if (this.#db.all(`SELECT 1 FROM bans WHERE kind = ? LIMIT 1`, kind).length === 0) this.#unused.add(kind);
    }
    this.#isLooked = true;
  }
}

function readBan(row: SqlRow): Ban {
  const { kind, subject, until, created, reason } = row;
  if (!isKind(kind)) throw new Error(`Cannot read a stored ban: its kind is "${String(kind)}"`);
  return {
    kind,
    subject: String(subject),
    until: typeof until === "number" ? until : null,
    created: Number(created),
    reason: String(reason),
  };
}

function isKind(value: unknown): value is BanKind {
  return KINDS.some((kind) => kind === value);
}
