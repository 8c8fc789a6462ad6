/**
 * The relay that ships, metered: `/test/meters` tells what Cloudflare would bill of each object so far. For measuring
 * only; nothing of it is deployed. All objects live in one isolate, as long as the process does: so do their meters.
 */
import type { RelayEnv } from "../../../src/runtime/cloudflare/env.ts";
import { RelayDirectory as ShippedDirectory } from "../../../src/runtime/cloudflare/relay-directory.ts";
import { RelayRoom as ShippedRoom } from "../../../src/runtime/cloudflare/relay-room.ts";
import relay from "../../../src/runtime/cloudflare/worker.ts";
import { Meter, type MeterReading } from "./meter.ts";
import { meterTimers, whileServing } from "./timers.ts";

/** An operator's or a test's, not a game's. */
const UNBILLED = new Set(["operate", "refusal", "rooms", "totals", "summary", "overrides", "setOverrides"]);
/** Sockets that close cost time, and no request. */
const NO_CALL = new Set(["webSocketClose", "webSocketError"]);

/** By name. A directory is named as its app's own room is: so only named rooms are measured. */
const meters = new Map<string, Meter>();
const metersOfStorage = new WeakMap<object, Meter>();
let areDoorsMetered = false;

type Method = (this: { readonly ctx: DurableObjectState }, ...args: unknown[]) => unknown;

/** Wraps every event handler and every method that other objects call. */
function meterEvents(prototype: object): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const { value } = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
    if (name === "constructor" || typeof value !== "function" || UNBILLED.has(name)) continue;
    const original = value as Method;
    const metered: Method = function (...args) {
      const meter = meterOf(this.ctx);
      if (name === "webSocketMessage") meter.messages++;
      else if (!NO_CALL.has(name)) meter.calls++;
      return whileServing(meter, () => original.apply(this, args));
    };
    Object.defineProperty(prototype, name, { value: metered, configurable: true, writable: true });
  }
}

function meterOf({ id }: DurableObjectState): Meter {
  const name = id.name ?? String(id);
  const known = meters.get(name) ?? new Meter();
  meters.set(name, known);
  return known;
}

/** Before the object's constructor runs, which migrates its tables. */
function meterStorage(ctx: DurableObjectState): void {
  const { storage } = ctx;
  const meter = meterOf(ctx);
  meter.storedBytes = () => storage.sql.databaseSize;
  metersOfStorage.set(storage, meter);
  metersOfStorage.set(storage.sql, meter);
  if (!areDoorsMetered) meterDoors(storage);
  areDoorsMetered = true;
}

/** The prototypes are the platform's, and the same for all objects. */
function meterDoors(storage: DurableObjectStorage): void {
  const sql = Object.getPrototypeOf(storage.sql) as SqlStorage;
  const { exec } = sql;
  sql.exec = function (this: SqlStorage, ...args: Parameters<SqlStorage["exec"]>) {
    const cursor = exec.apply(this, args);
    metersOfStorage.get(this)?.executed(cursor);
    return cursor;
  } as SqlStorage["exec"];
  const doors = Object.getPrototypeOf(storage) as DurableObjectStorage;
  for (const name of ["setAlarm", "deleteAlarm"] as const) {
    const original = doors[name] as (...args: unknown[]) => Promise<void>;
    doors[name] = function (this: DurableObjectStorage, ...args: unknown[]) {
      const meter = metersOfStorage.get(this);
      if (meter) meter.alarmsSet++;
      return original.apply(this, args);
    };
  }
}

meterTimers();
meterEvents(ShippedRoom.prototype);
meterEvents(ShippedDirectory.prototype);

export class RelayRoom extends ShippedRoom {
  constructor(ctx: DurableObjectState, env: RelayEnv) {
    meterStorage(ctx);
    super(ctx, env);
  }

  /** Only the object itself may look at its cursors and its database. */
  meter(): MeterReading {
    return meterOf(this.ctx).read(Date.now());
  }
}

export class RelayDirectory extends ShippedDirectory {
  constructor(ctx: DurableObjectState, env: RelayEnv) {
    meterStorage(ctx);
    super(ctx, env);
  }

  meter(): MeterReading {
    return meterOf(this.ctx).read(Date.now());
  }
}

/** Of the rooms and directories that are named in the question. */
async function readMeters(url: URL, env: RelayEnv): Promise<Response> {
  const rooms = env.RELAY_ROOMS as unknown as DurableObjectNamespace<RelayRoom>;
  const directories = env.RELAY_DIRECTORY as unknown as DurableObjectNamespace<RelayDirectory>;
  const of = (kind: string): string[] => url.searchParams.getAll(kind);
  const readings = await Promise.all([
    ...of("room").map(async (name) => [name, await rooms.getByName(name).meter()] as const),
    ...of("directory").map(async (name) => [name, await directories.getByName(name).meter()] as const),
  ]);
  return Response.json(Object.fromEntries(readings));
}

export default {
  fetch(request, env, ctx) {
    const url = new URL(request.url);
    return url.pathname === "/test/meters" ? readMeters(url, env) : relay.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<RelayEnv>;
