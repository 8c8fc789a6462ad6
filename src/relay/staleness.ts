/** When a connection is over by itself: not answered, not closed in time, or idle. */
import { ConnectionState, EndReason } from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";

/** If nothing happens until then. */
export function staleTime({ deadline, lastActivity }: P2PConnection, idleTimeoutMs: number): number {
  return deadline ?? lastActivity + idleTimeoutMs;
}

/** Why it ends `now`; undefined where it does not. */
export function staleReason(connection: P2PConnection, idleTimeoutMs: number, now: number): number | undefined {
  if (now < staleTime(connection, idleTimeoutMs)) return undefined;
  if (connection.deadline === undefined) return EndReason.IdleTimeout;
  return connection.state === ConnectionState.Disconnecting
    ? (connection.pendingReason ?? EndReason.AppGeneric)
    : EndReason.Timeout;
}

/** The next deadline, and the next idle timeout; Infinity for none. */
export function nextStale(
  connections: Iterable<P2PConnection>,
  idleTimeoutMs: number,
): { deadline: number; idle: number } {
  let deadline = Infinity;
  let idle = Infinity;
  for (const connection of connections) {
    if (connection.deadline === undefined) idle = Math.min(idle, staleTime(connection, idleTimeoutMs));
    else deadline = Math.min(deadline, connection.deadline);
  }
  return { deadline, idle };
}
