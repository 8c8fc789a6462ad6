import {
  type AppId,
  type ConnectionId,
  ConnectionState,
  type ConnectionType,
  EndReason,
  NO_CONNECTION,
  type PeerId,
  handleOf,
} from "../protocol/index.ts";
import { type ConnectionRecord, type P2PConnection, mayFollow, otherEnd } from "./connection.ts";
import { ConnectionIndex } from "./connection-index.ts";
import { closedLine } from "./connection-log.ts";
import { type CreateOptions, newRecord, restoredRecord } from "./connection-records.ts";
import { Handles } from "./handles.ts";
import type { Log, StoredConnection } from "./ports.ts";
import type { HandleRange } from "./shards/names.ts";
import { nextStale, staleReason, staleTime } from "./staleness.ts";

export type { CreateOptions } from "./connection-records.ts";

/** How a connection ended. `by` is the peer who ended it; undefined when the relay did. */
export interface Ending {
  readonly reason: number;
  readonly by?: PeerId | undefined;
  readonly debug?: string | undefined;
}

/** Told after the manager's own state is consistent, so a listener may call back into it. */
export interface ManagerEvents {
  opened?(connection: P2PConnection): void;
  /** `isRefused` is another than before. */
  refusalChanged?(connection: P2PConnection): void;
  stateChanged?(connection: P2PConnection, previous: ConnectionState): void;
  closed?(connection: P2PConnection, ending: Ending): void;
}

export interface ManagerOptions {
  readonly idleTimeoutMs: number;
  readonly log: Log;
  readonly events?: ManagerEvents;
  /** Those that it gives out. */
  readonly handles?: HandleRange | undefined;
}

export interface RelayStatistics {
  readonly totalPackets: number;
  readonly totalBytes: number;
}

/**
 * The registry of connections between the peers of one room.
 *
 * Synchronous and without a clock: every method runs to the end of its state change, and `now` (ms) is an argument.
 * That is what "thread-safe" means on one event loop: handlers that interleave at an `await` never see half a change.
 */
