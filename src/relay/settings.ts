import { JURISDICTIONS, type Jurisdiction, parseJurisdiction } from "./placement/location-hints.ts";
import { MAX_SHARDS } from "./shards/rendezvous.ts";
import { RATE_CLASS_RULE, MAX_BATCH, MAX_PAYLOAD, parseAppId, parseRateClass } from "../protocol/index.ts";

/** What one peer may do; an app's rate classes may set these otherwise. */
export interface PeerLimits {
  /** Connections that one peer may have at once. */
  readonly maxConnectionsPerPeer: number;
  /**
   * WebSocket messages and their bytes that a peer may send (L1); 0 for no limit. The burst is two seconds' worth, and
   * a message above twice that ends the session: leave bytesPerSecond above a quarter of the largest message.
   */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Payload that one end may send over one connection (L2); 0 for no limit. A payload above four seconds' worth ends it. */
  readonly connectionBytesPerSecond: number;
  /**
   * Connects that a session may send at once, and in the long run (C14): each may cost a row on disk, a log line and a
   * frame to another peer.
   */
  readonly connectBurst: number;
  readonly connectsPerSecond: number;
  /** What a peer's messages to groups may become: one to a group of 50 is 49 copies (G6); 0 for no limit. */
  readonly groupCopiesPerSecond: number;
}

/** What a deployment may set per app. Times in ms, sizes in bytes. */
export interface AppSettings extends PeerLimits {
  /** A connection over which no data was relayed for this long is closed: 2 minutes suit fast games, 10 turn-based ones. */
  readonly idleTimeoutMs: number;
  /** How long a connect waits for its answer when the client names no time. */
  readonly connectTimeoutMs: number;
  /** Data payload of one frame. */
  readonly maxPayload: number;
  /** Sockets that one room may have at once (L3). The platform's own limit is 32,768. */
  readonly maxPeers: number;
  /** Joins of one client address in a minute (L3); 0 for no limit. */
  readonly joinsPerMinute: number;
  /** Payload that one room may relay in a calendar month, UTC; beyond it nobody joins (L3). 0 for no limit. */
  readonly monthlyBytes: number;
  /** How long a session without a socket waits for its client (R1); 0 for not at all. */
  readonly graceMs: number;
  /** What the relay holds for a peer that does not take it in (F2). */
  readonly maxQueuedBytes: number;
  /** How long frames may wait in a loaded room to share a message with others to the same client; 0 for not at all. */
  readonly coalesceMs: number;
  /** How often a client may be hinted when to send (T5); 0 for never. */
  readonly paceIntervalMs: number;
  /** Groups that one peer may be in (G6); their names ride on its socket through an eviction. 0: the app has none. */
  readonly maxGroupsPerPeer: number;
  /** Peers that one group may have (G6). */
  readonly maxGroupMembers: number;
  /** How long an elected host may be away before another candidate takes its place (V4). */
  readonly hostAwayMs: number;
  /** How long a named room that nobody is in keeps what it has stored (retention.ts); 0 for ever. */
  readonly retentionMs: number;
  /** The same for the app's own room. */
  readonly ownRoomRetentionMs: number;
  /** Objects that share the directory of the app's rooms. On one's own machine it is one, whatever this says. */
  readonly directoryShards: number;
  /** Where Cloudflare keeps the app's objects; it is part of their ids, so another one means other, empty rooms. */
  readonly jurisdiction?: Jurisdiction;
  /** 1: peers of one room may connect to peers of another of the app's (docs/trunk.md); 0: they are strangers to each other. */
  readonly crossRooms: number;
  /** Among how many objects the peers of the app's own room are divided (docs/shards.md); 1: it is one room. */
  readonly shards: number;
  /** The app's rate classes, whole: what a class does not set is the app's own. A ticket names one (claim `class`). */
  readonly classes?: ReadonlyMap<string, PeerLimits>;
}

/** A setting that is a number. */
export type SettingName = Exclude<keyof AppSettings, "classes" | "jurisdiction">;

/** Settings of an app that an operator has changed while it runs; they come before APP_SETTINGS. */
export type SettingOverrides = Partial<Readonly<Record<SettingName, number>>>;

