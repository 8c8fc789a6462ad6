/** What the admin API answers, as types: for who asks it with something else than hono/client. */
export type { AuditAction, AuditEntry } from "../../relay/audit.ts";
export type { ConnectionView } from "../../relay/connection-view.ts";
export type { AppSummary, AppTotals, RoomSummary } from "../../relay/directory/report.ts";
export type { HistoryBucket, HistoryResolution } from "../../relay/history/bucket.ts";
export type { Ban, BanKind } from "../../relay/limits/bans.ts";
export type { PeerView } from "../../relay/peer-view.ts";
export type { SettingOverrides } from "../../relay/settings.ts";
export type { RoomStatistics } from "../../relay/statistics.ts";
export type { WatchEvent } from "../../relay/watching/events.ts";
export type { AdminApp } from "./api.ts";
