import { ConnectionType } from "../../protocol/index.ts";
import type { PortOptions } from "../relay-options.ts";
import type { ConnectionTuning } from "../relay-connection.ts";

/** `SteamNetworkingConfigValue_t`, by name. On a listen socket they are for every connection that comes in through it. */
export interface ConfigOptions {
  /** How long to wait for the peer. Default 10,000. */
  readonly timeoutInitialMs?: number;
  /** Bytes that wait to be sent or acknowledged. Default 512 KiB; 4 KiB to 256 MiB. */
  readonly sendBufferSize?: number;
  /** Bytes received and not taken. Default 1 MiB. */
  readonly recvBufferSize?: number;
  /** With this many messages not taken, unreliable ones are dropped. Default 1000. */
  readonly recvBufferMessages?: number;
  /** A larger message ends the connection. Default 512 KiB. */
  readonly recvMaxMessageSize?: number;
  /** How long a message without NoNagle waits for others. Default 5, at most 20. */
  readonly nagleTimeMs?: number;
  /** Both ends may connect; whoever is second gets the connection there is, and nobody has to accept. Without linger. */
  readonly symmetricConnect?: boolean;
  /** Default -1n. */
  readonly connectionUserData?: bigint;
}

export const TIMEOUT_INITIAL_MS = 10_000;
const SEND_BUFFER = { min: 4 * 1024, max: 256 * 1024 * 1024 };
const NAGLE_MS = { min: 0, max: 20 };

export function portOptions(virtualPort: number, options: ConfigOptions): PortOptions {
  return { type: ConnectionType.NetworkingSockets, virtualPort, tuning: tuningOf(options) };
}

/** Only what is given, so that the engine's defaults, which are Steam's, stay in one place. */
function tuningOf(options: ConfigOptions): ConnectionTuning {
  const { sendBufferSize, recvBufferSize, recvBufferMessages, recvMaxMessageSize, nagleTimeMs } = options;
  return {
    ...(sendBufferSize !== undefined && { sendBufferSize: within(SEND_BUFFER, sendBufferSize) }),
    ...(recvBufferSize !== undefined && { receiveBufferSize: recvBufferSize }),
    ...(recvBufferMessages !== undefined && { receiveBufferMessages: recvBufferMessages }),
    ...(recvMaxMessageSize !== undefined && { maxReceivedSize: recvMaxMessageSize }),
    ...(nagleTimeMs !== undefined && { nagleMs: within(NAGLE_MS, nagleTimeMs) }),
  };
}

/** As Steam does with a value outside its range: the nearest that is inside. */
function within({ min, max }: { readonly min: number; readonly max: number }, value: number): number {
  return Math.min(Math.max(value, min), max);
}