export interface Range {
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
/** With the default as `value`. */
export const RANGES: Readonly<Record<SettingName, Range>> = {
  idleTimeoutMs: { value: 300_000, min: 1_000, max: 24 * HOUR },
  connectTimeoutMs: { value: 10_000, min: 100, max: HOUR },
  maxPayload: { value: MAX_PAYLOAD, min: 1, max: MAX_PAYLOAD },
  maxConnectionsPerPeer: { value: 1_024, min: 1, max: 65_536 },
  graceMs: { value: 30_000, min: 0, max: HOUR },
  maxQueuedBytes: { value: MAX_BATCH, min: 64 * 1024, max: 64 * MAX_BATCH },
  messagesPerSecond: { value: 1_000, min: 0, max: 1_000_000 },
  bytesPerSecond: { value: 16 * MAX_BATCH, min: 0, max: 0xffff_ffff },
  connectionBytesPerSecond: { value: 0, min: 0, max: 0xffff_ffff },
  coalesceMs: { value: 5, min: 0, max: 50 },
  connectBurst: { value: 256, min: 1, max: 65_536 },
  connectsPerSecond: { value: 64, min: 1, max: 65_536 },
  maxPeers: { value: 16_384, min: 1, max: 32_768 },
  joinsPerMinute: { value: 120, min: 0, max: 1_000_000 },
  monthlyBytes: { value: 0, min: 0, max: Number.MAX_SAFE_INTEGER },
  paceIntervalMs: { value: 2_000, min: 0, max: HOUR },
  groupCopiesPerSecond: { value: 10_000, min: 0, max: 10_000_000 },
  maxGroupsPerPeer: { value: 16, min: 0, max: 32 },
  maxGroupMembers: { value: 256, min: 1, max: 16_384 },
  hostAwayMs: { value: 5_000, min: 0, max: HOUR },
  retentionMs: { value: 24 * HOUR, min: 0, max: YEAR },
  ownRoomRetentionMs: { value: 0, min: 0, max: YEAR },
  directoryShards: { value: 1, min: 1, max: 64 },
  crossRooms: { value: 0, min: 0, max: 1 },
  shards: { value: 1, min: 1, max: MAX_SHARDS },
};

/** What a class may set. */
const CLASS_SETTINGS = [
  "maxConnectionsPerPeer",
  "messagesPerSecond",
  "bytesPerSecond",
  "connectionBytesPerSecond",
  "connectBurst",
  "connectsPerSecond",
  "groupCopiesPerSecond",
] as const satisfies readonly (keyof PeerLimits)[];

export const DEFAULT_SETTINGS = Object.fromEntries(
  Object.entries(RANGES).map(([name, { value }]) => [name, value]),
) as unknown as AppSettings;

/** What is the same for every app. */
export const TIMES = {
  /** A client that sent nothing for this long sends a keep-alive. */
  heartbeatMs: 15_000,
  /**
   * A socket from which nothing came for this long is dead: two heartbeats and a little. With the pace of the cleanup and
   * the whole seconds at which alarms ring, it is found within 45 s of the last word.
   */
  ghostMs: 34_000,
  /** How long a client may go without a credit while frames wait for it (F4). */
  stallMs: 20_000,
  helloMs: 10_000,
  /** How long a graceful close waits for the other end. */
  disconnectMs: 5_000,
  /** Counters of a busy room reach the disk within this time. */
  flushMs: 10_000,
  /** Those of a room that has fallen silent, after the first change: with the look for ghosts, rarely later. */
  quietFlushMs: 40_000,
  /** Stale connections and ghosts are looked for no more often than this. */
  cleanupMs: 10_000,
  /** What is due is acted on at whole multiples of this, no more often. */
  promptMs: 1_000,
} as const;

export const BATCH_LIMIT = MAX_BATCH;

/**
 * Sockets of one peer that are not gone (L5). Only one of them can be its session's, but the platform keeps the others
 * until their other end answers the close, which a hostile client never does. So many, because a client whose network has
 * gone away under it leaves one behind with each reconnect, until TCP gives up on it.
 */
export const MAX_SOCKETS_PER_PEER = 32;

export type ParsedSettings =
  | { readonly ok: true; readonly settingsFor: SettingsFor }
  | { readonly ok: false; readonly message: string };

/** What holds for an app: what the deployment sets, and before it what operators have set since. */
export type SettingsFor = (app: number, overrides?: SettingOverrides) => AppSettings;

export type CheckedOverrides =
  | { readonly ok: true; readonly overrides: SettingOverrides }
  | { readonly ok: false; readonly message: string };

/**
 * Reads `APP_SETTINGS`: a JSON object from app id, or "default", to some of AppSettings, e.g.
 * `{"default":{"idleTimeoutMs":300000},"730":{"idleTimeoutMs":120000,"classes":{"server":{"messagesPerSecond":5000}}}}`.
 * An empty one counts as absent, and so does null: what `workerd serve` has for a variable that is not set.
 */
export function parseSettings(text: string | null | undefined): ParsedSettings {
  let json: unknown;
  try {
    json = JSON.parse(text || "{}");
  } catch {
    return refuse("is not JSON");
  }
  if (!isRecord(json)) return refuse("must be a JSON object from app id to settings");
  for (const [app, values] of Object.entries(json)) {
    const problem = checkApp(app, values);
    if (problem !== undefined) return refuse(problem);
  }
  const byApp = json as Record<string, AppValues | undefined>;
  return {
    ok: true,
    settingsFor: (app, overrides) => mergeSettings(byApp["default"], byApp[String(app)], overrides),
  };
}

/** Both are asked for before a room or a directory is known: there the deployment alone is heard. */
const FIXED: readonly SettingName[] = ["joinsPerMinute", "directoryShards"];
/** What operators may set while the relay runs. */
export const LIVE_SETTINGS = (Object.keys(RANGES) as SettingName[]).filter((name) => !FIXED.includes(name));

/** Whether these may be set live: what an operator sends. */
export function checkOverrides(values: unknown): CheckedOverrides {
  if (!isRecord(values)) return { ok: false, message: "settings must be a JSON object from setting to number" };
  const fixed = FIXED.find((name) => Object.hasOwn(values, name));
  if (fixed) return { ok: false, message: `${fixed} can only be set in APP_SETTINGS: it holds before a room is known` };
  const problem = checkValues(values, LIVE_SETTINGS, "the app");
  return problem === undefined ? { ok: true, overrides: { ...values } } : { ok: false, message: `this ${problem}` };
}

type ClassValues = Readonly<Record<string, Partial<PeerLimits>>>;
type AppValues = Partial<Record<SettingName, number>> & {
  readonly jurisdiction?: Jurisdiction;
  readonly classes?: ClassValues;
};

/** An app's class replaces the one of the same name in `default`, whole. */
function mergeSettings(
  { classes: common, ...shared }: AppValues = {},
  values: AppValues = {},
  overrides: SettingOverrides = {},
): AppSettings {
  const { classes: own, ...numbers } = values;
  const settings: AppSettings = { ...DEFAULT_SETTINGS, ...shared, ...numbers, ...overrides };
  const byName = new Map([...Object.entries(common ?? {}), ...Object.entries(own ?? {})]);
  if (byName.size === 0) return settings;
  const classes = new Map([...byName].map(([name, limits]) => [name, { ...peerLimits(settings), ...limits }]));
  return { ...settings, classes };
}

function peerLimits(settings: AppSettings): PeerLimits {
  return Object.fromEntries(CLASS_SETTINGS.map((name) => [name, settings[name]])) as unknown as PeerLimits;
}

/** The limits of a ticket's class; the app's own where it names none, or one that a later deployment took away. */
export function limitsFor(settings: AppSettings, rateClass: string | undefined): PeerLimits {
  return (rateClass === undefined ? undefined : settings.classes?.get(rateClass)) ?? settings;
}

function checkApp(app: string, values: unknown): string | undefined {
  if (app !== "default" && parseAppId(app) === undefined)
    return `has the key "${app.slice(0, 40)}", which is no app id`;
  if (!isRecord(values)) return `must hold an object for "${app}"`;
  const { classes, jurisdiction, ...numbers } = values;
  if (jurisdiction !== undefined && parseJurisdiction(jurisdiction) === undefined) {
    return `sets jurisdiction of "${app}" to none of ${Object.keys(JURISDICTIONS).join(", ")}`;
  }
  const problem = checkValues(numbers, Object.keys(RANGES), `"${app}"`);
  if (problem !== undefined || !Object.hasOwn(values, "classes")) return problem;
  if (!isRecord(classes)) return `must hold an object for classes of "${app}", from class to limits`;
  for (const [name, limits] of Object.entries(classes)) {
    if (parseRateClass(name) === undefined) {
      return `has the class "${name.slice(0, 40)}" for "${app}", whose name must be ${RATE_CLASS_RULE}`;
    }
    if (!isRecord(limits)) return `must hold an object for class "${name}" of "${app}"`;
    const wrong = checkValues(limits, CLASS_SETTINGS, `class "${name}" of "${app}"`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function checkValues(values: Record<string, unknown>, known: readonly string[], place: string): string | undefined {
  for (const [name, value] of Object.entries(values)) {
    if (!known.includes(name)) {
      return `has the unknown setting "${name.slice(0, 40)}" for ${place} (known: ${known.join(", ")})`;
    }
    const { min, max } = RANGES[name as SettingName];
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      return `sets ${name} of ${place} to something else than an integer from ${min} to ${max}`;
    }
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(problem: string): ParsedSettings {
  return { ok: false, message: `APP_SETTINGS ${problem}` };
}
