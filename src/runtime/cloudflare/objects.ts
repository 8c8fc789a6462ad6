/** Where the relay's objects are: the one place that makes ids, so that all who ask for a room ask for the same one. */
import type { RoomAddress } from "../../http/gateway.ts";
import type { AppId } from "../../protocol/index.ts";
import { HEAD, shardOf } from "../../relay/directory/shards.ts";
import type { Jurisdiction, LocationHint } from "../../relay/placement/location-hints.ts";
import { type SettingsFor, parseSettings } from "../../relay/settings.ts";
import { log } from "../log.ts";
import { directoryName, roomName } from "../room-address.ts";
import type { RelayEnv } from "./env.ts";
import type { RelayDirectory } from "./relay-directory.ts";
import type { RelayRoom } from "./relay-room.ts";
import { ShardRoutes } from "./shard-routing.ts";

/** The object that knows which apps there are: all of them, so it is in no jurisdiction. It holds ids of apps alone. */
const INDEX_NAME = "apps";

type Bindings = Pick<RelayEnv, "RELAY_ROOMS" | "RELAY_DIRECTORY" | "APP_SETTINGS">;

export class RelayObjects {
  readonly #env: Bindings;
  readonly shardRoutes = new ShardRoutes((app) => this.#settings(app).shards);
  /** Of APP_SETTINGS as it was read last. */
  #read: { readonly text: string | undefined; readonly settingsFor: SettingsFor } | undefined;

  constructor(env: Bindings) {
    this.#env = env;
  }

  /** `hint`: heard by the platform only when this creates the object; one that there is stays where it is, for good. */
  room(address: RoomAddress, hint?: LocationHint): DurableObjectStub<RelayRoom> {
    const namespace = within(this.#env.RELAY_ROOMS, this.jurisdictionOf(address.app), address.app);
    return namespace.getByName(roomName(address), hint && { locationHint: hint });
  }

  directory(app: AppId, shard = HEAD): DurableObjectStub<RelayDirectory> {
    const namespace = within(this.#env.RELAY_DIRECTORY, this.jurisdictionOf(app), app);
    return namespace.getByName(directoryName(app, shard));
  }

  /** The directory that a room reports to. */
  directoryOf({ app, room }: RoomAddress): DurableObjectStub<RelayDirectory> {
    return this.directory(app, shardOf(room ?? "", this.shardsOf(app)));
  }

  get index(): DurableObjectStub<RelayDirectory> {
    return this.#env.RELAY_DIRECTORY.getByName(INDEX_NAME);
  }

  jurisdictionOf(app: AppId): Jurisdiction | undefined {
    return this.#settings(app).jurisdiction;
  }

  shardsOf(app: AppId): number {
    return this.#settings(app).directoryShards;
  }

  /** Of the app's own room, as APP_SETTINGS divides it. */
  partsOf(app: AppId): number {
    return this.#settings(app).shards;
  }

  #settings: SettingsFor = (app) => {
    const { APP_SETTINGS: text } = this.#env;
    if (!this.#read || this.#read.text !== text) {
      const settings = parseSettings(text);
      // Without them nobody knows which object is meant: one in another jurisdiction would be another room.
      if (!settings.ok) throw new Error(settings.message);
      this.#read = { text, settingsFor: settings.settingsFor };
    }
    return this.#read.settingsFor(app);
  };
}

const objects = new WeakMap<Bindings, RelayObjects>();

/** One for each environment, of which an isolate has one: its settings are parsed once. */
export function objectsOf(env: Bindings): RelayObjects {
  let known = objects.get(env);
  if (!known) objects.set(env, (known = new RelayObjects(env)));
  return known;
}

/** What workerd says that is not Cloudflare's own. */
const NOT_ON_CLOUDFLARE = "not implemented in workerd";
const warned = new Set<AppId>();

/** A workerd of one's own is where it is: it has no jurisdictions, and says so once per app. */
function within<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  jurisdiction: Jurisdiction | undefined,
  app: AppId,
): DurableObjectNamespace<T> {
  if (!jurisdiction) return namespace;
  try {
    return namespace.jurisdiction(jurisdiction);
  } catch (error) {
    if (!String(error).includes(NOT_ON_CLOUDFLARE)) throw error;
    if (!warned.has(app)) log({ level: "warn", event: "jurisdiction_ignored", app });
    warned.add(app);
    return namespace;
  }
}
