import { ConnectionState } from "../../protocol/index.ts";
import type { EngineStatus, LaneStatus } from "../engine/connection-engine.ts";
import type { RelayConnection } from "../relay-connection.ts";
import { ConnectionInfoFlag, SteamConnectionState } from "./connection-states.ts";
import { cutText } from "./cut-text.ts";

/** `SteamNetConnectionInfo_t`: a connection as it was when this was asked for. */
export interface ConnectionInfo {
  readonly peer: bigint;
  /** -1n unless the application has set it. */
  readonly userData: bigint;
  /** What the connection came in through; 0 when it was opened here. */
  readonly listenSocket: number;
  readonly state: SteamConnectionState;
  /** `EndReason` or the application's own; 0 while the connection is not over. */
  readonly endReason: number;
  readonly endDebug: string;
  /** For logs, at most 127 bytes. */
  readonly description: string;
  /** Bits of `ConnectionInfoFlag`. */
  readonly flags: number;
  /** -1 in families without ports. The two are always the same: the port is part of a connection's key (rule C1). */
  readonly virtualPort: number;
  readonly remoteVirtualPort: number;
}

/** `SteamNetConnectionRealTimeStatus_t`. */
export interface RealTimeStatus {
  readonly state: SteamConnectionState;
  /** Round trip in ms; -1 until measured. */
  readonly ping: number;
  /** Share of packets that arrive in order, 0 to 1; -1 until known. */
  readonly connectionQualityLocal: number;
  readonly connectionQualityRemote: number;
  readonly outPacketsPerSec: number;
  readonly outBytesPerSec: number;
  readonly inPacketsPerSec: number;
  readonly inBytesPerSec: number;
  readonly sendRateBytesPerSecond: number;
  /** Bytes. */
  readonly pendingUnreliable: number;
  readonly pendingReliable: number;
  readonly sentUnackedReliable: number;
  /** How long a message that is sent now is expected to wait. */
  readonly queueTimeUs: number;
  /** Largest since this was last asked for; -1 for none. */
  readonly maxJitterUs: number;
}

/** `SteamNetConnectionRealTimeLaneStatus_t`. */
export type LaneRealTimeStatus = LaneStatus;

/** What the family knows of a connection besides what the relay does. */
export interface ConnectionFacts extends Pick<
  ConnectionInfo,
  "userData" | "listenSocket" | "state" | "endReason" | "endDebug"
> {
  readonly name?: string | undefined;
}

/** Steam's state of a connection that the application has not closed. */
export function steamState({ state, ending, path }: RelayConnection): SteamConnectionState {
  if (ending)
    return ending.closedBy === "peer" ? SteamConnectionState.ClosedByPeer : SteamConnectionState.ProblemDetectedLocally;
  if (state === ConnectionState.Connecting) return SteamConnectionState.Connecting;
  return path === "reconnecting" ? SteamConnectionState.FindingRoute : SteamConnectionState.Connected;
}

/** A snapshot: it does not change with the connection. */
export function connectionInfo(
  { peer, virtualPort = -1 }: RelayConnection,
  { name, ...facts }: ConnectionFacts,
): ConnectionInfo {
  const port = virtualPort < 0 ? "" : ` vport ${virtualPort}`;
  return {
    ...facts,
    peer,
    description: cutText(`P2P steamid:${peer}${port}${name === undefined ? "" : ` '${name}'`}`),
    // The payload is encrypted up to the relay, not from end to end.
    flags: ConnectionInfoFlag.Relayed | ConnectionInfoFlag.Unencrypted,
    virtualPort,
    remoteVirtualPort: virtualPort,
  };
}

export function realTimeStatus(state: SteamConnectionState, status: EngineStatus): RealTimeStatus {
  return {
    state,
    ping: status.pingMs,
    connectionQualityLocal: status.qualityLocal,
    connectionQualityRemote: status.qualityRemote,
    outPacketsPerSec: status.outPacketsPerSecond,
    outBytesPerSec: status.outBytesPerSecond,
    inPacketsPerSec: status.inPacketsPerSecond,
    inBytesPerSec: status.inBytesPerSecond,
    sendRateBytesPerSecond: status.sendRateBytesPerSecond,
    pendingUnreliable: status.pendingUnreliable,
    pendingReliable: status.pendingReliable,
    sentUnackedReliable: status.sentUnackedReliable,
    queueTimeUs: status.queueTimeUs,
    maxJitterUs: status.maxJitterUs,
  };
}
