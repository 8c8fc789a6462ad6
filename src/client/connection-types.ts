/** What a connection is asked for, and what it tells. */
import type { ConnectionState, ConnectionType } from "../protocol/index.ts";
import type { EngineOptions } from "./engine/connection-engine.ts";
import type { RelayConnection } from "./relay-connection.ts";

/** How a connection ended. `reason` numbers: `EndReason`, and 1000 to 2999 for the application's own. */
export interface Ending {
  readonly reason: number;
  readonly debug: string;
  readonly closedBy: "local" | "peer" | "relay";
}

export interface StateChange {
  readonly state: ConnectionState;
  readonly previous: ConnectionState;
}

export type ConnectionPath = "open" | "reconnecting" | "peer-away" | "held";

export interface PathChange {
  readonly path: ConnectionPath;
  readonly previous: ConnectionPath;
}

export interface ConnectionEvents {
  statechange: StateChange;
  pathchange: PathChange;
  closed: Ending;
}

export interface MessageOptions {
  /** Delivered once and in order within its lane (default), or dropped rather than late. */
  readonly reliable?: boolean;
  /** Send at once instead of waiting a few ms for more to share a message with. */
  readonly noNagle?: boolean;
  /** Unreliable only: drop it when it could not leave now. */
  readonly noDelay?: boolean;
  readonly lane?: number;
  readonly channel?: number;
}

export interface CloseOptions {
  /** 1000 to 1999 for a normal end, 2000 to 2999 for a failure; default 1000. */
  readonly reason?: number;
  /** Text for the other end's developer; at most 127 bytes of UTF-8. */
  readonly debug?: string;
  /** Deliver what was sent reliably before closing (default), for at most 5 s. */
  readonly linger?: boolean;
  /** Be Disconnecting until the other end has closed too, for at most 5 s (rule C8). */
  readonly graceful?: boolean;
}

/** Limits and habits of one connection; the relay's and Steam's where nothing is said. */
export type ConnectionTuning = Omit<EngineOptions, "maxPayload" | "maxSendRate" | "ordered" | "alignment">;

/** Where the connection comes from and what it needs of the client it belongs to. */
export interface ConnectionHost {
  accept(connection: RelayConnection): void;
  refuse(connection: RelayConnection, reason: number, debug: string): void;
  close(connection: RelayConnection, reason: number, debug: string, isGraceful: boolean): void;
  /** Something is due to be sent. */
  wake(): void;
  now(): number;
}

export interface ConnectionOptions {
  readonly peer: bigint;
  readonly type: ConnectionType;
  readonly virtualPort: number | undefined;
  readonly channel: number | undefined;
  readonly isIncoming: boolean;
  readonly timeoutMs?: number | undefined;
  readonly maxPayload: number;
  readonly maxSendRate?: number;
  /** False where frames may be lost or overtake each other on the way (the simulator). */
  readonly isOrdered: boolean;
  readonly alignment?: EngineOptions["alignment"];
  /** Tell the relay how this end finds the connection (rule Q2; default). */
  readonly reportQuality?: boolean | undefined;
  readonly tuning: ConnectionTuning;
}
