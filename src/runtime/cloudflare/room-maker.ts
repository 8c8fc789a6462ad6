import type { RoomAddress } from "../../http/gateway.ts";
import { Following } from "../../relay/directory/following.ts";
import type { TrunkPort } from "../../relay/ports.ts";
import { Room, type RoomOptions } from "../../relay/room.ts";
import { type SettingsFor, parseSettings } from "../../relay/settings.ts";
import type { RoomStatistics } from "../../relay/statistics.ts";
import { SqlAuditLog } from "../../storage/sql-audit.ts";
import { SqlBanStore } from "../../storage/sql-bans.ts";
import { SqlFollowingStore } from "../../storage/sql-following.ts";
import { SqlRoomStore } from "../../storage/sql-room-store.ts";
import { log } from "../log.ts";
import { type DataPoints, MeasuredRoomStore, RoomAnalytics } from "./analytics.ts";
import type { DurableSql } from "./durable-sql.ts";

export interface RoomMakerOptions {
  readonly sql: DurableSql;
  readonly address: RoomAddress;
  /** As in logs. */
  readonly name: string | undefined;
  /** APP_SETTINGS. */
  readonly settings: string | null | undefined;
  readonly trunks: TrunkPort;
  /** Asked when a room is made. */
  readonly analytics: () => DataPoints | null | undefined;
  /** Of the room as it is served; undefined while it is restored. */
  readonly statistics: () => RoomStatistics | undefined;
}

/** Makes the rules of an object's room over its tables, anew for each attempt to restore it. */
export class RoomMaker {
  readonly store: SqlFollowingStore;
  readonly #options: RoomMakerOptions;
  readonly #roomOptions: Omit<RoomOptions, "settings" | "store">;
  readonly #settingsFor: SettingsFor;

  /** Throws where APP_SETTINGS cannot be read. */
  constructor(options: RoomMakerOptions) {
    const { sql, address, name, trunks } = options;
    const settings = parseSettings(options.settings);
    if (!settings.ok) throw new Error(settings.message);
    this.#options = options;
    this.#settingsFor = settings.settingsFor;
    this.store = new SqlFollowingStore(sql);
    this.#roomOptions = {
      app: address.app,
      bans: new SqlBanStore(sql),
      audit: new SqlAuditLog(sql),
      log: (entry) => log({ ...entry, room: name }),
      random: (size) => crypto.getRandomValues(new Uint8Array(size)),
      crossing: { name: address.room ?? "", port: trunks },
    };
  }

  newFollowing(): Following {
    const { app } = this.#options.address;
    return new Following(this.store, (overrides) => this.#settingsFor(app, overrides));
  }

  newRoom(following: Following): Room {
    return new Room({ ...this.#roomOptions, settings: following.settings, store: this.#newStore(following) });
  }

  #newStore(following: Following): SqlRoomStore {
    const { sql, address, analytics, statistics } = this.#options;
    const points = analytics();
    if (!points) return new SqlRoomStore(sql);
    const { app, room = "" } = address;
    const measured = new RoomAnalytics(points, { app, room, region: () => following.region ?? "" });
    return new MeasuredRoomStore(sql, measured, statistics);
  }
}
