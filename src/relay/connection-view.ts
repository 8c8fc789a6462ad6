import {
  type ConnectionStateName,
  type ConnectionTypeName,
  connectionStateName,
  connectionTypeName,
} from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";

/** A connection as JSON: 64-bit ids are decimal strings, times are ms since 1970. */
export interface ConnectionView {
  readonly connectionId: string;
  readonly fromPeerId: string;
  readonly toPeerId: string;
  readonly appId: number;
  readonly type: ConnectionTypeName;
  readonly state: ConnectionStateName;
  readonly created: number;
  readonly lastActivity: number;
  readonly packetsRelayed: number;
  readonly bytesRelayed: number;
  readonly virtualPort?: number;
  readonly channel?: number;
}

export function viewConnection(connection: P2PConnection): ConnectionView {
  const { virtualPort, channel } = connection;
  return {
    connectionId: String(connection.connectionId),
    fromPeerId: String(connection.fromPeerId),
    toPeerId: String(connection.toPeerId),
    appId: connection.appId,
    type: connectionTypeName(connection.type),
    state: connectionStateName(connection.state),
    created: connection.created,
    lastActivity: connection.lastActivity,
    packetsRelayed: connection.packetsRelayed,
    bytesRelayed: connection.bytesRelayed,
    ...(virtualPort !== undefined && { virtualPort }),
    ...(channel !== undefined && { channel }),
  };
}
