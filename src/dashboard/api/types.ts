/** What the admin API answers: by its routes, as hono/client has them, and by the names that the relay gives it. */
import type { InferResponseType } from "hono/client";
import type { ConnectionStateName, ConnectionTypeName } from "../../protocol/index.ts";
import type { AuditEntry, Ban, BanKind, HistoryResolution, PeerView, WatchEvent } from "../../http/admin/types.ts";
import type { SettingName } from "../../relay/settings.ts";
import type { api } from "./session.ts";

export type {
  AuditEntry,
  Ban,
  BanKind,
  ConnectionStateName,
  ConnectionTypeName,
  HistoryResolution,
  PeerView,
  SettingName,
  WatchEvent,
};

type InApp = (typeof api.apps)[":app"];
export type Whoami = InferResponseType<typeof api.whoami.$get, 200>;
export type AppTotals = InferResponseType<InApp["totals"]["$get"], 200>;
export type RoomPage = InferResponseType<InApp["rooms"]["$get"], 200>;
export type RoomStatistics = InferResponseType<InApp["statistics"]["$get"], 200>;
export type ConnectionView = InferResponseType<InApp["connections"]["$get"], 200>["connections"][number];
export type ConnectionDetail = InferResponseType<InApp["connections"][":id"]["$get"], 200>;
export type ConnectionEnd = NonNullable<ConnectionDetail["ends"]>[number];
export type HistoryBucket = InferResponseType<InApp["history"]["$get"], 200>["buckets"][number];
export type Settings = InferResponseType<InApp["settings"]["$get"], 200>;
export type SettingOverrides = Settings["overrides"];

/** Where in the relay: an app's own room when there is no name. */
export interface RoomPlace {
  readonly app: number;
  readonly room: string | undefined;
}
