/** What is known of an app's rooms without asking them: each says how it is at times, and never per packet. */
import type { AppId, RoomName } from "../../protocol/index.ts";
import type { SettingOverrides } from "../settings.ts";
import type { RoomStatistics } from "../statistics.ts";

/**
 * What a room says of itself. Its counters are those of its whole life, so a report takes the place of the one before,
 * and one that comes twice counts once.
 */
export interface RoomReport {
  /** Undefined for the app's own. */
  readonly room: RoomName | undefined;
  /** ms */
  readonly at: number;
  /** Where it runs, as far as the platform tells. */
  readonly region?: string | undefined;
  readonly statistics: RoomStatistics;
  /** Another one when the room's storage was cleared, and its counters began anew. */
  readonly life: string;
  /**
   * What the directory knew of it at last, as far as the room can tell: should the directory have forgotten the room, this
   * much is among what it remembers of rooms that are gone. Undefined in a life that was never answered.
   */
  readonly before?: RoomStatistics | undefined;
  /** Of the overrides that the room has. */
  readonly version: number;
  /** Who is here, where that has changed and the app lets its rooms reach each other (whereabouts.ts). */
  readonly peerIds?: Uint8Array | undefined;
}

/** Operators' settings for an app. A later version is a higher one; 0 where none were ever set. */
export interface VersionedOverrides {
  readonly version: number;
  readonly overrides: SettingOverrides;
}

/** Undefined: the room has the overrides that hold. */
export type ReportAnswer = VersionedOverrides | undefined;

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
  /** Replaces them all. Open rooms follow within seconds, sleeping ones with the first report after they wake. */
  setOverrides(overrides: SettingOverrides): Promise<void>;
}

export interface RelayDirectory {
  /** The same as `apps`, without asking each of them how it is. */
  ids(page: { after: number; limit: number }): Promise<AppId[]>;
  /** In order of id, those above `after`. */
  apps(page: { after: number; limit: number }): Promise<AppSummary[]>;
  app(app: AppId): AppDirectory;
}
