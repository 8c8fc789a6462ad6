import type { PeerId } from "../../protocol/index.ts";
import { isOver } from "../alarm-clock.ts";
import type { ConnectionRecord } from "../connection.ts";
import { Meter } from "../limits/rates.ts";
import type { TrunkPort, TrunkSocket } from "../ports.ts";
import type { Link } from "../sessions/link.ts";
import type { Arrival } from "../shards/adopting.ts";

/** No broken trunk waits longer before it is dialed again. */
export const LONGEST_RETRY_MS = 8_000;

/** The way to one other room: what is between the two, and the sockets there are for it just now. */
export class Trunk {
  /** As the app names it; "" for its own. */
  readonly room: string;
  /** The halves that are here. */
  readonly halves = new Set<ConnectionRecord>();
  readonly byFarHandle = new Map<number, ConnectionRecord>();
  /** By the handle that they had here: how halves ended, in case the other room has not heard. */
  readonly farewells = new Map<number, Uint8Array>();
  /** By their peers: sessions that are here now, in case the other room has not heard that its own are over (shards/). */
  readonly taken = new Map<bigint, Uint8Array>();
  /** Both rooms may dial at the same moment; then each sends on what it has dialed. */
  dialed: Link | undefined;
  accepted: Link | undefined;
  /** While the other room lists its halves: those of ours that it has named. */
  listing: Set<ConnectionRecord> | undefined;
  /** Sessions that the other room is telling just now, by their peers (shards/adopting.ts). */
  readonly arriving = new Map<bigint, Arrival>();
  /** ms since when it is broken and the other room was not heard of. */
  lostAt: number | undefined;
  /** ms at which it is dialed again. */
  retryAt = Infinity;
  attempts = 0;

  constructor(room: string) {
    this.room = room;
  }

  /** Where what is said to the other room goes, all of it in one order. */
  get link(): Link | undefined {
    return this.dialed ?? this.accepted;
  }

  /** There is nothing between the two rooms that would have to be remembered. */
  get isUnused(): boolean {
    return this.halves.size === 0 && !this.link && this.lostAt === undefined && this.farewells.size === 0;
  }
}

/** What a link is, and has done, as the socket of a trunk. */
export interface TrunkUse {
  readonly trunk: Trunk;
  /** Messages. */
  sent: number;
  /** ms of the last of them. */
  sentAt: number;
  /** ms of asking for rest, and what had been sent then; undefined while nobody has. */
  restedAt: number | undefined;
  sentAtRest: number;
  /** Accepted, and the other room's list has not come: it is answered with our own. */
  owesList: boolean;
}

/** A peer that somebody here wants to connect to, and that is not here. */
export interface Search {
  /** ms at which the directory is asked again; Infinity where it is being asked, or has found a room. */
  askAt: number;
  isAsked: boolean;
  attempts: number;
}

/**
 * Questions that a room may ask its directory, which many rooms ask; each goes to all objects that share it. Peers beyond them
 * are asked for together, by the next alarm.
 */
const QUESTIONS_PER_SECOND = 10;
const QUESTIONS_AT_ONCE = 20;

/** All that leads out of a room. */
export interface Crossing {
  /** Of this room, as its app names it; "" for its own. */
  readonly name: string;
  /** Undefined where rooms cannot reach each other. */
  readonly port: TrunkPort | undefined;
  readonly trunks: Map<string, Trunk>;
  /** By the socket that the runtime knows. */
  readonly links: Map<TrunkSocket, Link>;
  readonly searches: Map<PeerId, Search>;
  /** What the directory is to be asked for with the end of the turn. */
  readonly wanted: Set<PeerId>;
  readonly questions: Meter;
  /** An alarm has rung for some of them. */
  isAskingDue: boolean;
  /** ms of the turn. */
  now: number;
}

export function newCrossing(name: string, port: TrunkPort | undefined): Crossing {
  return {
    name,
    port,
    trunks: new Map(),
    links: new Map(),
    searches: new Map(),
    wanted: new Set(),
    questions: new Meter(QUESTIONS_PER_SECOND, QUESTIONS_AT_ONCE, 0),
    isAskingDue: false,
    now: 0,
  };
}

export function trunkTo({ trunks }: Crossing, room: string): Trunk {
  let trunk = trunks.get(room);
  if (!trunk) trunks.set(room, (trunk = new Trunk(room)));
  return trunk;
}

/** Whether a broken trunk has waited long enough to be dialed again; false also where none is broken. */
export function isRetryDue({ retryAt }: Trunk, now: number): boolean {
  return isOver(retryAt, LONGEST_RETRY_MS, now);
}

/** The half leads over this trunk from now on. */
export function bind(half: ConnectionRecord, trunk: Trunk, peer: PeerId, farHandle: number | undefined): void {
  half.trunk = trunk;
  half.farPeer = peer;
  half.farRoom = trunk.room;
  trunk.halves.add(half);
  nameFar(half, farHandle);
}

/** What the other room calls its half. */
export function nameFar(half: ConnectionRecord, farHandle: number | undefined): void {
  half.farHandle = farHandle;
  if (farHandle !== undefined) half.trunk?.byFarHandle.set(farHandle, half);
}

/** Nothing more is said of this half to the other room. Whose far end it was stays written in it. */
export function unbind(half: ConnectionRecord): void {
  const { trunk, farHandle } = half;
  if (!trunk) return;
  half.trunk = undefined;
  half.isMoved = false;
  trunk.halves.delete(half);
  if (farHandle !== undefined && trunk.byFarHandle.get(farHandle) === half) trunk.byFarHandle.delete(farHandle);
}
