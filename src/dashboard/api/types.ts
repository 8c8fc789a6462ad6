/** What the admin API answers, as docs/admin-api.md has it. */
import type { ConnectionStateName, ConnectionTypeName } from "../../protocol/index.ts";
import type { ConnectionView } from "../../relay/connection-view.ts";
import type { AppSummary, AppTotals, RoomSummary } from "../../relay/directory/report.ts";
import type { HistoryBucket, HistoryResolution } from "../../relay/history/bucket.ts";
import type { Ban, BanKind } from "../../relay/limits/bans.ts";
import type { SettingName, SettingOverrides } from "../../relay/settings.ts";
import type { RoomStatistics as Statistics } from "../../relay/statistics.ts";
import type { WatchEvent } from "../../relay/watching/events.ts";

export type {
  AppSummary,
  AppTotals,
  Ban,
  BanKind,
  ConnectionStateName,
  ConnectionTypeName,
  ConnectionView,
  HistoryBucket,
  HistoryResolution,
  RoomSummary,
  SettingName,
  SettingOverrides,
  WatchEvent,
};

/** What is counted by family, and what is billed. */
export interface RoomStatistics extends Statistics {
  readonly families?: Readonly<
    Record<ConnectionTypeName, { opened: number; active: number; packets: number; bytes: number }>
  >;
}

export interface Whoami {
  readonly name: string;
  readonly scope: "read" | "operate";
  /** null: all. */
  readonly apps: readonly number[] | null;
  readonly runtime: string;
  readonly version: string;
}

export interface PeerView {
  readonly peer: string;
  readonly state: "present" | "away";
  /** ms */
  readonly since: number;
  /** ms; null: not known here. */
  readonly lastHeard: number | null;
  readonly connections: number;
  readonly address: string | null;
  readonly rateClass: string | null;
  readonly queuedBytes: number;
  readonly stalled: boolean;
}

export interface Quality {
  readonly at: number;
  readonly pingMs: number;
  /** Fraction of packets delivered in time, 0 to 1; as this end sees it, and as the other does. */
  readonly local: number;
  readonly remote: number;
}

export interface ConnectionEnd {
  readonly peer: string;
  readonly presence: "present" | "away" | "gone";
  readonly lastHeard: number | null;
  readonly queuedBytes: number;
  readonly quality: Quality | null;
}

export interface ConnectionDetail extends ConnectionView {
  readonly states: readonly { readonly state: ConnectionStateName; readonly at: number }[];
  readonly ends: readonly ConnectionEnd[];
}

export interface AuditEntry {
  readonly id: number | string;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly detail: unknown;
}

export interface Settings {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly overrides: SettingOverrides;
}

/** Where in the relay: an app's own room when there is no name. */
export interface RoomPlace {
  readonly app: number;
  readonly room: string | undefined;
}
