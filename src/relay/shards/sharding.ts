/** What a room knows of the division of the app's own room, and of peers that are on their way from one part of it to another. */
import type { PeerId } from "../../protocol/index.ts";
import type { RoomState } from "../room-state.ts";
import type { Claim } from "./claiming.ts";
import { everyHomeOf, homeOf, isPart } from "./names.ts";

/** As the app's directory tells it with operators' settings. */
export interface ShardHistory {
  /** The most that there ever were. */
  readonly most: number;
  /** ms of the last change. */
  readonly changedAt: number;
}

/** What is known where a peer is sent to its shard; of two the one of the higher version is right. */
export interface ShardPlan extends ShardHistory {
  /** Of operators' settings. */
  readonly version: number;
  readonly shards: number;
}

export const NEVER_DIVIDED: ShardHistory = { most: 1, changedAt: -Infinity };

/** Longer than any room takes to hear of a change. Later nobody asks for sessions of other shards: it would cost each join. */
const LATELY_MS = 10 * 60_000;

export interface HandedOn {
  /** Whose end it is: both may have been here. */
  readonly peer: PeerId;
  readonly room: string;
  /** How often its end has moved. */
  readonly moves: number;
}

const MAX_HANDED_ON = 65_536;

export class Sharding {
  /** Of this room. */
  readonly name: string;
  /** It is the app's own room or a shard of it, and can reach the others. */
  readonly isPart: boolean;
  history = NEVER_DIVIDED;
  shards: number;
  /** By their handles: halves that other parts have now, in case who has the other halves has not heard. */
  readonly #handedOn = new Map<number, readonly HandedOn[]>();
  /** Sessions that this room has asked others for. */
  readonly claims = new Map<PeerId, Claim>();
  /** Peers may be here that belong elsewhere: to be looked at when the turn ends. */
  isUnsettled: boolean;
  /** Sockets without a session were here at the last look. */
  hasGuests = false;

  constructor(name: string, canReach: boolean, shards: number) {
    this.name = name;
    this.isPart = canReach && isPart(name);
    this.shards = shards;
    this.isUnsettled = this.isPart && homeName(shards) !== name;
  }

  /** The part that a peer belongs to; undefined where this room is no part of anything. */
  homeOf(peer: PeerId): string | undefined {
    return this.isPart ? homeOf(peer, this.shards) : undefined;
  }

  /** The other room's peers are of the same divided room: they reach each other whatever `crossRooms` says. */
  isSibling(room: string): boolean {
    return this.isPart && room !== this.name && isPart(room);
  }

  /** Other parts that may have this peer's session still; none where nothing has changed for long. */
  formerHomesOf(peer: PeerId, now: number): string[] {
    const { most, changedAt } = this.history;
    if (!this.isPart || now - changedAt >= LATELY_MS) return [];
    return everyHomeOf(peer, Math.max(most, this.shards)).filter((name) => name !== this.name);
  }

  handOn(handle: number, to: HandedOn): void {
    const others = this.#handedOn.get(handle)?.filter(({ peer }) => peer !== to.peer) ?? [];
    this.#handedOn.delete(handle);
    this.#handedOn.set(handle, [...others, to]);
    const [oldest] = this.#handedOn.keys();
    if (this.#handedOn.size > MAX_HANDED_ON && oldest !== undefined) this.#handedOn.delete(oldest);
  }

  /** The half is here again. */
  takeBack(handle: number, peer: PeerId): void {
    const others = this.#handedOn.get(handle)?.filter((to) => to.peer !== peer) ?? [];
    if (others.length === 0) this.#handedOn.delete(handle);
    else this.#handedOn.set(handle, others);
  }

  /** Where the other half of one that is in `room` has gone from here. */
  whereIs(handle: number, room: string): HandedOn | undefined {
    return this.#handedOn.get(handle)?.find((to) => to.room !== room);
  }

  /** What holds from now on. */
  set(shards: number): void {
    if (this.shards === shards) return;
    this.shards = shards;
    this.isUnsettled = this.isPart;
  }
}

function homeName(shards: number): string | undefined {
  return shards === 1 ? "" : undefined;
}

/** Whether peers of the other room may connect to peers here. */
export function mayCross({ settings, sharding }: RoomState, other: string): boolean {
  return settings.crossRooms !== 0 || sharding.isSibling(other);
}
