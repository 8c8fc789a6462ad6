/** What the runtime tells of the sockets between rooms: one was accepted, one has brought a message, one is gone. */
import { describeError } from "../describe-error.ts";
import type { TrunkSocket } from "../ports.ts";
import type { RoomState } from "../room-state.ts";
import { addLink } from "./links.ts";
import { linkLost, loseLink } from "./losing.ts";
import { readTrunk } from "./reading.ts";
import { trunkTo } from "./trunk.ts";

/** A trunk that outlived the memory: accepted, since one that was dialed keeps the object from being evicted. */
export interface TrunkSurvivor {
  readonly socket: TrunkSocket;
  /** The other room. */
  readonly room: string;
}

/** `isNew`: and not one that was open while the object was evicted. */
export function acceptTrunk(room: RoomState, socket: TrunkSocket, from: string, isNew: boolean): void {
  const trunk = trunkTo(room.crossing, from);
  const link = addLink(room, trunk, socket);
  if (link.use) link.use.owesList = isNew;
  // The other room has dialed anew, so it has lost what it dialed before.
  const older = trunk.accepted;
  trunk.accepted = link;
  trunk.lostAt = undefined;
  trunk.retryAt = Infinity;
  if (older) loseLink(room, older, "dialed anew");
}

/** False for a socket that leads nowhere any more: then nothing has happened. */
export function receiveTrunk(room: RoomState, socket: TrunkSocket, bytes: Uint8Array, now: number): boolean {
  room.counters.trunkReceived(bytes.length);
  const link = room.crossing.links.get(socket);
  if (!link?.use) return false;
  link.lastMessage = now;
  try {
    readTrunk(room, link, link.use.trunk, bytes, now);
  } catch (error) {
    room.log({ level: "error", event: "internal_error", peer: "trunk", error: describeError(error) });
    loseLink(room, link, "the room failed");
  }
  return true;
}

/** The socket is gone, or has never opened. */
export function trunkClosed(room: RoomState, socket: TrunkSocket): void {
  const link = room.crossing.links.get(socket);
  if (link) linkLost(room, link);
}
