/**
 * A peer that takes in less than it is sent costs a bounded amount of memory and slows nobody else (rules F1 to F5).
 * The platform queues without limit what it is given, and cannot be made to forget it, so what a client has not credited
 * stays here, where it can be bounded, and is dropped by choice.
 */
import { Path, PathFlag, encodeControl } from "../../protocol/index.ts";
import { Backlog, type HeldData, type HeldFrame } from "./backlog.ts";
import { type P2PConnection, otherEnd } from "../connection.ts";
import type { Link } from "../sessions/link.ts";
import { type RoomState, drop, otherLink, peerOn } from "../room-state.ts";
import { TIMES } from "../settings.ts";

/** Queues a frame that belongs to no data statistics: control frames, acks, probes. */
export function send(room: RoomState, link: Link, bytes: Uint8Array): void {
  if (!room.outbox.add(link, bytes, 0, bytes.length)) hold(room, link, bytes, undefined);
}

/** Queues a part of an inbound message that belongs to no data statistics. */
export function sendPart(room: RoomState, link: Link, source: Uint8Array, start: number, end: number): void {
  if (!room.outbox.add(link, source, start, end)) hold(room, link, source.subarray(start, end), undefined);
}

/**
 * Queues a data frame whose payload is `size` bytes. Counted as relayed when it is handed on: at once, or when the client
 * has made room.
 */
export function sendData(
  room: RoomState,
  link: Link,
  source: Uint8Array,
  start: number,
  end: number,
  connection: P2PConnection,
  size: number,
  now: number,
): void {
  if (room.outbox.add(link, source, start, end)) record(room, connection, size, now);
  else hold(room, link, source.subarray(start, end), { connection, size });
}

/** Queues a message to a member of a group, whose payload is `size` bytes. Counted as `sendData` does. */
export function sendToMember(
  room: RoomState,
  link: Link,
  source: Uint8Array,
  start: number,
  end: number,
  size: number,
): void {
  if (room.outbox.add(link, source, start, end)) recordGroup(room, size);
  else hold(room, link, source.subarray(start, end), { connection: undefined, size });
}

/** The client has taken in all before this mark. False for a mark that is not waited for (rule F5). */
export function credit(room: RoomState, link: Link, mark: number, now: number): boolean {
  if (!link.window.credit(mark)) return false;
  const { backlog } = link;
  if (!backlog) return true;
  backlog.since = now;
  for (let frame = backlog.oldest; frame && room.outbox.fits(link, frame.bytes.length); frame = backlog.oldest) {
    backlog.shift();
    room.outbox.addNow(link, frame.bytes);
    const { data } = frame;
    if (data?.connection) record(room, data.connection, data.size, now);
    else if (data) recordGroup(room, data.size);
  }
  if (!backlog.oldest) release(room, link, backlog);
  return true;
}

/** Forgets what waits for a socket that is of no more use. Its senders are told by whoever ends it. */
export function discardBacklog(room: RoomState, link: Link): void {
  for (let frame = link.backlog?.shift(); frame; frame = link.backlog?.shift()) countDropped(room, frame);
  link.backlog = undefined;
  room.stalling.delete(link);
}

/** When this client has to have credited something; Infinity while nothing waits. */
export function stallTime({ backlog }: Link): number {
  return backlog && backlog.since >= 0 ? backlog.since + TIMES.stallMs : Infinity;
}

/** More control frames wait for it than ever should. */
export function isOverrun(room: RoomState, { backlog }: Link): boolean {
  return backlog !== undefined && backlog.bytes > 2 * room.settings.maxQueuedBytes;
}

/** Whether data of this connection has to wait for this client just now, as its sender was told. */
export function isHeld({ backlog }: Link, { handle }: P2PConnection): boolean {
  return backlog?.senders.get(handle)?.isTold ?? false;
}

export function tellPath(
  room: RoomState,
  link: Link,
  { handle }: Pick<P2PConnection, "handle">,
  path: Path,
  flags = 0,
): void {
  send(room, link, encodeControl("path", { handle, path }, flags));
}

function record(room: RoomState, connection: P2PConnection, size: number, now: number): void {
  room.manager.recordPacket(connection, size, now);
  room.counters.connectionChanged(connection);
}

function recordGroup({ manager, counters }: RoomState, size: number): void {
  manager.recordGroupPacket(size);
  counters.groupPacket(size);
}

function hold(room: RoomState, link: Link, bytes: Uint8Array, data: HeldData | undefined): void {
  const { maxQueuedBytes } = room.settings;
  if (!link.backlog) {
    link.backlog = new Backlog();
    link.save();
    room.stalling.add(link);
  }
  const { backlog } = link;
  const dropped = backlog.hold(bytes, data, maxQueuedBytes - link.window.uncredited - link.pending.bytes);
  for (const frame of dropped) {
    countDropped(room, frame);
    if (!frame.isUnreliable) backlog.sender(frame.handle).hasLost = true;
  }
  // Where all of the limit is under way already, hardly anything can wait, and frames are dropped from the first on.
  const isMuch = dropped.length > 0 || backlog.bytes > maxQueuedBytes / 8;
  // Who sends to a group is not told to wait for one of its members (G8).
  if (data?.connection && isMuch) tellHeld(room, link, backlog, data.connection);
}

function tellHeld(room: RoomState, link: Link, backlog: Backlog, connection: P2PConnection): void {
  const state = backlog.sender(connection.handle);
  const sender = otherLink(room, connection, peerOn(link, connection));
  if (state.isTold || !sender) return;
  state.isTold = true;
  tellPath(room, sender, connection, Path.Held);
}

/** Nothing waits any more: those who were told to wait go on, and what was lost is sent again, in both directions. */
function release(room: RoomState, link: Link, backlog: Backlog): void {
  link.backlog = undefined;
  link.save();
  room.stalling.delete(link);
  for (const [handle, { isTold, hasLost }] of backlog.senders) {
    const connection = room.manager.getConnectionByHandle(handle);
    if (!connection) continue;
    const peer = peerOn(link, connection);
    if (otherEnd(connection, peer) === undefined || (link.use && connection.trunk !== link.use.trunk)) continue;
    const flags = hasLost ? PathFlag.Lost : 0;
    const sender = otherLink(room, connection, peer);
    if (sender && (isTold || hasLost)) tellPath(room, sender, connection, Path.Open, flags);
    // Acknowledgements may be among what was lost: what this end sent it sends again, and is told again.
    if (hasLost && sender) tellPath(room, link, connection, Path.Open, flags);
  }
}

function countDropped(room: RoomState, frame: HeldFrame): void {
  if (frame.data) drop(room, "peer_stalled");
}
