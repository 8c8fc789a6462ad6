import { DurableObject } from "cloudflare:workers";
import type { AppId, PeerId, RoomName } from "../../protocol/index.ts";
import { AppLedger } from "../../relay/directory/app-ledger.ts";
import type {
  AppSummary,
  AppTotals,
  ReportAnswer,
  RoomReport,
  RoomSummary,
  VersionedOverrides,
} from "../../relay/directory/report.ts";
import type { SettingOverrides } from "../../relay/settings.ts";
import { migrate } from "../../storage/migrations.ts";
import { DIRECTORY_STEPS, SqlAppIndex, SqlLedgerStore } from "../../storage/sql-directory.ts";
import { boundedMap } from "../bounded.ts";
import { log } from "../log.ts";
import { parseRoomAddress, roomName } from "../room-address.ts";
import { DurableSql } from "./durable-sql.ts";
import type { RelayEnv } from "./env.ts";

/** The object that knows which apps there are. All others are named as directoryName says. */
export const INDEX_NAME = "apps";

/** Rooms that are told of new settings at once. All others follow with their next report. */
const MAX_TOLD = 500;
const TOLD_AT_ONCE = 16;

/**
 * The Durable Object that knows an app's rooms, or, under INDEX_NAME, which apps there are: a shell around AppLedger
 * (relay/directory/). It keeps no room awake, and nothing that it must be awake for.
 */
export class RelayDirectory extends DurableObject<RelayEnv> {
  readonly sql: DurableSql;
  readonly #index: SqlAppIndex;
  #own: { readonly app: AppId; readonly ledger: AppLedger } | undefined;

  constructor(ctx: DurableObjectState, env: RelayEnv) {
    super(ctx, env);
    this.sql = new DurableSql(ctx.storage);
    const { from, to } = migrate(this.sql, DIRECTORY_STEPS);
    if (from !== to) log({ level: "info", event: "migrated", directory: ctx.id.name, from, to });
    this.#index = new SqlAppIndex(this.sql);
  }

  /** For a room. */
  async report(report: RoomReport): Promise<ReportAnswer> {
    const { app, ledger } = this.#app();
    await this.#addToIndex(app, ledger);
    return ledger.report(report, Date.now());
  }

  /** For a room whose peer asks for one that is not there. */
  locate(peers: readonly PeerId[]): (string | undefined)[] {
    return this.#app().ledger.locate(peers);
  }

  rooms(page: { after?: string | undefined; limit: number }): RoomSummary[] {
    return this.#app().ledger.rooms(page, Date.now());
  }

  totals(): AppTotals {
    return this.#app().ledger.totals(Date.now());
  }

  summary(): AppSummary {
    return this.#app().ledger.summary(Date.now());
  }

  overrides(): VersionedOverrides {
    return this.#app().ledger.overrides();
  }

  /** Answers when they are kept; the rooms that are in use are told meanwhile. */
  async setOverrides(overrides: SettingOverrides): Promise<void> {
    const now = Date.now();
    const { app, ledger } = this.#app();
    await this.#addToIndex(app, ledger);
    const news = ledger.setOverrides(overrides, now);
    this.ctx.waitUntil(boundedMap(ledger.occupied(MAX_TOLD, now), TOLD_AT_ONCE, (room) => this.#tell(app, room, news)));
  }

  /** For the index: there is such an app. */
  add(app: AppId): void {
    this.#index.add(app);
  }

  /** For the index. */
  apps(page: { after: number; limit: number }): AppId[] {
    return this.#index.list(page);
  }

  async #tell(app: AppId, room: RoomName | undefined, news: VersionedOverrides): Promise<void> {
    const name = roomName({ app, room });
    try {
      await this.env.RELAY_ROOMS.getByName(name).follow(news);
    } catch (error) {
      log({ level: "error", event: "settings_not_told", room: name, error: String(error) });
    }
  }

  /** Before anything is kept of the app: so one that is known here is in the index. */
  async #addToIndex(app: AppId, ledger: AppLedger): Promise<void> {
    if (!ledger.isKnown) await this.env.RELAY_DIRECTORY.getByName(INDEX_NAME).add(app);
  }

  #app(): { readonly app: AppId; readonly ledger: AppLedger } {
    if (this.#own) return this.#own;
    const { app, room } = parseRoomAddress(this.ctx.id.name);
    if (room !== undefined) throw new Error(`Cannot serve the directory "${this.ctx.id.name}": its name is a room's`);
    this.#own = { app, ledger: new AppLedger(app, new SqlLedgerStore(this.sql, app)) };
    return this.#own;
  }
}
