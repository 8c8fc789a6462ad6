/** What the rules ask of the world around them. Each runtime satisfies these; nothing here knows a platform. */
import type {
  AppId,
  ConnectionId,
  ConnectionState,
  ConnectionType,
  Handle,
  PeerId,
  SessionId,
} from "../protocol/index.ts";
import type { SavedGroup } from "./groups/group.ts";
import type { Seat } from "./hosting/seat.ts";
import type { LogLevel, LogLine } from "./log-events.ts";

export type { LogLevel } from "./log-events.ts";

/** One peer's WebSocket. */
export interface RelaySocket {
  /** Queues one binary message. The relay never touches the bytes again, so a runtime may keep them without a copy. */
  send(bytes: Uint8Array): void;
  close(code: number, reason: string): void;
  /** Bytes that the platform was given and has not handed on; undefined where it cannot tell. */
  bufferedAmount(): number | undefined;
  /** When the platform last answered a keep-alive for this socket without the relay seeing it, in ms; 0 if never. */
  lastKeepAlive(): number;
  /** Keeps what the relay must know of this socket when the object is evicted while the socket stays open. */
  save(link: SavedLink): void;
}

/** Who the ticket says is at the other end of a socket. */
export interface Admission {
  readonly peer: PeerId;
  /** The ticket grants visibility: this peer may learn that another is absent or refused it. */
  readonly visible: boolean;
  /** Where the client is, as far as the runtime can tell (an IP address); for bans and limits. */
  readonly address?: string | undefined;
  /** The ticket's own name (`jti`), for revocation. */
  readonly ticketId?: string | undefined;
  /** The limits that the ticket grants: a name among the app's classes. */
  readonly rateClass?: string | undefined;
  /** The ticket is good for this room alone: the peer looks for nobody in another one (rule X1). */
  readonly isBound?: boolean | undefined;
}

/** The state of a socket, as it is kept beside it through a hibernation. */
export type SavedLink =
  | { readonly state: "awaiting-hello"; readonly admission: Admission; readonly since: number }
  | {
      readonly state: "open";
      readonly admission: Admission;
      readonly since: number;
      readonly session: SessionId;
      readonly token: Uint8Array;
      readonly previousToken?: Uint8Array | undefined;
      /** The close frames that its client may not have heard (R5). */
      readonly farewells?: Uint8Array | undefined;
      /** Frames waited for its client (F2): they are gone with the memory. */
      readonly isHolding?: boolean;
      /** Its groups (G3). */
      readonly groups?: readonly SavedGroup[];
      /** It is told who hosts the room (V2), and has offered to at this time (V1). */
      readonly isFollowing?: boolean;
      readonly offeredAt?: number | undefined;
      /** ms of the last message, as far as it was saved */
      readonly heard: number;
    }
  /** The relay has closed it; the platform may go on listing it until the other end answers. */
  | { readonly state: "over"; readonly admission: Admission; readonly since: number };

/** One connection as it stands on disk. Counters are kept apart, in one packed row (promise 7). */
export interface StoredConnection {
  readonly connectionId: ConnectionId;
  readonly handle: Handle;
  readonly fromPeerId: PeerId;
  readonly toPeerId: PeerId;
  readonly appId: AppId;
  readonly type: ConnectionType;
  readonly state: ConnectionState;
  readonly created: number;
  readonly connectedAt: number | undefined;
  readonly disconnectingAt: number | undefined;
  readonly virtualPort: number | undefined;
  readonly channel: number | undefined;
  readonly deadline: number | undefined;
  readonly pendingReason: number | undefined;
  readonly pendingBy: PeerId | undefined;
  readonly isRefused: boolean;
  /** Where the end that is not here is (trunk/); undefined where both are here. */
  readonly farPeer: PeerId | undefined;
  readonly farRoom: string | undefined;
  readonly farHandle: number | undefined;
  /** How often each end has moved (shards/). */
  readonly fromMoves: number;
  readonly toMoves: number;
}

/** A session that has, or had, connections, as it stands on disk: what a client needs to come back to it (rule R1). */
export interface StoredSession {
  readonly peer: PeerId;
  readonly session: SessionId;
  readonly token: Uint8Array;
  readonly previousToken: Uint8Array | undefined;
  /** ms; undefined while it has a socket, and after a crash. */
  readonly awayUntil: number | undefined;
  /** The close frames that wait for the client. */
  readonly farewells: Uint8Array;
  /** ms when it offered to host the room (V1). */
  readonly offeredAt: number | undefined;
}

/** Buckets of an hour or a day (history/rows.ts). */
export interface HistoryRow {
  readonly slot: number;
  readonly packed: Float64Array;
}

/** What survives. Every method is synchronous and on its way to disk before anything that is sent after it. */
export interface RoomStore {
  loadConnections(): StoredConnection[];
  /** The last saved counters (counters.ts); undefined in a new room. */
  loadCounters(): Float64Array | undefined;
  insertConnection(connection: StoredConnection): void;
  updateConnection(connection: StoredConnection): void;
  deleteConnection(handle: Handle): void;
  loadSessions(): StoredSession[];
  saveSession(session: StoredSession): void;
  deleteSession(peer: PeerId): void;
  /** Who hosts the room (hosting/); undefined where there was never an election. */
  loadSeat(): Seat | undefined;
  saveSeat(seat: Seat): void;
  /** With rows of the history that have changed: all or none. */
  saveCounters(counters: Float64Array, history?: readonly HistoryRow[]): void;
  /** Those in slots `first` to `last`. */
  loadHistory(first: number, last: number): HistoryRow[];
}

/** How a room reaches the other rooms of its app (docs/trunk.md). */
export interface TrunkPort {
  /**
   * A socket to the room of this name ("" for the app's own), at once: what is sent before it is open waits. Whatever becomes
   * of it is told by `Room.trunkClosed`, and what comes over it by `Room.receiveTrunk`.
   */
  dial(room: string): TrunkSocket;
}

/** A socket between two rooms. Nothing of it outlives the memory but what the platform keeps by itself. */
export type TrunkSocket = Omit<RelaySocket, "save" | "lastKeepAlive">;

/** A log line as who receives it sees it. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly event: string;
  readonly [field: string]: string | number | boolean | undefined;
}

/** Takes the lines of log-events.ts, and no others. */
export type Log = (line: LogLine) => void;
