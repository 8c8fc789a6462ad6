import { type ControlValues, PROTOCOL_VERSION } from "../../protocol/index.ts";
import type { Link } from "./link.ts";
import type { RoomState } from "../room-state.ts";
import type { Session } from "./session.ts";
import { BATCH_LIMIT, TIMES } from "../settings.ts";
import { tell } from "../telling.ts";

/** The answer to hello: who the client is here, and every limit that it must keep (rule S3). */
export function welcome(room: RoomState, link: Link, session: Session, now: number): void {
  const { settings } = room;
  const { limits } = link.rates;
  const values: ControlValues<"welcome"> = {
    version: PROTOCOL_VERSION,
    session: session.id,
    peer: session.peer,
    now: BigInt(Math.floor(now)),
    heartbeatMs: TIMES.heartbeatMs,
    graceMs: settings.graceMs,
    maxPayload: settings.maxPayload,
    maxBatch: BATCH_LIMIT,
    maxConnections: limits.maxConnectionsPerPeer,
    connectTimeoutMs: settings.connectTimeoutMs,
    idleTimeoutMs: settings.idleTimeoutMs,
    token: session.token,
    messagesPerSecond: limits.messagesPerSecond,
    bytesPerSecond: limits.bytesPerSecond,
    connectionBytesPerSecond: limits.connectionBytesPerSecond,
  };
  tell(room, link, "welcome", values);
}
