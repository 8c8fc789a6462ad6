/** What is known of an app's rooms without asking them: each says how it is at times, and never per packet. */
import type { AppId, RoomName } from "../../protocol/index.ts";
import type { AppBan, Ban, BanKind, BanPage } from "../limits/bans.ts";
import type { SettingOverrides } from "../settings.ts";
import type { ShardHistory } from "../shards/sharding.ts";
import type { RoomStatistics } from "../statistics.ts";
import type { ListedRoom, Listing, LobbyQuery } from "./lobby.ts";

/**
 * What a room says of itself. Its counters are those of its whole life, so a report takes the place of the one before,
 * and one that comes twice counts once.
 */
export interface RoomReport {
  /** Undefined for the app's own. */
  readonly room: RoomName | undefined;
  /** ms */
  readonly at: number;
  /** Where it was created, as far as that is known: the location hint of its first player. */
  readonly region?: string | undefined;
  /** What players may know of it before they join; undefined: it is not in the lobby list. */
  readonly listing?: Listing | undefined;
  readonly statistics: RoomStatistics;
  /** Another one when the room's storage was cleared, and its counters began anew. */
  readonly life: string;
  /**
   * What the directory knew of it at last, as far as the room can tell: should the directory have forgotten the room, this
   * much is among what it remembers of rooms that are gone. Undefined in a life that was never answered.
   */
  readonly before?: RoomStatistics | undefined;
  /** Of the app's rules that the room has. */
  readonly version: number;
  /** Who is here, where that has changed and the app lets its rooms reach each other (whereabouts.ts). */
  readonly peerIds?: Uint8Array | undefined;
  /** Its storage is about to be cleared: it is forgotten with this, and what it counted is not. */
  readonly isLast?: boolean | undefined;
}

/** What operators have set for all rooms of an app. A later version is a higher one; 0 where nothing was ever set. */
export interface AppRules {
  readonly version: number;
  readonly overrides: SettingOverrides;
  /** All that hold. */
  readonly bans: readonly AppBan[];
  /** Undefined where the app's own room was never divided otherwise than APP_SETTINGS says (docs/shards.md). */
  readonly sharding?: ShardHistory | undefined;
}

export const NO_RULES: AppRules = { version: 0, overrides: {}, bans: [] };

/** Undefined: the room has the rules that hold. */
export type ReportAnswer = AppRules | undefined;

export interface RoomSummary {
  /** null: the app's own room. */
  readonly room: string | null;
  readonly region: string | null;
  /** ms of the last report, as old as what it says. */
  readonly lastSeen: number;
  /** Peers and connections are 0 when it has not been heard of for PRESENCE_MS. */
  readonly statistics: RoomStatistics;
}

export interface AppSummary {
  readonly app: number;
  /** Rooms that have somebody in them, as far as is known. */
  readonly rooms: number;
  readonly peers: number;
  readonly activeConnections: number;
  readonly lastSeen: number;
}

export interface AppTotals {
  readonly app: number;
  readonly rooms: number;
  /** ms of the oldest report that is in the sums of what is now (peers, connections); null without rooms. */
  readonly oldest: number | null;
  /** Sums over all rooms; counters also of rooms that are gone, so they never fall. */
  readonly statistics: RoomStatistics;
}

/** The directory of one app. */
export interface AppDirectory {
  /** In order of name, the app's own room first. `after`: the name of the last one of the page before, "" for the app's own. */
  rooms(page: { after?: string | undefined; limit: number }): Promise<RoomSummary[]>;
  totals(): Promise<AppTotals>;
  /** What operators have set otherwise than APP_SETTINGS does, for all rooms of the app. */
  overrides(): Promise<SettingOverrides>;
  /** Replaces them all. Open rooms, and the parts of a divided one, follow within seconds, sleeping ones with the first report after they wake. */
  setOverrides(overrides: SettingOverrides): Promise<void>;
  /** Bans from all rooms of the app, in order of kind and subject. */
  bans(page: BanPage): Promise<Ban[]>;
  /** Rooms follow as they do with settings. Undefined: there are MAX_APP_BANS already. */
  ban(terms: Omit<Ban, "created">): Promise<Ban | undefined>;
  /** False when there was none that held. */
  unban(kind: BanKind, subject: string): Promise<boolean>;
  /** Rooms that are in the lobby list and meet the filter, in order of name. */
  lobby(query: LobbyQuery): Promise<ListedRoom[]>;
}

export interface RelayDirectory {
  /** The same as `apps`, without asking each of them how it is. */
  ids(page: { after: number; limit: number }): Promise<AppId[]>;
  /** In order of id, those above `after`. */
  apps(page: { after: number; limit: number }): Promise<AppSummary[]>;
  app(app: AppId): AppDirectory;
}
