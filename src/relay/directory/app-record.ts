/** What is known of an app as a whole, and how operators' rules for all its rooms change. */
import { type AppBan, type Ban, type BanKind, type BanPage, holds, placeOf } from "../limits/bans.ts";
import type { SettingOverrides } from "../settings.ts";
import type { ShardHistory } from "../shards/sharding.ts";
import type { RoomStatistics } from "../statistics.ts";
import { NOTHING } from "./figures.ts";
import type { AppRules } from "./report.ts";

/** Each is told to all rooms, and kept in each. */
export const MAX_APP_BANS = 1_000;

export interface AppRecord {
  /** Of overrides and bans together. */
  readonly version: number;
  readonly overrides: SettingOverrides;
  /** Of the shards of the app's own room, once operators have changed their number. */
  readonly sharding?: ShardHistory | undefined;
  /** With who made them why; some may hold no longer. */
  readonly bans: readonly Ban[];
  /** Among how many objects the app's rooms were ever divided: each number once, the one that holds last (shards.ts). */
  readonly divisions: readonly number[];
  /** What rooms that are gone had counted; of its month's bytes those of the month of `goneAt`. */
  readonly gone: RoomStatistics;
  readonly goneAt: number;
  /** ms of the last look for rooms to forget. */
  readonly swept: number;
}

export function newRecord(now: number): AppRecord {
  return { version: 0, overrides: {}, bans: [], divisions: [1], gone: NOTHING, goneAt: now, swept: now };
}

/** What rooms are told. */
export function rulesOf({ version, overrides, bans, sharding }: AppRecord, now: number): AppRules {
  const held = bans.filter((ban) => holds(ban, now)).map(withoutReason);
  return { version, overrides, bans: held, ...(sharding && { sharding }) };
}

/** `shards`: what APP_SETTINGS says of them. */
export function withOverrides(record: AppRecord, overrides: SettingOverrides, shards: number, now: number): AppRecord {
  const before = record.overrides.shards ?? shards;
  const after = overrides.shards ?? shards;
  const most = Math.max(record.sharding?.most ?? 1, before, after);
  const sharding = before === after ? record.sharding : { most, changedAt: now };
  return { ...record, overrides, sharding, version: record.version + 1 };
}

/** Undefined when there are as many bans as there may be. */
export function withBan(record: AppRecord, ban: Ban, now: number): AppRecord | undefined {
  const bans = others(record, ban, now);
  return bans.length >= MAX_APP_BANS ? undefined : { ...record, bans: [...bans, ban], version: record.version + 1 };
}

/** Undefined when there was none that held. */
export function withoutBan(record: AppRecord, kind: BanKind, subject: string, now: number): AppRecord | undefined {
  const isKnown = record.bans.some((ban) => ban.kind === kind && ban.subject === subject && holds(ban, now));
  return isKnown ? { ...record, bans: others(record, { kind, subject }, now), version: record.version + 1 } : undefined;
}

/** What another of the app's objects has been told by the first of them. */
export function withRules(record: AppRecord, { version, overrides, bans, sharding }: AppRules, now: number): AppRecord {
  return { ...record, version, overrides, sharding, bans: bans.map((ban) => ({ ...ban, created: now, reason: "" })) };
}

/** Those that hold, in order of kind and subject. */
export function bansOf({ bans }: AppRecord, { after, limit }: BanPage, now: number): Ban[] {
  const found = bans.filter((ban) => holds(ban, now) && isBehind(ban, after));
  return found.toSorted((a, b) => (isBehind(a, b) ? 1 : -1)).slice(0, limit);
}

function others({ bans }: AppRecord, { kind, subject }: Pick<Ban, "kind" | "subject">, now: number): Ban[] {
  const place = placeOf(kind, subject);
  return bans.filter((ban) => holds(ban, now) && placeOf(ban.kind, ban.subject) !== place);
}

function withoutReason({ kind, subject, until }: Ban): AppBan {
  return { kind, subject, until };
}

function isBehind(ban: Ban, place: BanPage["after"]): boolean {
  return ban.kind === place.kind ? ban.subject > place.subject : ban.kind > place.kind;
}
