/** What a room is made of, and what it begins with. */
import type { AppId } from "../protocol/index.ts";
import type { AlarmClock } from "./alarm-clock.ts";
import type { AuditLog } from "./audit.ts";
import { RoomCounters } from "./counters.ts";
import { Outbox } from "./flow/outbox.ts";
import { Groups } from "./groups/group.ts";
import { Hosting } from "./hosting/hosting.ts";
import { type BanStore, Bans } from "./limits/bans.ts";
import { outboxLimits } from "./live-settings.ts";
import { type ManagerEvents, P2PRelayManager } from "./manager.ts";
import type { Log, RoomStore, TrunkPort } from "./ports.ts";
import type { RoomState } from "./room-state.ts";
import { type Random, newMark, newSessionId, newToken } from "./sessions/secrets.ts";
import { type AppSettings, BATCH_LIMIT } from "./settings.ts";
import { handlesOf } from "./shards/names.ts";
import { Sharding } from "./shards/sharding.ts";
import { dial } from "./trunk/links.ts";
import { newCrossing } from "./trunk/trunk.ts";

export interface RoomOptions {
  readonly app: AppId;
  readonly settings: AppSettings;
  readonly store: RoomStore;
  readonly bans: BanStore;
  readonly audit: AuditLog;
  readonly log: Log;
  readonly random: Random;
  /** The room's name in its app, "" for the app's own, and the way to the others; without it there is none. */
  readonly crossing?: { readonly name: string; readonly port: TrunkPort } | undefined;
}

export function newRoomState(options: RoomOptions, clock: AlarmClock, events: ManagerEvents): RoomState {
  const { app, settings, store, log, random } = options;
  const { name = "", port } = options.crossing ?? {};
  const state: RoomState = {
    app,
    settings,
    manager: new P2PRelayManager({
      idleTimeoutMs: settings.idleTimeoutMs,
      log,
      events,
      handles: port && handlesOf(name),
    }),
    store,
    log,
    observers: [],
    bans: new Bans(options.bans),
    counters: new RoomCounters(),
    outbox: new Outbox({ maxBatch: BATCH_LIMIT, ...outboxLimits(settings), newMark: () => newMark(random) }),
    sessions: new Map(),
    present: 0,
    links: new Set(),
    stalling: new Set(),
    failed: [],
    missing: new Set(),
    groups: new Groups(),
    hosting: new Hosting(),
    newSessionId: () => newSessionId(random),
    newToken: () => newToken(random),
    sharding: new Sharding(name, port !== undefined, settings.shards),
    crossing: newCrossing(name, port),
    dial: (trunk) => dial(state, trunk),
    wake: (at) => clock.wake(at),
  };
  return state;
}
