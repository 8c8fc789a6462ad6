/** What is known of one app: its rooms as they said they were, what rooms that are gone had counted, operators' rules. */
import type { AppId, PeerId, RoomName } from "../../protocol/index.ts";
import type { SettingOverrides } from "../settings.ts";
import { parseShardName } from "../shards/names.ts";
import type { RoomStatistics } from "../statistics.ts";
import type { Ban, BanKind, BanPage } from "../limits/bans.ts";
import {
  type AppRecord,
  bansOf,
  newRecord,
  rulesOf,
  withBan,
  withOverrides,
  withRules,
  withoutBan,
} from "./app-record.ts";
import { NOTHING, difference, followed, inMonth, sum, total, withoutPresence } from "./figures.ts";
import { type Glimpse, KnownRooms } from "./known-rooms.ts";
import { type ListedRoom, type Listing, type LobbyQuery, meets } from "./lobby.ts";
import {
  type AppRules,
  type AppSummary,
  type AppTotals,
  NO_RULES,
  type ReportAnswer,
  type RoomReport,
  type RoomSummary,
} from "./report.ts";
import { type PeerLists, type Whereabout, Whereabouts } from "./whereabouts.ts";

/**
 * A room that has not been heard of for so long counts as empty: it died without a word. More than twice what a room lets
 * pass between two reports while somebody is in it (reporting.ts).
 */
export const PRESENCE_MS = 13 * 60_000;
/** A room unheard of for so long is forgotten; what it had counted is kept in the sum of those that are gone. */
export const FORGET_MS = 30 * 24 * 3_600_000;
/** How often rooms to be forgotten are looked for, each time by reading all; and after how many new ones. */
const SWEEP_MS = 24 * 3_600_000;
const SWEEP_ROOMS = 1_000;
/** With more rooms than this the empty ones that were not heard of for longest are forgotten sooner. */
export const MAX_ROOMS = 20_000;

/** Rooms that are read at once, where all are. */
const PAGE = 500;

/** The app's own room, which has no name. */
const OWN_ROOM = "";

export interface KnownRoom {
  /** "" for the app's own. */
  readonly name: string;
  readonly life: string;
  /** ms of the last report, by the directory's clock. */
  readonly seen: number;
  /** ms of the last report, by the room's clock. */
  readonly at: number;
  readonly region: string | null;
  /** null: it is not in the lobby list. */
  readonly listing: Listing | null;
  readonly statistics: RoomStatistics;
}

/** One that another of the app's directory objects is to know from now on. */
export interface MovedRoom extends KnownRoom {
  /** Who is in it (whereabouts.ts); undefined for nobody. */
  readonly peerIds: Uint8Array | undefined;
}

/** Where it is kept, each method one row or one query. */
export interface LedgerStore extends PeerLists {
  loadRecord(): AppRecord | undefined;
  saveRecord(record: AppRecord): void;
  loadRoom(name: string): KnownRoom | undefined;
  saveRoom(room: KnownRoom): void;
  deleteRoom(name: string): void;
  /** In order of name, at most `limit` of those after `after`; undefined: from the first on. */
  loadRooms(after: string | undefined, limit: number): KnownRoom[];
  transaction<T>(body: () => T): T;
}

export class AppLedger {
  readonly #app: AppId;
  readonly #store: LedgerStore;
  readonly #presentSince: number;
  #record: AppRecord | undefined;
  /** All of them, once somebody has asked for sums. */
  #rooms: KnownRooms | undefined;
  #newRooms = 0;
  readonly #whereabouts: Whereabouts;

  /** `presentSince`: nobody is in a room that was not heard of since then, as where all rooms end with the process. */
  constructor(app: AppId, store: LedgerStore, presentSince = -Infinity) {
    this.#app = app;
    this.#store = store;
    this.#presentSince = presentSince;
    this.#record = store.loadRecord();
    this.#whereabouts = new Whereabouts(store);
  }

  /** Whether anything was ever kept of this app. */
  get isKnown(): boolean {
    return this.#record !== undefined;
  }

