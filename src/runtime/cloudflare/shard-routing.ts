/**
 * Which object serves a peer of an app's own room. The worker follows APP_SETTINGS until a room tells it otherwise, and asks
 * nobody: who comes to the wrong part is sent on by it, with what it knows (rule SH2). So an app that is not divided pays nothing.
 */
import type { RoomAddress } from "../../http/gateway.ts";
import type { AppId, PeerId } from "../../protocol/index.ts";
import type { Following } from "../../relay/directory/following.ts";
import type { Room } from "../../relay/room.ts";
import { OWN_ROOM, homeOf } from "../../relay/shards/names.ts";
import type { ShardPlan } from "../../relay/shards/sharding.ts";
import { roomIn } from "../room-address.ts";

/** Worker → object and back, inside Cloudflare only: the worker overwrites, or removes, what a client sent under this name. */
const HEADER = "edge-relay-shards";
const MISDIRECTED = 421;
/** Each part that sends a peer on knows more than the worker did, so more are not needed. */
export const MAX_HOPS = 4;
/** Apps that an isolate remembers. */
const MAX_APPS = 1_000;

/** To a part, to which APP_SETTINGS alone (version 0) are no news. */
export function writePlan(headers: Headers, plan: ShardPlan): void {
  if (plan.version === 0) headers.delete(HEADER);
  else headers.set(HEADER, planText(plan));
}

function planText({ version, shards, most, changedAt }: ShardPlan): string {
  return [version, shards, most, changedAt].join(" ");
}

function readPlan(headers: Headers): ShardPlan | undefined {
  const [version, shards, most, changedAt, ...others] = (headers.get(HEADER) ?? "").split(" ").map(Number);
  const isWhole = shards !== undefined && most !== undefined && changedAt !== undefined && others.length === 0;
  return isWhole && version !== undefined ? { version, shards, most, changedAt } : undefined;
}

/** What an isolate knows of the apps that it has served. */
export class ShardRoutes {
  readonly #plans = new Map<AppId, ShardPlan>();
  readonly #shardsOf: (app: AppId) => number;

  /** `shardsOf`: what APP_SETTINGS says. */
  constructor(shardsOf: (app: AppId) => number) {
    this.#shardsOf = shardsOf;
  }

  planOf(app: AppId): ShardPlan {
    const shards = this.#shardsOf(app);
    return this.#plans.get(app) ?? { version: 0, shards, most: shards, changedAt: 0 };
  }

  /** Where the peer belongs, as far as is known. A named room is where it is. */
  route({ app, room }: RoomAddress, peer: PeerId): RoomAddress {
    return room === undefined ? { app, room: roomIn(homeOf(peer, this.planOf(app).shards)) } : { app, room };
  }

  /** False for any other answer than that of a part to which the peer does not belong. */
  isSentOn(app: AppId, { status, headers }: Response): boolean {
    const plan = status === MISDIRECTED ? readPlan(headers) : undefined;
    if (!plan) return false;
    this.#plans.delete(app);
    this.#plans.set(app, plan);
    const [oldest] = this.#plans.keys();
    if (this.#plans.size > MAX_APPS && oldest !== undefined) this.#plans.delete(oldest);
    return true;
  }
}

/** A room's side of it. */
export class ShardDoor {
  readonly #name: string;
  /** Told by a worker, and newer than what the room has heard. */
  #told: ShardPlan | undefined;

  constructor({ room }: RoomAddress) {
    this.#name = room ?? OWN_ROOM;
  }

  /** The answer to a peer that belongs to another part. `isNews`: the worker knows more than this room. */
  check(
    headers: Headers,
    peer: PeerId,
    room: Room,
    following: Following,
  ): { readonly answer?: Response; readonly isNews: boolean } {
    if (room.homeOf(peer) === undefined) return { isNews: false };
    const heard = following.plan;
    const own = this.#told && this.#told.version > heard.version ? this.#told : heard;
    const told = readPlan(headers);
    if (told && told.version > own.version) {
      this.#told = told;
      room.followShards(told, told.shards);
      return { isNews: true };
    }
    if (room.homeOf(peer) === this.#name) return { isNews: false };
    const answer = new Response(null, { status: MISDIRECTED, headers: { [HEADER]: planText(own) } });
    return { answer, isNews: false };
  }
}
