import {
  type AppId,
  type ConnectionId,
  ConnectionState,
  type ConnectionType,
  EndReason,
  type Handle,
  NO_CONNECTION,
  Path,
  type PeerId,
  connectionStateName,
  connectionTypeName,
  handleOf,
  hasVirtualPort,
  makeConnectionId,
} from "../protocol/index.ts";
import { type ConnectionRecord, type P2PConnection, mayFollow, otherEnd } from "./connection.ts";
import type { Log, StoredConnection } from "./ports.ts";
import { ALL_HANDLES, type HandleRange } from "./shards/names.ts";

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
  readonly handles?: HandleRange;
}

export interface CreateOptions {
  /** ms */
  readonly now: number;
  /** Part of the key in NetworkOld and NetworkingSockets; ignored in the other families. Default 0 there. */
  readonly virtualPort?: number | undefined;
  readonly channel?: number | undefined;
  /** How long Connecting may last. Without it only the idle timeout ends an unanswered connection. */
  readonly connectTimeoutMs?: number | undefined;
  /** The end that is not in this room, and where it is. */
  readonly far?: { readonly peer: PeerId; readonly room: string; readonly handle: number };
  /** It is to have this one, unless another connection has. */
  readonly handle?: number | undefined;
}

export interface RelayStatistics {
  readonly totalPackets: number;
  readonly totalBytes: number;
}

/** What is not known yet of a connection's ends, or any more. */
const UNKNOWN = {
  trunk: undefined,
  farPath: Path.Open,
  isFarConnected: false,
  isFarVisible: false,
  isMoved: false,
  dirtyMark: 0,
  fromSession: undefined,
  toSession: undefined,
  rates: undefined,
  quality: undefined,
};

