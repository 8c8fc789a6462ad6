/** A connection's life: connect, accept, refuse, close, and what each end is told of it (rules C1 to C14). */
import {
  CloseFlag,
  ClosedBy,
  ConnectionState,
  ConnectionType,
  type ControlValues,
  type Handle,
  EndReason,
  FrameType,
  ID_RULES,
  MAX_VIRTUAL_PORT,
  NO_CONNECTION,
  type PeerId,
  applicationReason,
  encodeControl,
  hasVirtualPort,
  isConnectionType,
  parsePeerId,
} from "../protocol/index.ts";
import { type P2PConnection, otherEnd } from "./connection.ts";
import { send } from "./flow/flow-control.ts";
import { refuseHandle } from "./forwarding.ts";
import { mayAsk } from "./limits/limiting.ts";
import type { Link } from "./sessions/link.ts";
import type { Ending } from "./manager.ts";
import { type RoomState, otherLink } from "./room-state.ts";
import { seek } from "./trunk/locating.ts";
import { askFar, connectFar, endFar } from "./trunk/saying.ts";
import { TIMES } from "./settings.ts";
import { refuse, tell } from "./telling.ts";

const MIN_CONNECT_TIMEOUT_MS = 100;
const MAX_CONNECT_TIMEOUT_MS = 3_600_000;
/** On the wire: "this family has no port" and "no channel given". */
const NONE = -1;

interface Request {
  readonly peer: PeerId;
  readonly type: ConnectionType;
  readonly virtualPort: number | undefined;
  readonly channel: number | undefined;
  readonly connectTimeoutMs: number;
}

export function connect(room: RoomState, link: Link, values: ControlValues<"connect">, now: number): void {
  if (!mayAsk(room, link, { frame: FrameType.Connect, about: values.request }, now)) return;
  const offending = { frame: FrameType.Connect, about: values.request };
  const request = readRequest(room, values);
  if (typeof request === "string") return refuse(room, link, "invalid_argument", offending, request);
  if (request.peer === link.peer) {
    return refuse(room, link, "connect_to_self", offending, "a peer cannot connect to itself through the relay");
  }
  const existing = usableConnection(room, link, request);
  if (existing) return answerExisting(room, link, values.request, existing, now);
  if (hasTooMany(room, link)) {
    const message = `this peer has ${link.rates.limits.maxConnectionsPerPeer} connections, which is the limit; close one first`;
    return refuse(room, link, "too_many_connections", offending, message);
  }
  const connection = create(room, link.peer, request, now);
  answer(room, link, values.request, connection);
  const target = room.sessions.get(request.peer)?.link;
  if (target) announce(room, target, connection);
  else seek(room, request.peer);
}

function readRequest(room: RoomState, values: ControlValues<"connect">): Request | string {
  const { connectionType: type, virtualPort, channel, timeoutMs } = values;
  const peer = parsePeerId(values.peer);
  if (peer === undefined) return `peer must be ${ID_RULES.peer}`;
  if (!isConnectionType(type)) return `connection type ${type} is unknown; use 0 to 3`;
  if (hasVirtualPort(type) ? virtualPort < 0 || virtualPort > MAX_VIRTUAL_PORT : virtualPort !== NONE) {
    return `virtual port ${virtualPort} is out of range; use 0 to ${MAX_VIRTUAL_PORT}, or -1 in families without ports`;
  }
  return {
    peer,
    type,
    virtualPort: hasVirtualPort(type) ? virtualPort : undefined,
    channel: hasVirtualPort(type) ? undefined : channel,
    connectTimeoutMs:
      timeoutMs === 0
        ? room.settings.connectTimeoutMs
        : Math.min(Math.max(timeoutMs, MIN_CONNECT_TIMEOUT_MS), MAX_CONNECT_TIMEOUT_MS),
  };
}

/** What strangers ask of a peer does not count against it, or they could keep it from connecting anywhere. */
function hasTooMany({ manager }: RoomState, { peer, rates }: Link): boolean {
  const own = manager.countConnectionsForPeer(peer) - manager.countUnansweredForPeer(peer);
  return own >= rates.limits.maxConnectionsPerPeer;
}