  /** One row written; rarely some more. */
  report(report: RoomReport, now: number): ReportAnswer {
    this.#written(() => {
      this.#take(report, now);
      this.#sweep(now);
    });
    return report.version === this.version ? undefined : this.rules(now);
  }

  /** The rooms that these peers are in, as they were told last. */
  locate(peers: readonly PeerId[]): (Whereabout | undefined)[] {
    return peers.map((peer) => this.#whereabouts.locate(peer));
  }

  rooms(page: { after?: string | undefined; limit: number }, now: number): RoomSummary[] {
    return this.#store.loadRooms(page.after, page.limit).map((room) => ({
      room: room.name === OWN_ROOM ? null : room.name,
      region: room.region,
      lastSeen: room.seen,
      statistics: this.#statisticsOf(room, now),
    }));
  }

  totals(now: number): AppTotals {
    const known = this.#all();
    const gone = this.#gone(now);
    const parts = [gone, known.counted];
    let oldest = Infinity;
    for (const { seen, presence } of this.#occupied(now)) {
      parts.push(presence);
      oldest = Math.min(oldest, seen);
    }
    const rooms = parts.length - 2;
    const statistics = { ...total(parts), monthBytes: gone.monthBytes + known.bytesInMonth(now) };
    return { app: this.#app, rooms, oldest: rooms === 0 ? null : oldest, statistics };
  }

  summary(now: number): AppSummary {
    const { app, rooms, statistics } = this.totals(now);
    let lastSeen = this.#record?.goneAt ?? 0;
    for (const [, { seen }] of this.#all().entries()) lastSeen = Math.max(lastSeen, seen);
    const { peers, activeConnections } = statistics;
    return { app, rooms, peers, activeConnections, lastSeen };
  }

  /** The rooms that somebody is in, as far as is known, those heard of last first; undefined is the app's own. */
  occupied(limit: number, now: number): (RoomName | undefined)[] {
    const rooms = [...this.#occupied(now)].toSorted((a, b) => b.seen - a.seen);
    return rooms.slice(0, limit).map(({ name }) => (name === OWN_ROOM ? undefined : (name as RoomName)));
  }

  /** Rooms of the lobby list that meet the query, in order of name. Those that were not heard of for long are left out. */
  lobby({ after, limit, ...filter }: LobbyQuery, now: number): ListedRoom[] {
    const found: ListedRoom[] = [];
    for (const [name, glimpse] of this.#all().entries()) {
      const { listed, presence, seen } = glimpse;
      // A shard is nothing that a player could choose.
      if (!listed || isShard(name) || !this.#isRecent(glimpse, now) || (after !== undefined && name <= after)) continue;
      const { region, maxPlayers = null, data } = listed;
      const players = presence?.peers ?? 0;
      const room = { room: name === OWN_ROOM ? null : name, region, players, maxPlayers, data };
      if (meets(room, filter)) found.push({ ...room, ageMs: Math.max(0, now - seen) });
    }
    found.sort((a, b) => ((a.room ?? OWN_ROOM) < (b.room ?? OWN_ROOM) ? -1 : 1));
    return found.slice(0, limit);
  }

  get version(): number {
    return this.#record?.version ?? 0;
  }

  get overrides(): SettingOverrides {
    return this.#record?.overrides ?? {};
  }

  /** What rooms are told. */
  rules(now: number): AppRules {
    return this.#record ? rulesOf(this.#record, now) : NO_RULES;
  }

  /** Replaces them all. `shards`: what APP_SETTINGS says of the app's own room. */
  setOverrides(overrides: SettingOverrides, now: number, shards = 1): AppRules {
    return rulesOf(this.#saveRecord(withOverrides(this.#recordOf(now), overrides, shards, now)), now);
  }

  /** ms of the last change of their number; undefined where operators have never changed it. */
  get dividedAt(): number | undefined {
    return this.#record?.sharding?.changedAt;
  }

  /** The most shards that operators have ever divided the app's own room into. */
  get mostShards(): number {
    return this.#record?.sharding?.most ?? 1;
  }

  bans(page: BanPage, now: number): Ban[] {
    return this.#record ? bansOf(this.#record, page, now) : [];
  }

  /** Undefined when there are as many as there may be. */
  ban(ban: Ban, now: number): AppRules | undefined {
    const record = withBan(this.#recordOf(now), ban, now);
    return record && rulesOf(this.#saveRecord(record), now);
  }

  /** Undefined when there was none that held. */
  unban(kind: BanKind, subject: string, now: number): AppRules | undefined {
    const record = this.#record && withoutBan(this.#record, kind, subject, now);
    return record && rulesOf(this.#saveRecord(record), now);
  }

  /** Of the first of the app's objects, which has the rules: for the others. */
  follow(rules: AppRules, now: number): void {
    if (rules.version > this.version) this.#saveRecord(withRules(this.#recordOf(now), rules, now));
  }

  /** Among how many objects the app's rooms were ever divided, the number that holds last. */
  get divisions(): readonly number[] {
    return this.#record?.divisions ?? [1];
  }

  divide(divisions: readonly number[], now: number): void {
    this.#saveRecord({ ...this.#recordOf(now), divisions });
  }

  has(room: RoomName | undefined): boolean {
    return this.known(room) !== undefined;
  }

  known(room: RoomName | undefined): KnownRoom | undefined {
    return this.#store.loadRoom(room ?? OWN_ROOM);
  }

  /** For another of the app's objects, to which the room reports by now. */
  moved(room: RoomName | undefined): MovedRoom | undefined {
    const known = this.known(room);
    return known && { ...known, peerIds: this.#whereabouts.listOf(known.name) };
  }

  /** It is kept elsewhere: with all that it had counted, so nothing of it is gone. */
  handOver(room: RoomName | undefined): void {
    const known = this.known(room);
    if (known) this.#deleteRoom(known);
  }

  /** What another of the app's objects has known of a room. */
  adopt({ peerIds, ...room }: MovedRoom): void {
    this.#newRooms++;
    this.#saveRoom(room, undefined);
    if (peerIds) this.#whereabouts.told(room.name, peerIds, room.seen);
  }

  #take(report: RoomReport, now: number): void {
    const { room, at, region, listing, statistics, life, before, isLast, peerIds } = report;
    const name = room ?? OWN_ROOM;
    const former = this.#store.loadRoom(name);
    const same = former?.life === life ? former : undefined;
    if (former && !same) this.#saveRecord(this.#withGone(sum, former, now));
    // It was forgotten, and is back with all that it had counted: that is among what is gone no more.
    if (!former && before) this.#saveRecord(this.#withGone(difference, { statistics: before, at: now }, now));
    const counted = same ? followed(same.statistics, statistics) : statistics;
    if (isLast) return this.#bury(former, { statistics: counted, at }, now);
    if (!former) this.#newRooms++;
    const place = region ?? same?.region ?? null;
    const known = { name, life, seen: now, at, region: place, listing: listing ?? null, statistics: counted };
    this.#saveRoom(known, former);
    if (peerIds) this.#whereabouts.told(name, peerIds, now);
  }

  /** Its last report: it has no row any more. */
  #bury(former: KnownRoom | undefined, counted: Pick<KnownRoom, "statistics" | "at">, now: number): void {
    this.#saveRecord(this.#withGone(sum, counted, now));
    if (former) this.#deleteRoom(former);
  }

  #deleteRoom(room: KnownRoom): void {
    this.#store.deleteRoom(room.name);
    this.#whereabouts.forget(room.name);
    this.#rooms?.delete(room);
  }

  /** Forgets rooms, where it is time to look for some. */
  #sweep(now: number): void {
    const { swept } = this.#recordOf(now);
    if (now - swept < SWEEP_MS && this.#newRooms < SWEEP_ROOMS) return;
    this.#newRooms = 0;
    const rooms = [...this.#all().entries()].toSorted(([, a], [, b]) => a.seen - b.seen);
    let surplus = rooms.length - MAX_ROOMS;
    for (const [name, glimpse] of rooms) {
      const isOld = now - glimpse.seen >= FORGET_MS;
      const isInTheWay = surplus > 0 && !(glimpse.presence && this.#isRecent(glimpse, now));
      if (!isOld && !isInTheWay) continue;
      surplus--;
      this.#forget(name, now);
    }
    this.#saveRecord({ ...this.#recordOf(now), swept: now });
  }

  #forget(name: string, now: number): void {
    const room = this.#store.loadRoom(name);
    if (!room) return;
    this.#record = this.#withGone(sum, room, now); // the sweep saves it
    this.#deleteRoom(room);
  }

  #withGone(change: typeof sum, { statistics, at }: Pick<KnownRoom, "statistics" | "at">, now: number): AppRecord {
    const counted = inMonth(withoutPresence(statistics), at, now);
    return { ...this.#recordOf(now), gone: change(this.#gone(now), counted), goneAt: now };
  }

  #gone(now: number): RoomStatistics {
    return this.#record ? inMonth(this.#record.gone, this.#record.goneAt, now) : NOTHING;
  }

  #statisticsOf(room: KnownRoom, now: number): RoomStatistics {
    const { statistics, at } = room;
    return inMonth(this.#isRecent(room, now) ? statistics : withoutPresence(statistics), at, now);
  }

  /** Whether what was heard of it still says who is in it. */
  #isRecent({ seen }: { readonly seen: number }, now: number): boolean {
    return now - seen < PRESENCE_MS && seen >= this.#presentSince;
  }

  *#occupied(now: number): Iterable<Glimpse & { readonly name: string; readonly presence: RoomStatistics }> {
    for (const [name, { presence, ...glimpse }] of this.#all().entries()) {
      if (presence && this.#isRecent(glimpse, now)) yield { name, presence, ...glimpse };
    }
  }

  #recordOf(now: number): AppRecord {
    return this.#record ?? this.#saveRecord(newRecord(now));
  }

  #saveRecord(record: AppRecord): AppRecord {
    this.#store.saveRecord(record);
    this.#record = record;
    return record;
  }

  #saveRoom(room: KnownRoom, former: KnownRoom | undefined): void {
    this.#store.saveRoom(room);
    this.#rooms?.set(room, former);
  }

  /** All rows or none; what is held of them is read anew where they could not be written. */
  #written(body: () => void): void {
    try {
      this.#store.transaction(body);
    } catch (error) {
      this.#rooms = undefined;
      this.#whereabouts.reload();
      this.#record = this.#store.loadRecord();
      throw error;
    }
  }

  #all(): KnownRooms {
    this.#rooms ??= new KnownRooms(this.#pages());
    return this.#rooms;
  }

  *#pages(): Iterable<readonly KnownRoom[]> {
    for (let after: string | undefined; ;) {
      const page = this.#store.loadRooms(after, PAGE);
      yield page;
      if (page.length < PAGE) return;
      after = page.at(-1)?.name;
    }
  }
}

function isShard(name: string): boolean {
  return parseShardName(name) !== undefined;
}
