import type { AppId, PeerId } from "../../protocol/index.ts";
import { AppLedger } from "../../relay/directory/app-ledger.ts";
import type {
  AppDirectory,
  AppSummary,
  RelayDirectory,
  ReportAnswer,
  RoomReport,
  VersionedOverrides,
} from "../../relay/directory/report.ts";
import { SqlAppIndex, SqlLedgerStore } from "../../storage/sql-directory.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

/** The directory of all apps in one database, of which this process is the only user. */
export class LocalDirectory implements RelayDirectory {
  readonly #database: SqliteDatabase;
  readonly #index: SqlAppIndex;
  readonly #ledgers = new Map<AppId, AppLedger>();
  readonly #tell: (app: AppId, news: VersionedOverrides) => void;
  /** Nobody is in a room of whom only an earlier process has heard. */
  readonly #began = Date.now();

  /** `tell`: the rooms that are open just now follow. */
  constructor(database: SqliteDatabase, tell: (app: AppId, news: VersionedOverrides) => void) {
    this.#database = database;
    this.#index = new SqlAppIndex(database);
    this.#tell = tell;
  }

  report(app: AppId, report: RoomReport, now: number): ReportAnswer {
    return this.#ledgerOf(app).report(report, now);
  }

  locate(app: AppId, peers: readonly PeerId[]): (string | undefined)[] {
    return this.#ledgerOf(app).locate(peers);
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
      overrides: async () => ledger.overrides().overrides,
      setOverrides: async (overrides) => this.#tell(app, ledger.setOverrides(overrides, Date.now())),
    };
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