/** The connection there is for this key. One that is on its way out, or has lost its initiator, makes room for the new. */
function usableConnection(room: RoomState, link: Link, request: Request): P2PConnection | undefined {
  const id = room.manager.findConnection(link.peer, request.peer, request.type, request.virtualPort);
  const existing = room.manager.getConnection(id);
  if (existing?.state === ConnectionState.Disconnecting) finishDisconnect(room, existing);
  else if (existing && isOrphan(room, existing))
    room.manager.closeConnection(existing.connectionId, EndReason.PeerLeft);
  else return existing;
  return undefined;
}

/** After a crash: asked for by a peer that has not come back, so there is nobody to accept (rule C3). */
export function isOrphan(room: RoomState, { state, fromPeerId, farPeer, trunk }: P2PConnection): boolean {
  if (state !== ConnectionState.Connecting) return false;
  return farPeer === fromPeerId ? trunk === undefined : !room.sessions.has(fromPeerId);
}

function answerExisting(room: RoomState, link: Link, request: number, connection: P2PConnection, now: number): void {
  answer(room, link, request, connection);
  if (connection.state !== ConnectionState.Connecting) return;
  room.manager.markRefused(connection.connectionId, false);
  if (connection.toPeerId === link.peer) {
    // Both ends asked for the same connection: that is an accept (rule C5), also after a refusal.
    room.manager.updateConnectionState(connection.connectionId, ConnectionState.Connected, { now });
    return;
  }
  const target = room.sessions.get(connection.toPeerId)?.link;
  if (target) announce(room, target, connection); // asked again, so the other end is asked again
  else if (connection.trunk) askFar(room, connection);
  else seek(room, connection.toPeerId);
}

function create(room: RoomState, from: PeerId, request: Request, now: number): P2PConnection {
  const id = room.manager.createOrGetConnection(from, request.peer, room.app, request.type, { ...request, now });
  const connection = id === NO_CONNECTION ? undefined : room.manager.getConnection(id);
  if (!connection) throw new Error("Cannot create a connection: the room is shut down");
  room.wake(room.manager.staleTime(connection));
  return connection;
}

function answer(room: RoomState, link: Link, request: number, connection: P2PConnection): void {
  const { handle, connectionId, state } = connection;
  tell(room, link, "connecting", { request, handle, connectionId, state });
}

/** Tells a peer that somebody wants to connect to it. */
export function announce(room: RoomState, target: Link, connection: P2PConnection): void {
  tell(room, target, "incoming", {
    handle: connection.handle,
    connectionId: connection.connectionId,
    connectionType: connection.type,
    peer: connection.fromPeerId,
    virtualPort: connection.virtualPort ?? NONE,
    channel: connection.channel ?? NONE,
  });
}

export function accept(room: RoomState, link: Link, handle: number, now: number): void {
  const connection = pendingFor(room, link, handle, FrameType.Accept);
  if (connection) room.manager.updateConnectionState(connection.connectionId, ConnectionState.Connected, { now });
}

export function refuseConnection(room: RoomState, link: Link, values: ControlValues<"refuse">): void {
  const connection = pendingFor(room, link, values.handle, FrameType.Refuse);
  if (connection) refusePending(room, link, connection, values.reason, values.debug);
}

/** The Connecting connection that this link may accept or refuse; otherwise the error is sent. */
function pendingFor(room: RoomState, link: Link, handle: number, frame: number): P2PConnection | undefined {
  const connection = ownConnection(room, link, handle);
  if (!connection) {
    refuseHandle(room, link, frame, handle);
    return undefined;
  }
  const isPending = connection.state === ConnectionState.Connecting && connection.toPeerId === link.peer;
  if (isPending && !connection.isRefused && !isOrphan(room, connection)) return connection;
  const message = `connection ${handle} is not waiting for an answer of this peer`;
  refuse(room, link, "illegal_state", { frame, about: handle }, message);
  return undefined;
}

