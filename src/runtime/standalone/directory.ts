import type { AppId, PeerId } from "../../protocol/index.ts";
import { AppLedger } from "../../relay/directory/app-ledger.ts";
import type {
  AppDirectory,
  AppRules,
  AppSummary,
  RelayDirectory,
  ReportAnswer,
  RoomReport,
} from "../../relay/directory/report.ts";
import type { Ban } from "../../relay/limits/bans.ts";
import { SqlAppIndex, SqlLedgerStore } from "../../storage/sql-directory.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

export interface LocalDirectoryOptions {
  readonly database: SqliteDatabase;
  /** What APP_SETTINGS says of the app's own room. */
  readonly shardsOf: (app: AppId) => number;
  /** The rooms that are open just now follow. */
  readonly tell: (app: AppId, news: AppRules) => void;
}

/** The directory of all apps in one database, of which this process is the only user. */
export class LocalDirectory implements RelayDirectory {
  readonly #database: SqliteDatabase;
  readonly #index: SqlAppIndex;
  readonly #ledgers = new Map<AppId, AppLedger>();
  readonly #shardsOf: (app: AppId) => number;
  readonly #tell: (app: AppId, news: AppRules) => void;
  /** Nobody is in a room of whom only an earlier process has heard. */
  readonly #began = Date.now();

  constructor({ database, shardsOf, tell }: LocalDirectoryOptions) {
    this.#database = database;
    this.#index = new SqlAppIndex(database);
    this.#shardsOf = shardsOf;
    this.#tell = tell;
  }

  /** How the app's own room is divided just now, and was at most. */
  planOf(app: AppId): { readonly shards: number; readonly most: number } {
    const { overrides, mostShards } = this.#ledgerOf(app);
    const shards = overrides.shards ?? this.#shardsOf(app);
    return { shards, most: Math.max(shards, mostShards) };
  }

  /** What operators have set. */
  rulesOf(app: AppId): AppRules {
    return this.#ledgerOf(app).rules(Date.now());
  }

  report(app: AppId, report: RoomReport, now: number): ReportAnswer {
    return this.#ledgerOf(app).report(report, now);
  }

  locate(app: AppId, peers: readonly PeerId[]): (string | undefined)[] {
    return this.#ledgerOf(app)
      .locate(peers)
      .map((found) => found?.room);
  }

  async ids(page: { after: number; limit: number }): Promise<AppId[]> {
    return this.#index.list(page);
  }

  async apps(page: { after: number; limit: number }): Promise<AppSummary[]> {
    const now = Date.now();
    return this.#index.list(page).map((app) => this.#ledgerOf(app).summary(now));
  }

  app(app: AppId): AppDirectory {
    return {
      rooms: async (page) => this.#ledgerOf(app).rooms(page, Date.now()),
      totals: async () => this.#ledgerOf(app).totals(Date.now()),
      overrides: async () => this.#ledgerOf(app).overrides,
      setOverrides: async (overrides) => {
        this.#tell(app, this.#ledgerOf(app).setOverrides(overrides, Date.now(), this.#shardsOf(app)));
      },
      bans: async (page) => this.#ledgerOf(app).bans(page, Date.now()),
      ban: async (terms) => this.#ban(app, { ...terms, created: Date.now() }),
      unban: async (kind, subject) => {
        const rules = this.#ledgerOf(app).unban(kind, subject, Date.now());
        if (rules) this.#tell(app, rules);
        return rules !== undefined;
      },
      lobby: async (query) => this.#ledgerOf(app).lobby(query, Date.now()),
    };
  }

  #ban(app: AppId, ban: Ban): Ban | undefined {
    const rules = this.#ledgerOf(app).ban(ban, ban.created);
    if (rules) this.#tell(app, rules);
    return rules && ban;
  }

  close(): void {
    this.#database.close();
  }

  /** To be used at once: one of which nothing is known is not kept, or asking for apps that are not there would fill the memory. */
  #ledgerOf(app: AppId): AppLedger {
    const known = this.#ledgers.get(app);
    if (known) return known;
    const ledger = new AppLedger(app, new SqlLedgerStore(this.#database, app), this.#began);
    if (ledger.isKnown) this.#ledgers.set(app, ledger);
    return ledger;
  }
}
