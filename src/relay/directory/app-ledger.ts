/** What is known of one app: its rooms as they said they were, what rooms that are gone had counted, operators' settings. */
import type { AppId, PeerId, RoomName } from "../../protocol/index.ts";
import type { SettingOverrides } from "../settings.ts";
import type { RoomStatistics } from "../statistics.ts";
import { NOTHING, difference, followed, inMonth, isSomebodyIn, sum, total, withoutPresence } from "./figures.ts";
import { type PeerLists, Whereabouts } from "./whereabouts.ts";
import type { AppSummary, AppTotals, ReportAnswer, RoomReport, RoomSummary, VersionedOverrides } from "./report.ts";

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
  readonly statistics: RoomStatistics;
}

/** What is known of the app as a whole. */
export interface AppRecord extends VersionedOverrides {
  /** What rooms that are gone had counted; of its month's bytes those of the month of `goneAt`. */
  readonly gone: RoomStatistics;
  readonly goneAt: number;
  /** ms of the last look for rooms to forget. */
  readonly swept: number;
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
  #rooms: Map<string, KnownRoom> | undefined;
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
    const overrides = this.overrides();
    return report.version === overrides.version ? undefined : overrides;
  }

  /** The rooms that these peers are in, as they were told last; "" for the app's own. */
  locate(peers: readonly PeerId[]): (string | undefined)[] {
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
    const parts = [this.#gone(now)];
    let rooms = 0;
    let oldest = Infinity;
    for (const room of this.#all().values()) {
      const own = this.#statisticsOf(room, now);
      parts.push(own);
      if (!isSomebodyIn(own)) continue;
      rooms++;
      oldest = Math.min(oldest, room.seen);
    }
    return { app: this.#app, rooms, oldest: rooms === 0 ? null : oldest, statistics: total(parts) };
  }

  summary(now: number): AppSummary {
    const { app, rooms, statistics } = this.totals(now);
    let lastSeen = this.#record?.goneAt ?? 0;
    for (const { seen } of this.#all().values()) lastSeen = Math.max(lastSeen, seen);
    const { peers, activeConnections } = statistics;
    return { app, rooms, peers, activeConnections, lastSeen };
  }

  /** The rooms that somebody is in, as far as is known, those heard of last first; undefined is the app's own. */
  occupied(limit: number, now: number): (RoomName | undefined)[] {
    const rooms = [...this.#all().values()].filter((room) => isSomebodyIn(this.#statisticsOf(room, now)));
    rooms.sort((a, b) => b.seen - a.seen);
    return rooms.slice(0, limit).map(({ name }) => (name === OWN_ROOM ? undefined : (name as RoomName)));
  }

  overrides(): VersionedOverrides {
    const { version, overrides } = this.#record ?? { version: 0, overrides: {} };
    return { version, overrides };
  }

  /** Replaces them all. */
  setOverrides(overrides: SettingOverrides, now: number): VersionedOverrides {
    const record = this.#recordOf(now);
    this.#saveRecord({ ...record, overrides, version: record.version + 1 });
    return this.overrides();
  }

  #take({ room, at, region, statistics, life, before, peerIds }: RoomReport, now: number): void {
    const name = room ?? OWN_ROOM;
    const former = this.#rooms?.get(name) ?? this.#store.loadRoom(name);
    if (former && former.life !== life) this.#saveRecord(this.#withGone(sum, former, now));
    // It was forgotten, and is back with all that it had counted: that is among what is gone no more.
    if (!former && before) this.#saveRecord(this.#withGone(difference, { statistics: before, at: now }, now));
    if (!former) this.#newRooms++;
    const isSame = former?.life === life;
    const known = isSame ? followed(former.statistics, statistics) : statistics;
    this.#saveRoom({ name, life, seen: now, at, region: region ?? null, statistics: known });
    if (peerIds) this.#whereabouts.told(name, peerIds);
  }

  /** Forgets rooms, where it is time to look for some. */
  #sweep(now: number): void {
    const { swept } = this.#recordOf(now);
    if (now - swept < SWEEP_MS && this.#newRooms < SWEEP_ROOMS) return;
    this.#newRooms = 0;
    const rooms = [...this.#all().values()].toSorted((a, b) => a.seen - b.seen);
    let surplus = rooms.length - MAX_ROOMS;
    for (const room of rooms) {
      const isOld = now - room.seen >= FORGET_MS;
      const isInTheWay = surplus > 0 && !isSomebodyIn(this.#statisticsOf(room, now));
      if (!isOld && !isInTheWay) continue;
      surplus--;
      this.#forget(room, now);
    }
    this.#saveRecord({ ...this.#recordOf(now), swept: now });
  }

  #forget(room: KnownRoom, now: number): void {
    this.#record = this.#withGone(sum, room, now); // the sweep saves it
    this.#store.deleteRoom(room.name);
    this.#whereabouts.forget(room.name);
    this.#rooms?.delete(room.name);
  }

  #withGone(change: typeof sum, { statistics, at }: Pick<KnownRoom, "statistics" | "at">, now: number): AppRecord {
    const counted = inMonth(withoutPresence(statistics), at, now);
    return { ...this.#recordOf(now), gone: change(this.#gone(now), counted), goneAt: now };
  }

  #gone(now: number): RoomStatistics {
    return this.#record ? inMonth(this.#record.gone, this.#record.goneAt, now) : NOTHING;
  }

  #statisticsOf({ statistics, seen, at }: KnownRoom, now: number): RoomStatistics {
    const isPresent = now - seen < PRESENCE_MS && seen >= this.#presentSince;
    return inMonth(isPresent ? statistics : withoutPresence(statistics), at, now);
  }

  #recordOf(now: number): AppRecord {
    const fresh = { version: 0, overrides: {}, gone: NOTHING, goneAt: now, swept: now };
    return this.#record ?? this.#saveRecord(fresh);
  }

  #saveRecord(record: AppRecord): AppRecord {
    this.#store.saveRecord(record);
    this.#record = record;
    return record;
  }

  #saveRoom(room: KnownRoom): void {
    this.#store.saveRoom(room);
    this.#rooms?.set(room.name, room);
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

  #all(): Map<string, KnownRoom> {
    this.#rooms ??= new Map(this.#store.loadRooms(undefined, Infinity).map((room) => [room.name, room]));
    return this.#rooms;
  }
}