interface PeerRecords {
  readonly all: Set<ConnectionRecord>;
  /** How many of them others have asked for and the peer has not answered. */
  unanswered: number;
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
  readonly #byId = new Map<ConnectionId, ConnectionRecord>();
  readonly #byHandle = new Map<number, ConnectionRecord>();
  /** By what makes a connection the same (rule C1). */
  readonly #byKey = new Map<string, ConnectionRecord>();
  readonly #byPeer = new Map<PeerId, PeerRecords>();
  readonly #handles: HandleRange;
  #nextHandle: number;
  #totalPackets = 0;
  #totalBytes = 0;
  /** ms: the newest that it was told. */
  #now = 0;
  #isShutdown = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#handles = options.handles ?? ALL_HANDLES;
    this.#nextHandle = this.#handles.first;
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
    const existing = this.#find(fromPeerId, toPeerId, type, options.virtualPort);
    if (existing) return existing.connectionId;
    const { now, channel, connectTimeoutMs, far } = options;
    const handle = this.#takeHandle(options.handle);
    const record: ConnectionRecord = {
      connectionId: makeConnectionId(now, handle),
      handle,
      fromPeerId,
      toPeerId,
      appId,
      type,
      state: ConnectionState.Connecting,
      created: now,
      connectedAt: undefined,
      disconnectingAt: undefined,
      lastActivity: now,
      packetsRelayed: 0,
      bytesRelayed: 0,
      virtualPort: portOf(type, options.virtualPort),
      channel,
      deadline: connectTimeoutMs === undefined ? undefined : now + connectTimeoutMs,
      pendingReason: undefined,
      pendingBy: undefined,
      isRefused: false,
      farPeer: far?.peer,
      farRoom: far?.room,
      farHandle: far?.handle,
      fromMoves: 0,
      toMoves: 0,
      ...UNKNOWN,
    };
    this.#index(record);
    try {
      this.#options.events?.opened?.(record);
    } catch (error) {
      this.#unindex(record); // it could not be written down, so there is no such connection
      throw error;
    }
    return record.connectionId;
  }

  /** The id of the peers' open connection, in either direction, or `0n`. O(1). */
  findConnection(from: PeerId, to: PeerId, type: ConnectionType, virtualPort?: number): ConnectionId {
    return this.#find(from, to, type, virtualPort)?.connectionId ?? NO_CONNECTION;
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
    this.#setState(record, state);
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
    this.#unindex(record);
    this.#logClosed(record, previous, reason);
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
      const reason = this.#staleReason(record, now);
      if (reason === undefined) continue;
      if (this.closeConnection(record.connectionId, reason, { peer: record.pendingBy })) closed++;
    }
    if (closed > 0) this.#options.log({ level: "info", event: "cleanup", closed, active: this.#byId.size });
    return closed;
  }

  /** When the next connect or disconnect deadline, and the next idle timeout, falls; Infinity for none. O(connections). */
  nextDue(): { deadline: number; idle: number } {
    let deadline = Infinity;
    let idle = Infinity;
    for (const record of this.#byId.values()) {
      if (record.deadline === undefined) idle = Math.min(idle, this.staleTime(record));
      else deadline = Math.min(deadline, record.deadline);
    }
    return { deadline, idle };
  }

  /** For all connections, those included that are open. */
  setIdleTimeout(ms: number): void {
    this.#idleTimeoutMs = ms;
  }

  /** When this connection turns stale if nothing happens until then. */
  staleTime(connection: P2PConnection): number {
    return connection.deadline ?? connection.lastActivity + this.#idleTimeoutMs;
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
    return [...(this.#byPeer.get(peerId)?.all ?? [])];
  }

  /** The same without a copy: nothing may be opened or closed while it is walked. */
  connectionsOf(peerId: PeerId): Iterable<P2PConnection> {
    return this.#byPeer.get(peerId)?.all ?? [];
  }

  /** How many connections a peer has. O(1). */
  countConnectionsForPeer(peerId: PeerId): number {
    return this.#byPeer.get(peerId)?.all.size ?? 0;
  }

  /** How many of them are Connecting, asked for by others. O(1). */
  countUnansweredForPeer(peerId: PeerId): number {
    return this.#byPeer.get(peerId)?.unanswered ?? 0;
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
    return this.#nextHandle;
  }

  /**
   * Takes over a connection that outlived the object's memory; after `restoreStatistics`, in order of their handles. True
   * when it was opened after the counters were saved.
   */
  restoreConnection(
    stored: StoredConnection,
    counters: { packets: number; bytes: number; lastActivity: number },
  ): boolean {
    this.#index({
      ...stored,
      lastActivity: Math.max(stored.created, counters.lastActivity),
      packetsRelayed: counters.packets,
      bytesRelayed: counters.bytes,
      ...UNKNOWN,
    });
    const { first, last } = this.#handles;
    if (stored.handle < first || stored.handle > last) return false; // another shard's, and counted when it came
    // "After" in serial arithmetic, because the count wraps.
    const isLater = (stored.handle - this.#nextHandle) >>> 0 < 0x8000_0000;
    if (isLater) this.#nextHandle = this.#handleAfter(stored.handle);
    return isLater;
  }

  /**
   * Takes over a connection that was another room's, or a half of it: it has carried nothing here. Undefined where its handle or
   * its key is another one's. Nobody is told.
   */
  adopt(stored: StoredConnection, lastActivity: number): P2PConnection | undefined {
    const { fromPeerId, toPeerId, type, virtualPort } = stored;
    if (this.#byHandle.has(stored.handle) || this.#byId.has(stored.connectionId)) return undefined;
    if (this.#find(fromPeerId, toPeerId, type, virtualPort)) return undefined;
    const record: ConnectionRecord = { ...stored, lastActivity, packetsRelayed: 0, bytesRelayed: 0, ...UNKNOWN };
    this.#index(record);
    return record;
  }

  /** It is another room's from now on. Nobody is told. */
  release(id: ConnectionId): void {
    const record = this.#byId.get(id);
    if (record) this.#unindex(record);
  }

  /** After a crash: handles may have been given out that nobody wrote down, and clients may still know them. */
  skipHandles(count: number): void {
    const { first, last } = this.#handles;
    this.#nextHandle = first + ((this.#nextHandle - first + count) % (last - first + 1));
  }

  restoreStatistics(statistics: RelayStatistics, nextHandle: number): void {
    this.#totalPackets = statistics.totalPackets;
    this.#totalBytes = statistics.totalBytes;
    this.#nextHandle = nextHandle;
  }

  #takeHandle(wanted: number | undefined): Handle {
    if (wanted !== undefined && !this.#byHandle.has(wanted)) return wanted as Handle;
    // After the last of them the count begins again at the first, past those that are still open.
    while (this.#byHandle.has(this.#nextHandle)) this.#nextHandle = this.#handleAfter(this.#nextHandle);
    const handle = this.#nextHandle as Handle;
    this.#nextHandle = this.#handleAfter(handle);
    return handle;
  }

  #handleAfter(handle: number): number {
    return handle >= this.#handles.last ? this.#handles.first : handle + 1;
  }

  #index(record: ConnectionRecord): void {
    const { fromPeerId, toPeerId, type, virtualPort, state } = record;
    this.#byId.set(record.connectionId, record);
    this.#byHandle.set(record.handle, record);
    this.#byKey.set(keyOf(fromPeerId, toPeerId, type, virtualPort), record);
    this.#recordsOf(fromPeerId).all.add(record);
    const ofTarget = this.#recordsOf(toPeerId);
    ofTarget.all.add(record);
    if (state === ConnectionState.Connecting) ofTarget.unanswered++;
  }

  #unindex(record: ConnectionRecord): void {
    const { fromPeerId, toPeerId, type, virtualPort } = record;
    this.#setState(record, ConnectionState.Closed);
    this.#byId.delete(record.connectionId);
    this.#byHandle.delete(record.handle);
    this.#byKey.delete(keyOf(fromPeerId, toPeerId, type, virtualPort));
    this.#forget(fromPeerId, record);
    this.#forget(toPeerId, record);
  }

  /** The one way a state changes: what is counted by state changes with it. */
  #setState(record: ConnectionRecord, state: ConnectionState): void {
    if (record.state === ConnectionState.Connecting) this.#recordsOf(record.toPeerId).unanswered--;
    record.state = state;
  }

  #recordsOf(peer: PeerId): PeerRecords {
    let records = this.#byPeer.get(peer);
    if (!records) this.#byPeer.set(peer, (records = { all: new Set(), unanswered: 0 }));
    return records;
  }

  #forget(peer: PeerId, record: ConnectionRecord): void {
    const records = this.#byPeer.get(peer);
    records?.all.delete(record);
    if (records?.all.size === 0) this.#byPeer.delete(peer);
  }

  #find(a: PeerId, b: PeerId, type: ConnectionType, virtualPort: number | undefined): ConnectionRecord | undefined {
    return this.#byKey.get(keyOf(a, b, type, portOf(type, virtualPort)));
  }

  #staleReason(record: ConnectionRecord, now: number): number | undefined {
    if (now < this.staleTime(record)) return undefined;
    if (record.deadline === undefined) return EndReason.IdleTimeout;
    return record.state === ConnectionState.Disconnecting
      ? (record.pendingReason ?? EndReason.AppGeneric)
      : EndReason.Timeout;
  }

  #logClosed(record: ConnectionRecord, previous: ConnectionState, reason: number): void {
    this.#options.log({
      level: "info",
      event: "connection_closed",
      connection: String(record.connectionId),
      from: String(record.fromPeerId),
      to: String(record.toPeerId),
      app: record.appId,
      type: connectionTypeName(record.type),
      state: connectionStateName(record.state),
      previousState: connectionStateName(previous),
      virtualPort: record.virtualPort,
      channel: record.channel,
      reason,
      packets: record.packetsRelayed,
      bytes: record.bytesRelayed,
      created: record.created,
      lastActivity: record.lastActivity,
      durationMs: Math.max(this.#now, record.lastActivity) - record.created,
    });
  }
}

function portOf(type: ConnectionType, virtualPort: number | undefined): number | undefined {
  return hasVirtualPort(type) ? (virtualPort ?? 0) : undefined;
}

/** The same for both directions. */
function keyOf(a: PeerId, b: PeerId, type: ConnectionType, port: number | undefined): string {
  return a < b ? `${a}/${b}/${type}/${port}` : `${b}/${a}/${type}/${port}`;
}
