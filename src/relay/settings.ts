import { MAX_BATCH, MAX_PAYLOAD, parseAppId } from "../protocol/index.ts";

/** What a deployment may set per app. Times in ms, sizes in bytes. */
export interface AppSettings {
  /** A connection over which no data was relayed for this long is closed: 2 minutes suit fast games, 10 turn-based ones. */
  readonly idleTimeoutMs: number;
  /** How long a connect waits for its answer when the client names no time. */
  readonly connectTimeoutMs: number;
  /** Data payload of one frame. */
  readonly maxPayload: number;
  /** Connections that one peer may have at once. */
  readonly maxConnectionsPerPeer: number;
  /** How long a session without a socket waits for its client (R1); 0 for not at all. */
  readonly graceMs: number;
  /** What the relay holds for a peer that does not take it in (F2). */
  readonly maxQueuedBytes: number;
  /** WebSocket messages and their bytes that a peer may send (L1); 0 for no limit. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Payload that one end may send over one connection (L2); 0 for no limit. */
  readonly connectionBytesPerSecond: number;
}

interface Range {
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

const HOUR = 3_600_000;
const RANGES: Readonly<Record<keyof AppSettings, Range>> = {
  idleTimeoutMs: { value: 300_000, min: 1_000, max: 24 * HOUR },
  connectTimeoutMs: { value: 10_000, min: 100, max: HOUR },
  maxPayload: { value: MAX_PAYLOAD, min: 1, max: MAX_PAYLOAD },
  maxConnectionsPerPeer: { value: 1_024, min: 1, max: 65_536 },
  graceMs: { value: 30_000, min: 0, max: HOUR },
  maxQueuedBytes: { value: MAX_BATCH, min: 64 * 1024, max: 64 * MAX_BATCH },
  messagesPerSecond: { value: 1_000, min: 0, max: 1_000_000 },
  bytesPerSecond: { value: 16 * MAX_BATCH, min: 0, max: 0xffff_ffff },
  connectionBytesPerSecond: { value: 0, min: 0, max: 0xffff_ffff },
};

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
  /** Counters in memory reach the disk within this time, and the second that it ends in. */
  flushMs: 10_000,
  /** Stale connections and ghosts are looked for no more often than this. */
  cleanupMs: 10_000,
  /** What is due is acted on at whole multiples of this, no more often. */
  promptMs: 1_000,
} as const;

/** Connects that one session may send (rule C14): each may cost a row on disk, a log line and a frame to another peer. */
export const CONNECT_RATE = { burst: 256, perSecond: 64 } as const;

export const BATCH_LIMIT = MAX_BATCH;

export type ParsedSettings =
  | { readonly ok: true; settingsFor(app: number): AppSettings }
  | { readonly ok: false; readonly message: string };

/**
 * Reads `APP_SETTINGS`: a JSON object from app id, or "default", to some of AppSettings, e.g.
 * `{"default":{"idleTimeoutMs":300000},"730":{"idleTimeoutMs":120000}}`.
 */
export function parseSettings(text: string | undefined): ParsedSettings {
  let json: unknown;
  try {
    json = JSON.parse(text === undefined || text === "" ? "{}" : text);
  } catch {
    return refuse("is not JSON");
  }
  if (!isRecord(json)) return refuse("must be a JSON object from app id to settings");
  for (const [app, values] of Object.entries(json)) {
    const problem = checkApp(app, values);
    if (problem !== undefined) return refuse(problem);
  }
  const byApp = json as Record<string, Partial<AppSettings> | undefined>;
  return {
    ok: true,
    settingsFor: (app) => ({ ...DEFAULT_SETTINGS, ...byApp["default"], ...byApp[String(app)] }),
  };
}

function checkApp(app: string, values: unknown): string | undefined {
  if (app !== "default" && parseAppId(app) === undefined)
    return `has the key "${app.slice(0, 40)}", which is no app id`;
  if (!isRecord(values)) return `must hold an object for "${app}"`;
  for (const [name, value] of Object.entries(values)) {
    if (!Object.hasOwn(RANGES, name)) {
      return `has the unknown setting "${name.slice(0, 40)}" for "${app}" (known: ${Object.keys(RANGES).join(", ")})`;
    }
    const { min, max } = RANGES[name as keyof AppSettings];
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      return `sets ${name} of "${app}" to something else than an integer from ${min} to ${max}`;
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
