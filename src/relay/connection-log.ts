/** What is logged of a connection: one line when it opens, and one with its final statistics. */
import { type ConnectionState, connectionStateName, connectionTypeName } from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";
import type { LogLine } from "./log-events.ts";

export function openedLine(connection: P2PConnection): LogLine {
  return {
    level: "info",
    event: "connection_opened",
    connection: String(connection.connectionId),
    from: String(connection.fromPeerId),
    to: String(connection.toPeerId),
    app: connection.appId,
    type: connectionTypeName(connection.type),
    virtualPort: connection.virtualPort,
    channel: connection.channel,
  };
}

export function closedLine(connection: P2PConnection, previous: ConnectionState, reason: number, now: number): LogLine {
  return {
    level: "info",
    event: "connection_closed",
    connection: String(connection.connectionId),
    from: String(connection.fromPeerId),
    to: String(connection.toPeerId),
    app: connection.appId,
    type: connectionTypeName(connection.type),
    state: connectionStateName(connection.state),
    previousState: connectionStateName(previous),
    virtualPort: connection.virtualPort,
    channel: connection.channel,
    reason,
    packets: connection.packetsRelayed,
    bytes: connection.bytesRelayed,
    created: connection.created,
    lastActivity: connection.lastActivity,
    durationMs: Math.max(now, connection.lastActivity) - connection.created,
  };
}