export class P2PRelayManager {
  readonly #options: ManagerOptions;
  #idleTimeoutMs: number;
  readonly #index = new ConnectionIndex();
  readonly #byId = this.#index.byId;
  /** Of the index, for the hot path: one field less to read for each frame. */
  readonly #byHandle = this.#index.byHandle;
  readonly #handles: Handles;
  #totalPackets = 0;
  #totalBytes = 0;
  /** ms: the newest that it was told. */
  #now = 0;
  #isShutdown = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#handles = new Handles(options.handles);
  }

  /**
   * The connection of two peers, made Connecting if there is none: the same id for A→B and B→A.
   * `0n` after shutdown, and for a peer with itself. O(1).
   */
  createOrGetConnection(
    fromPeerId: PeerId,
    toPeerId: PeerId,
    appId: AppId,
    type: ConnectionType,
    options: CreateOptions,
  ): ConnectionId {
    if (this.#isShutdown || fromPeerId === toPeerId) return NO_CONNECTION;
    const existing = this.#index.find(fromPeerId, toPeerId, type, options.virtualPort);
    if (existing) return existing.connectionId;
    const handle = this.#handles.take(this.#byHandle, options.handle);
    const record = newRecord(handle, fromPeerId, toPeerId, appId, type, options);
    this.#index.add(record);
    try {
      this.#options.events?.opened?.(record);
    } catch (error) {
      this.#index.remove(record); // it could not be written down, so there is no such connection
      throw error;
    }
    return record.connectionId;
  }

  /** The id of the peers' open connection, in either direction, or `0n`. O(1). */
  findConnection(from: PeerId, to: PeerId, type: ConnectionType, virtualPort?: number): ConnectionId {
    return this.#index.find(from, to, type, virtualPort)?.connectionId ?? NO_CONNECTION;
  }

  /**
   * False, and nothing changed, for an unknown id and for a transition that the lifecycle does not have.
   * `now` counts as activity: a connection that took long to be accepted has its whole idle timeout before it. `at` is when
   * it happens where that is no activity.
   */
  updateConnectionState(
    id: ConnectionId,
    state: ConnectionState,
    { now, at = now, deadline }: { readonly now?: number; readonly at?: number; readonly deadline?: number } = {},
  ): boolean {
    const record = this.#byId.get(id);
    if (!record || !mayFollow(record.state, state)) return false;
    if (state === ConnectionState.Closed) return this.closeConnection(id);
    const previous = record.state;
    this.#index.setState(record, state);
    record.deadline = deadline;
    if (now !== undefined) record.lastActivity = now;
    if (state === ConnectionState.Connected) record.connectedAt = at;
    else record.disconnectingAt = at;
    this.#options.events?.stateChanged?.(record, previous);
    return true;
  }

  /** Disconnecting from `now` until `deadline`, then Closed with `reason`. */
  beginDisconnect(id: ConnectionId, reason: number, by: PeerId, deadline: number, now?: number): boolean {
    const record = this.#byId.get(id);
    if (!record || !mayFollow(record.state, ConnectionState.Disconnecting)) return false;
    record.pendingReason = reason;
    record.pendingBy = by;
    return this.updateConnectionState(id, ConnectionState.Disconnecting, {
      deadline,
      ...(now !== undefined && { at: now }),
    });
  }

  /** Notes that the other end said no, without telling the initiator before its time. */
  markRefused(id: ConnectionId, isRefused: boolean): void {
    const record = this.#byId.get(id);
    if (!record || record.isRefused === isRefused) return;
    record.isRefused = isRefused;
    this.#options.events?.refusalChanged?.(record);
  }

  /** Adds one packet of `size` bytes to the connection and to the room. False for an unknown id. O(1). */
  recordPacketRelayed(id: ConnectionId, size: number, now: number): boolean {
    const record = this.#byHandle.get(handleOf(id));
    if (record?.connectionId !== id) return false;
    this.recordPacket(record, size, now);
    return true;
  }

  /** The same for who holds the record already: the relay's hot path, four additions and no lookup. */
  recordPacket(connection: P2PConnection, size: number, now: number): void {
    const record = connection as ConnectionRecord;
    record.packetsRelayed++;
    record.bytesRelayed += size;
    record.lastActivity = now;
    this.#totalPackets++;
    this.#totalBytes += size;
  }

  /** One packet that went over no connection, but to a member of a group. */
  recordGroupPacket(size: number): void {
    this.#totalPackets++;
    this.#totalBytes += size;
  }

  /** What follows happens at `now`, where it does not say when. */
  beginTurn(now: number): void {
    this.#now = now;
  }

  /** Ends a connection: Closed, out of every index, its final statistics logged. False for an unknown id. */
  closeConnection(
    id: ConnectionId,
    reason: number = EndReason.MiscGeneric,
    by?: { readonly peer?: PeerId | undefined; readonly debug?: string | undefined },
  ): boolean {
    const record = this.#byId.get(id);
    if (!record) return false;
    const previous = record.state;
    this.#index.remove(record);
    this.#options.log(closedLine(record, previous, reason, this.#now));
    this.#options.events?.closed?.(record, { reason, by: by?.peer, debug: by?.debug });
    return true;
  }

  /** Ends all connections of a peer. Returns how many. */
  closeConnectionsForPeer(
    peerId: PeerId,
    reason: number = EndReason.PeerLeft,
    by?: { readonly peer?: PeerId | undefined; readonly debug?: string | undefined },
  ): number {
    let closed = 0;
    for (const { connectionId } of this.getConnectionsForPeer(peerId)) {
      if (this.closeConnection(connectionId, reason, by)) closed++;
    }
    return closed;
  }

  /** Ends what is idle for too long and what did not connect or disconnect in time. Returns how many. */
  cleanupStaleConnections(now: number): number {
    this.#now = Math.max(this.#now, now);
    let closed = 0;
    for (const record of [...this.#byId.values()]) {
      const reason = staleReason(record, this.#idleTimeoutMs, now);
      if (reason === undefined) continue;
      if (this.closeConnection(record.connectionId, reason, { peer: record.pendingBy })) closed++;
    }
    if (closed > 0) this.#options.log({ level: "info", event: "cleanup", closed, active: this.#byId.size });
    return closed;
  }

  /** When the next connect or disconnect deadline, and the next idle timeout, falls; Infinity for none. O(connections). */
  nextDue(): { deadline: number; idle: number } {
    return nextStale(this.#byId.values(), this.#idleTimeoutMs);
  }

  /** For all connections, those included that are open. */
  setIdleTimeout(ms: number): void {
    this.#idleTimeoutMs = ms;
  }

  /** When this connection turns stale if nothing happens until then. */
  staleTime(connection: P2PConnection): number {
    return staleTime(connection, this.#idleTimeoutMs);
  }

  /** Ends everything and refuses to create again. A second call does nothing. */
  shutdown(): void {
    if (this.#isShutdown) return;
    this.#isShutdown = true;
    const active = this.#byId.size;
    for (const id of [...this.#byId.keys()]) this.closeConnection(id, EndReason.RelayShutdown);
    const { totalPackets, totalBytes } = this.getStatistics();
    this.#options.log({ level: "info", event: "shutdown", active, totalPackets, totalBytes });
  }

  getConnection(id: ConnectionId): P2PConnection | undefined {
    return this.#byId.get(id);
  }

  getConnectionByHandle(handle: number): P2PConnection | undefined {
    return this.#byHandle.get(handle);
  }

  /** The other end, or undefined when the connection is unknown or the source is not an end of it. */
  getDestinationPeer(id: ConnectionId, sourcePeerId: PeerId): PeerId | undefined {
    const record = this.#byId.get(id);
    return record && otherEnd(record, sourcePeerId);
  }

  /** A copy: connections may be closed while it is walked. */
  getConnectionsForPeer(peerId: PeerId): P2PConnection[] {
    return [...this.#index.of(peerId)];
  }

  /** The same without a copy: nothing may be opened or closed while it is walked. */
  connectionsOf(peerId: PeerId): Iterable<P2PConnection> {
    return this.#index.of(peerId);
  }

  /** How many connections a peer has. O(1). */
  countConnectionsForPeer(peerId: PeerId): number {
    return this.#index.countOf(peerId);
  }

  /** How many of them are Connecting, asked for by others. O(1). */
  countUnansweredForPeer(peerId: PeerId): number {
    return this.#index.countUnansweredOf(peerId);
  }

  /** All connections in order of creation. Do not close while walking it; copy first. */
  connections(): IterableIterator<P2PConnection> {
    return this.#byId.values();
  }

  /** O(1). */
  getActiveConnectionCount(): number {
    return this.#byId.size;
  }

  /** Over the life of the room, closed connections included. O(1). */
  getStatistics(): RelayStatistics {
    return { totalPackets: this.#totalPackets, totalBytes: this.#totalBytes };
  }

  /** The handle that the next connection gets; kept through restarts so that a stale frame never meets a new owner. */
  get nextHandle(): number {
    return this.#handles.next;
  }

  /**
   * Takes over a connection that outlived the object's memory; after `restoreStatistics`, in order of their handles. True
   * when it was opened after the counters were saved.
   */
  restoreConnection(
    stored: StoredConnection,
    counters: { packets: number; bytes: number; lastActivity: number },
  ): boolean {
    this.#index.add(restoredRecord(stored, counters));
    return this.#handles.taken(stored.handle);
  }

  /**
   * Takes over a connection that was another room's, or a half of it: it has carried nothing here. Undefined where its handle or
   * its key is another one's. Nobody is told.
   */
  adopt(stored: StoredConnection, lastActivity: number): P2PConnection | undefined {
    const { fromPeerId, toPeerId, type, virtualPort, handle, connectionId } = stored;
    if (this.#byHandle.has(handle) || this.#byId.has(connectionId)) return undefined;
    if (this.#index.find(fromPeerId, toPeerId, type, virtualPort)) return undefined;
    const record = restoredRecord(stored, { packets: 0, bytes: 0, lastActivity });
    this.#index.add(record);
    return record;
  }

  /** It is another room's from now on. Nobody is told. */
  release(id: ConnectionId): void {
    const record = this.#byId.get(id);
    if (record) this.#index.remove(record);
  }

  /** After a crash: handles may have been given out that nobody wrote down, and clients may still know them. */
  skipHandles(count: number): void {
    this.#handles.skip(count);
  }

  restoreStatistics(statistics: RelayStatistics, nextHandle: number): void {
    this.#totalPackets = statistics.totalPackets;
    this.#totalBytes = statistics.totalBytes;
    this.#handles.restore(nextHandle);
  }
}
