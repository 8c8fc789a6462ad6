import type { AppId } from "../../protocol/index.ts";
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

/** The directory of all apps in one database, of which this process is the only user. */
export class LocalDirectory implements RelayDirectory {
  readonly #database: SqliteDatabase;
  readonly #index: SqlAppIndex;
  readonly #ledgers = new Map<AppId, AppLedger>();
  readonly #tell: (app: AppId, news: AppRules) => void;
  /** Nobody is in a room of whom only an earlier process has heard. */
  readonly #began = Date.now();

  /** `tell`: the rooms that are open just now follow. */
  constructor(database: SqliteDatabase, tell: (app: AppId, news: AppRules) => void) {
    this.#database = database;
    this.#index = new SqlAppIndex(database);
    this.#tell = tell;
  }

  report(app: AppId, report: RoomReport, now: number): ReportAnswer {
    return this.#ledgerOf(app).report(report, now);
  }

  async ids(page: { after: number; limit: number }): Promise<AppId[]> {
    return this.#index.list(page);
  }

  async apps(page: { after: number; limit: number }): Promise<AppSummary[]> {
    const now = Date.now();
    return this.#index.list(page).map((app) => this.#ledgerOf(app).summary(now));
  }

  app(app: AppId): AppDirectory {
    const ledger = this.#ledgerOf(app);
    return {
      rooms: async (page) => ledger.rooms(page, Date.now()),
      totals: async () => ledger.totals(Date.now()),
      overrides: async () => ledger.overrides,
      setOverrides: async (overrides) => this.#tell(app, ledger.setOverrides(overrides, Date.now())),
      bans: async (page) => ledger.bans(page, Date.now()),
      ban: async (terms) => this.#ban(app, { ...terms, created: Date.now() }),
      unban: async (kind, subject) => {
        const rules = ledger.unban(kind, subject, Date.now());
        if (rules) this.#tell(app, rules);
        return rules !== undefined;
      },
      lobby: async (query) => ledger.lobby(query, Date.now()),
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

  #ledgerOf(app: AppId): AppLedger {
    let ledger = this.#ledgers.get(app);
    if (!ledger) {
      ledger = new AppLedger(app, new SqlLedgerStore(this.#database, app), this.#began);
      this.#ledgers.set(app, ledger);
    }
    return ledger;
  }
}
