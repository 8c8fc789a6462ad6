/** What a client is asked for, and the port that a connection is meant for. */
import { ConnectionType, MAX_VIRTUAL_PORT, hasVirtualPort } from "../protocol/index.ts";
import type { AlignmentOptions } from "./alignment.ts";
import type { Destination } from "./dial.ts";
import type { ConnectionTuning, RelayConnection } from "./relay-connection.ts";
import { RelayError } from "./relay-error.ts";
import type { WebSocketConstructor } from "./websocket.ts";

export interface ConnectOptions extends Destination {
  /** A ticket, or where to get one, which is asked again for each attempt to join again. */
  readonly ticket: string | (() => string | Promise<string>);
  /** For joining, and for each attempt to join again. Default 10,000. */
  readonly timeoutMs?: number;
  /** Ends joining. Aborted later it ends nothing, unless the client is just then looking for another socket. */
  readonly signal?: AbortSignal;
  /** Look for another socket when the one there is is lost, and go on with the session (default). */
  readonly reconnect?: boolean;
  /** How far messages may be held back to arrive with those of other peers, which spares the relay; false: not at all. */
  readonly alignment?: AlignmentOptions | false;
  /** Let the relay's operator see ping and quality of each connection (default); nothing is sent for that alone. */
  readonly reportQuality?: boolean;
  /** Default: the global one. */
  readonly WebSocket?: WebSocketConstructor;
  /** The WebSocket loses or reorders end-to-end frames, as the simulator's does: the engines resend by timers then. */
  readonly isLossy?: boolean;
}

/** Which connections are meant. NetworkingSockets on port 0 where nothing is said. */
export interface PortOptions {
  readonly type?: ConnectionType;
  /** 0 to 999; NetworkingSockets and NetworkOld only. */
  readonly virtualPort?: number;
  readonly tuning?: ConnectionTuning;
}

export interface OpenOptions extends PortOptions {
  readonly channel?: number;
  /** How long to wait for the peer; default: the relay's. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Why the client left the relay. `code` numbers: `CloseCode`, or what the WebSocket reported. */
export interface ClientClosed {
  readonly code: number;
  readonly reason: string;
  /** Why there was no other socket, when one was looked for. */
  readonly cause?: unknown;
}

export interface ReconnectAttempt {
  /** From 1. */
  readonly attempt: number;
  /** How long it waits before it dials. */
  readonly waitMs: number;
  /** How the socket was lost or the attempt before this one failed. A RelayError, or what the ticket callback threw. */
  readonly cause: unknown;
}

export interface ClientEvents {
  /** The relay refused a frame (docs/protocol.md, "Errors"). */
  error: RelayError;
  /** The socket is lost, or an attempt to have another has failed; there will be another attempt. */
  reconnecting: ReconnectAttempt;
  /** There is a socket again. Not `isResumed`: of a fresh session, and the connections of the other one have ended. */
  reconnected: { readonly isResumed: boolean };
  closed: ClientClosed;
}

/** `isRepeated`: the peer asks again for a connection that was offered before and is neither accepted nor refused. */
export type Acceptor = (connection: RelayConnection, isRepeated: boolean) => void;

export function portKey(type: ConnectionType, virtualPort: number | undefined): string {
  return `${type}/${virtualPort ?? ""}`;
}

export function checkPort(options: PortOptions): { type: ConnectionType; virtualPort: number | undefined } {
  const type = options.type ?? ConnectionType.NetworkingSockets;
  if (!hasVirtualPort(type)) return { type, virtualPort: undefined };
  const virtualPort = options.virtualPort ?? 0;
  if (!Number.isInteger(virtualPort) || virtualPort < 0 || virtualPort > MAX_VIRTUAL_PORT) {
    throw new RelayError("invalid_argument", `The virtual port must be an integer from 0 to ${MAX_VIRTUAL_PORT}`);
  }
  return { type, virtualPort };
}
