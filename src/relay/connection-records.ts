/** A connection's record as it begins: asked for just now, or found on disk. */
import {
  type AppId,
  ConnectionState,
  type ConnectionType,
  type Handle,
  Path,
  type PeerId,
  makeConnectionId,
} from "../protocol/index.ts";
import type { ConnectionRecord } from "./connection.ts";
import { portOf } from "./connection-index.ts";
import type { StoredConnection } from "./ports.ts";

export interface CreateOptions {
  /** ms */
  readonly now: number;
  /** Part of the key in NetworkOld and NetworkingSockets; ignored in the other families. Default 0 there. */
  readonly virtualPort?: number | undefined;
  readonly channel?: number | undefined;
  /** How long Connecting may last. Without it only the idle timeout ends an unanswered connection. */
  readonly connectTimeoutMs?: number | undefined;
  /** The end that is not in this room, and where it is. */
  readonly far?: { readonly peer: PeerId; readonly room: string; readonly handle: number };
  /** It is to have this one, unless another connection has. */
  readonly handle?: number | undefined;
}

/** What is not known yet of a far end, or any more. */
const NEAR = { trunk: undefined, farPath: Path.Open, isFarConnected: false, isFarVisible: false, isMoved: false };
/** What is kept in memory only, and learned as the connection is used. */
const UNUSED = { dirtyMark: 0, fromSession: undefined, toSession: undefined, rates: undefined, quality: undefined };

export function newRecord(
  handle: Handle,
  fromPeerId: PeerId,
  toPeerId: PeerId,
  appId: AppId,
  type: ConnectionType,
  { now, virtualPort, channel, connectTimeoutMs, far }: CreateOptions,
): ConnectionRecord {
  return {
    connectionId: makeConnectionId(now, handle),
    handle,
    fromPeerId,
    toPeerId,
    appId,
    type,
    state: ConnectionState.Connecting,
    created: now,
    connectedAt: undefined,
    disconnectingAt: undefined,
    lastActivity: now,
    packetsRelayed: 0,
    bytesRelayed: 0,
    virtualPort: portOf(type, virtualPort),
    channel,
    deadline: connectTimeoutMs === undefined ? undefined : now + connectTimeoutMs,
    pendingReason: undefined,
    pendingBy: undefined,
    isRefused: false,
    farPeer: far?.peer,
    farRoom: far?.room,
    farHandle: far?.handle,
    fromMoves: 0,
    toMoves: 0,
    ...NEAR,
    ...UNUSED,
  };
}

export function restoredRecord(
  stored: StoredConnection,
  counters: { packets: number; bytes: number; lastActivity: number },
): ConnectionRecord {
  return {
    ...stored,
    lastActivity: Math.max(stored.created, counters.lastActivity),
    packetsRelayed: counters.packets,
    bytesRelayed: counters.bytes,
    ...NEAR,
    ...UNUSED,
  };
}
