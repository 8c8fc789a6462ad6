import { DurableObject } from "cloudflare:workers";
import type { AppId, PeerId, RoomName } from "../../protocol/index.ts";
import { AppLedger, type MovedRoom } from "../../relay/directory/app-ledger.ts";
import { formerShards } from "../../relay/directory/division.ts";
import type { ListedRoom, LobbyQuery } from "../../relay/directory/lobby.ts";
import type {
  AppRules,
  AppSummary,
  AppTotals,
  ReportAnswer,
  RoomReport,
  RoomSummary,
} from "../../relay/directory/report.ts";
import { HEAD, shardOf } from "../../relay/directory/shards.ts";
import type { Whereabout } from "../../relay/directory/whereabouts.ts";
import type { Ban, BanKind, BanPage } from "../../relay/limits/bans.ts";
import type { SettingOverrides } from "../../relay/settings.ts";
import { everyPart } from "../../relay/shards/names.ts";
import { migrate } from "../../storage/migrations.ts";
import { DIRECTORY_STEPS, SqlAppIndex, SqlLedgerStore } from "../../storage/sql-directory.ts";
import { boundedMap } from "../bounded.ts";
import { log } from "../log.ts";
import { parseDirectoryName, roomName } from "../room-address.ts";
import { DurableSql } from "./durable-sql.ts";
import type { RelayEnv } from "./env.ts";
import { type RelayObjects, objectsOf } from "./objects.ts";

/** Rooms that each object tells of new rules at once. All others follow with their next report. */
const MAX_TOLD = 500;
const TOLD_AT_ONCE = 16;

/**
 * The Durable Object that knows an app's rooms, or shares them with others, of which the first has the app's rules; or the
 * one that knows which apps there are: a shell around AppLedger (relay/directory/). It keeps no room awake, and nothing that
 * it must be awake for.
 */
export class RelayDirectory extends DurableObject<RelayEnv> {
  readonly sql: DurableSql;
  readonly #index: SqlAppIndex;
  readonly #objects: RelayObjects;
  #own: { readonly app: AppId; readonly shard: number; readonly ledger: AppLedger } | undefined;

  constructor(ctx: DurableObjectState, env: RelayEnv) {
    super(ctx, env);
    this.sql = new DurableSql(ctx.storage);
    const { from, to } = migrate(this.sql, DIRECTORY_STEPS);
    if (from !== to) log({ level: "info", event: "migrated", directory: ctx.id.name, from, to });
    this.#index = new SqlAppIndex(this.sql);
    this.#objects = objectsOf(env);
  }

  /** For a room. */
  async report(report: RoomReport): Promise<ReportAnswer> {
    await this.#enter();
    const { ledger } = this.#app();
    if (!ledger.has(report.room)) await this.#takeOver(report.room);
    return ledger.report(report, Date.now());
  }