function refusePending(room: RoomState, link: Link, connection: P2PConnection, reason: number, debug: string): void {
  const initiator = room.sessions.get(connection.fromPeerId)?.link;
  if (!initiator?.admission.visible && !connection.isFarVisible) {
    // To a stranger a refusal must look like absence: the initiator hears nothing before its timeout (rule C6).
    room.manager.markRefused(connection.connectionId, true);
    return;
  }
  room.manager.closeConnection(connection.connectionId, applicationReason(reason), { peer: link.peer, debug });
}

export function close(room: RoomState, link: Link, values: ControlValues<"close">, flags: number, now: number): void {
  const connection = ownConnection(room, link, values.handle);
  if (!connection) return refuseHandle(room, link, FrameType.Close, values.handle);
  const { connectionId, state } = connection;
  if (state === ConnectionState.Connecting && connection.toPeerId === link.peer) {
    return refusePending(room, link, connection, values.reason, values.debug);
  }
  if (state === ConnectionState.Disconnecting) return finishDisconnect(room, connection);
  const reason = applicationReason(values.reason);
  const isGraceful = (flags & CloseFlag.Graceful) !== 0 && state === ConnectionState.Connected;
  if (!isGraceful) {
    room.manager.closeConnection(connectionId, reason, { peer: link.peer, debug: values.debug });
    return;
  }
  room.manager.beginDisconnect(connectionId, reason, link.peer, now + TIMES.disconnectMs, now);
  room.wake(now + TIMES.disconnectMs);
  if (connection.trunk)
    return endFar(room, connection, { reason, by: link.peer, debug: values.debug }, CloseFlag.Graceful);
  const target = otherLink(room, connection, link.peer);
  const { handle } = connection;
  if (target)
    tell(room, target, "close", { handle, reason, closedBy: ClosedBy.Peer, debug: values.debug }, CloseFlag.Graceful);
}

export function finishDisconnect(room: RoomState, connection: P2PConnection): void {
  const { connectionId, pendingReason, pendingBy } = connection;
  room.manager.closeConnection(connectionId, pendingReason ?? EndReason.AppGeneric, { peer: pendingBy });
}

function ownConnection(room: RoomState, link: Link, handle: number): P2PConnection | undefined {
  const connection = room.manager.getConnectionByHandle(handle as Handle);
  return connection && otherEnd(connection, link.peer) !== undefined ? connection : undefined;
}

/** Both ends hear of a state before any data that follows from it (rule C4). */
export function tellState(room: RoomState, connection: P2PConnection, previous: ConnectionState): void {
  const { handle, state } = connection;
  for (const link of ends(room, connection)) tell(room, link, "state", { handle, state, previous });
  if (state === ConnectionState.Connected && connection.trunk) connectFar(room, connection);
}

/** Kept for a client that has no socket, or may turn out to have none: it is told when it comes back (rule R5). */
export function tellClosed(room: RoomState, connection: P2PConnection, ending: Ending): void {
  const { handle } = connection;
  const { reason, by, debug = "" } = ending;
  for (const peer of [connection.fromPeerId, connection.toPeerId]) {
    if (connection.isRefused && peer === connection.toPeerId) continue; // it refused, and has forgotten the handle
    if (peer === connection.farPeer) {
      endFar(room, connection, ending);
      continue;
    }
    const session = room.sessions.get(peer);
    if (!session) continue;
    const closedBy = by === undefined ? ClosedBy.Relay : by === peer ? ClosedBy.Local : ClosedBy.Peer;
    const frame = encodeControl("close", { handle, reason, closedBy, debug });
    session.addFarewell(frame);
    if (session.link) send(room, session.link, frame);
    else room.missing.add(session);
  }
}

/** Those of them that are here. */
function ends(room: RoomState, connection: P2PConnection): Link[] {
  return [connection.fromPeerId, connection.toPeerId]
    .filter((peer) => peer !== connection.farPeer)
    .map((peer) => room.sessions.get(peer)?.link)
    .filter((link) => link !== undefined);
}
