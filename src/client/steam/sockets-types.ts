import type { ConnectionInfo } from "./connection-info.ts";
import type { SteamConnectionState } from "./connection-states.ts";

/** Handles count up from 1, per object; 0 is none. */
export type ConnectionHandle = number;
export type ListenSocketHandle = number;
export type PollGroupHandle = number;

export interface OutgoingMessage {
  readonly connection: ConnectionHandle;
  readonly data: Uint8Array;
  /** Bits of `SendFlag`. */
  readonly flags: number;
  readonly lane?: number;
}

/** `SteamNetConnectionStatusChangedCallback_t`. */
export interface ConnectionStatusChanged {
  readonly connection: ConnectionHandle;
  /** As it was at the change. */
  readonly info: ConnectionInfo;
  readonly oldState: SteamConnectionState;
}

export interface NetworkingSocketsEvents {
  connectionStatusChanged: ConnectionStatusChanged;
}
