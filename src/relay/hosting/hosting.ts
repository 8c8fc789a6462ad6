/**
 * One of the peers that offered to host is the host (rules V1 to V8). The room is one object, and each change of the seat
 * is on disk before anybody is told: so there is no epoch with two hosts, and none that goes back.
 */
import { FrameType, HOST, HostingRole, encodeFrame } from "../../protocol/index.ts";
import { describeError } from "../describe-error.ts";
import { send } from "../flow/flow-control.ts";
import { mayAsk } from "../limits/limiting.ts";
import type { RoomState } from "../room-state.ts";
import { keepSession } from "../sessions/keeping.ts";
import type { Link } from "../sessions/link.ts";
import type { Session } from "../sessions/session.ts";
import { TIMES } from "../settings.ts";
import { refuse } from "../telling.ts";
import { NO_SEAT, type Seat, nextEpoch } from "./seat.ts";

/** What the election keeps in memory. */
export class Hosting {
  seat: Seat = NO_SEAT;
  /** Something has happened that the seat may hang on: it is looked at when the turn ends, once. */
  isUnsettled = false;
  /** Sockets that have just asked. */
  readonly asking = new Set<Link>();
  /** ms at which the host will have been away for too long; Infinity while it is here. */
  dueAt = Infinity;
}

/** A client says what it wants to have to do with the election. */
export function attendHosting(room: RoomState, link: Link, role: number, now: number): void {
  const offending = { frame: FrameType.Attend };
  if (role > HostingRole.Candidate) {
    return refuse(room, link, "invalid_argument", offending, `hosting role ${role} is out of range; use 0 to 2`);
  }
  const { session } = link;
  if (!session || !mayAsk(room, link, offending, now)) return;
  link.isFollowing = role !== HostingRole.None;
  if (link.isFollowing) room.hosting.asking.add(link);
  const wasCandidate = session.offeredAt !== undefined;
  const isCandidate = role === HostingRole.Candidate;
  if (isCandidate !== wasCandidate) {
    session.offeredAt = isCandidate ? now : undefined;
    if (isCandidate || session.isStored) keepSession(room, session);
  }
  link.save();
  room.hosting.isUnsettled = true;
}

/** This session has come, gone or lost its socket. */
export function hostingConcerns(room: RoomState, { offeredAt }: Session): void {
  if (offeredAt !== undefined) room.hosting.isUnsettled = true;
}

/** Fills the seat if it has to be, and tells those who follow. Before what the turn has said leaves. */
export function settleHosting(room: RoomState, now: number): void {
  const { hosting } = room;
  hosting.isUnsettled = false;
  const former = sessionOfHost(room);
  const seat = nextSeat(room, now);
  const hasChanged = seat !== hosting.seat && keepSeat(room, seat, now);
  if (hasChanged && former) standBack(room, former, now);
  if (hasChanged) for (const link of room.links) if (link.isFollowing) tellHost(room, link);
  if (!hasChanged) for (const link of hosting.asking) tellHost(room, link);
  hosting.asking.clear();
}

/** The same one where nothing has to change. */
function nextSeat(room: RoomState, now: number): Seat {
  const { hosting, settings } = room;
  const { seat } = hosting;
  const holder = sessionOfHost(room);
  hosting.dueAt = Infinity;
  if (holder?.link) return seat;
  if (holder) {
    const dueAt = (holder.awaySince ?? holder.awayUntil - settings.graceMs) + settings.hostAwayMs;
    if (now < dueAt) {
      hosting.dueAt = dueAt;
      room.wake(dueAt);
      return seat;
    }
  }
  const elected = firstCandidate(room);
  if (elected) return { epoch: nextEpoch(seat, now), holder: { peer: elected.peer, session: elected.id } };
  // Nobody is better than a host that may come back, and nobody it is when it may not.
  return holder || !seat.holder ? seat : { epoch: nextEpoch(seat, now), holder: undefined };
}

/** A host that was away for too long is the last in line when it comes back: else the next one to go would make it host again. */
function standBack(room: RoomState, former: Session, now: number): void {
  former.offeredAt = now;
  keepSession(room, former);
}

/** Undefined when its session is over, or does not want to host any more. */
function sessionOfHost({ hosting, sessions }: RoomState): Session | undefined {
  const { holder } = hosting.seat;
  const session = holder && sessions.get(holder.peer);
  return session && session.id === holder.session && session.offeredAt !== undefined ? session : undefined;
}

/** Of those with a socket the one that offered first; of two that did at the same time, the one with the lower id. */
function firstCandidate({ sessions }: RoomState): Session | undefined {
  let first: Session | undefined;
  for (const session of sessions.values()) {
    if (session.link && session.offeredAt !== undefined && (!first || isBefore(session, first))) first = session;
  }
  return first;
}

function isBefore(a: Session, b: Session): boolean {
  const [since, other] = [a.offeredAt ?? Infinity, b.offeredAt ?? Infinity];
  return since < other || (since === other && a.peer < b.peer);
}

/** False when the disk fails: then the seat is as it was, for everybody, and is looked at again in a second. */
function keepSeat(room: RoomState, seat: Seat, now: number): boolean {
  const { hosting, log, store } = room;
  try {
    store.saveSeat(seat);
  } catch (error) {
    log({ level: "error", event: "store_failed", error: describeError(error) });
    hosting.dueAt = now + TIMES.promptMs;
    room.wake(hosting.dueAt);
    return false;
  }
  hosting.seat = seat;
  log({ level: "info", event: "host_elected", epoch: seat.epoch, peer: String(seat.holder?.peer ?? "") });
  return true;
}

function tellHost(room: RoomState, link: Link): void {
  const { epoch, holder } = room.hosting.seat;
  send(room, link, encodeFrame(HOST, { epoch: BigInt(epoch), peer: holder?.peer ?? 0n }));
}