  /** For a room whose peer asks for one that is not there. */
  locate(peers: readonly PeerId[]): (Whereabout | undefined)[] {
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

  lobby(query: LobbyQuery): ListedRoom[] {
    return this.#app().ledger.lobby(query, Date.now());
  }

  overrides(): SettingOverrides {
    return this.#app().ledger.overrides;
  }

  bans(page: BanPage): Ban[] {
    return this.#app().ledger.bans(page, Date.now());
  }

  /** Answers when they are kept by all of the app's objects; the rooms that are in use are told meanwhile. */
  async setOverrides(overrides: SettingOverrides): Promise<void> {
    await this.#enter();
    const { app, ledger } = this.#app();
    const before = ledger.dividedAt;
    const rules = ledger.setOverrides(overrides, Date.now(), this.#objects.partsOf(app));
    await this.#pass(rules);
    // Those too that nobody is in: peers are sent there at once, and must be asked for elsewhere.
    if (ledger.dividedAt !== before) await this.#tellAll(everyPart(ledger.mostShards), rules);
  }

  async ban(terms: Omit<Ban, "created">): Promise<Ban | undefined> {
    await this.#enter();
    const now = Date.now();
    const ban = { ...terms, created: now };
    const rules = this.#app().ledger.ban(ban, now);
    if (!rules) return undefined;
    await this.#pass(rules);
    return ban;
  }

  async unban(kind: BanKind, subject: string): Promise<boolean> {
    const rules = this.#app().ledger.unban(kind, subject, Date.now());
    if (rules) await this.#pass(rules);
    return rules !== undefined;
  }

  /** Of the first of the app's objects, for the others. */
  follow(rules: AppRules): void {
    this.#app().ledger.follow(rules, Date.now());
    this.#tellRooms(rules);
  }

  /** How many objects have ever shared the app's rooms: for the first of them. */
  shards(): number {
    return Math.max(...this.#app().ledger.divisions);
  }

  /** Another of the app's objects is about to be used, or the rooms are divided otherwise than before: for the first. */
  async register(): Promise<{ rules: AppRules; divisions: readonly number[] }> {
    await this.#enter();
    const { ledger } = this.#app();
    return { rules: ledger.rules(Date.now()), divisions: ledger.divisions };
  }

  /** For another of the app's objects, to which a room has moved. */
  moved(room: RoomName | undefined): MovedRoom | undefined {
    return this.#app().ledger.moved(room);
  }

  handOver(room: RoomName | undefined): void {
    this.#app().ledger.handOver(room);
  }

  /** For the index: there is such an app. */
  add(app: AppId): void {
    this.#index.add(app);
  }

  /** For the index. */
  apps(page: { after: number; limit: number }): AppId[] {
    return this.#index.list(page);
  }

  /**
   * Before anything is kept here: the index knows the app, the first of the app's objects knows of this one, and this one
   * among how many the rooms are divided. So whoever asks for sums asks all that have any.
   */
  async #enter(): Promise<void> {
    const { app, shard, ledger } = this.#app();
    const shards = this.#objects.shardsOf(app);
    if (ledger.isKnown && ledger.divisions.at(-1) === shards) return;
    if (shard === HEAD) {
      if (!ledger.isKnown) await this.#objects.index.add(app);
      const former = ledger.divisions.filter((known) => known !== shards);
      const isNew = !ledger.isKnown; // nothing was ever divided otherwise
      if (shards > 1 || !isNew) ledger.divide(isNew ? [shards] : [...former, shards], Date.now());
      return;
    }
    const { rules, divisions } = await this.#objects.directory(app).register();
    ledger.follow(rules, Date.now());
    ledger.divide(divisions, Date.now());
  }

  /**
   * A room that is new here may have been another object's, when the rooms were divided otherwise: what that knew of it is
   * kept here first and deleted there then. A crash between the two counts the room twice, rather than not at all.
   */
  async #takeOver(room: RoomName | undefined): Promise<void> {
    const { app, shard, ledger } = this.#app();
    for (const former of formerShards(ledger.divisions, shard, (shards) => shardOf(room ?? "", shards))) {
      const object = this.#objects.directory(app, former);
      // oxlint-disable-next-line no-await-in-loop -- nearly always one, and the first that knows it is the only one
      const moved = await object.moved(room);
      if (!moved) continue;
      if (!ledger.has(room)) ledger.adopt(moved);
      // oxlint-disable-next-line no-await-in-loop -- the last
      return object.handOver(room);
    }
  }

  /** To all of the app's objects, and rooms. */
  async #pass(rules: AppRules): Promise<void> {
    const { app } = this.#app();
    this.#tellRooms(rules);
    const others = Array.from({ length: this.shards() - 1 }, (_, index) => index + 1);
    await boundedMap(others, TOLD_AT_ONCE, async (shard) => this.#objects.directory(app, shard).follow(rules));
  }

  #tellRooms(rules: AppRules): void {
    const { ledger } = this.#app();
    const rooms = ledger.occupied(MAX_TOLD, Date.now());
    this.ctx.waitUntil(this.#tellAll(rooms, rules));
  }

  async #tellAll(rooms: readonly (RoomName | undefined)[], rules: AppRules): Promise<void> {
    const { app } = this.#app();
    await boundedMap(rooms, TOLD_AT_ONCE, async (room) => this.#tell(app, room, rules));
  }

  async #tell(app: AppId, room: RoomName | undefined, rules: AppRules): Promise<void> {
    try {
      await this.#objects.room({ app, room }).follow(rules);
    } catch (error) {
      log({ level: "error", event: "settings_not_told", room: roomName({ app, room }), error: String(error) });
    }
  }

  #app(): { readonly app: AppId; readonly shard: number; readonly ledger: AppLedger } {
    if (this.#own) return this.#own;
    const { app, shard } = parseDirectoryName(this.ctx.id.name);
    this.#own = { app, shard, ledger: new AppLedger(app, new SqlLedgerStore(this.sql, app)) };
    return this.#own;
  }
}
