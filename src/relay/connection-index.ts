import {
  type ConnectionId,
  ConnectionState,
  type ConnectionType,
  type PeerId,
  hasVirtualPort,
} from "../protocol/index.ts";
import type { ConnectionRecord } from "./connection.ts";

interface PeerRecords {
  readonly all: Set<ConnectionRecord>;
  /** How many of them others have asked for and the peer has not answered. */
  unanswered: number;
}

/** The ways in which a connection is found, each O(1). What is counted by state is right as long as states change here. */
export class ConnectionIndex {
  /** In order of creation. */
  readonly byId = new Map<ConnectionId, ConnectionRecord>();
  readonly byHandle = new Map<number, ConnectionRecord>();
  /** By what makes a connection the same (rule C1). */
  readonly #byKey = new Map<string, ConnectionRecord>();
  readonly #byPeer = new Map<PeerId, PeerRecords>();

  /** The peers' connection, whoever asked for it. */
  find(a: PeerId, b: PeerId, type: ConnectionType, virtualPort: number | undefined): ConnectionRecord | undefined {
    return this.#byKey.get(keyOf(a, b, type, portOf(type, virtualPort)));
  }

  add(record: ConnectionRecord): void {
    const { fromPeerId, toPeerId, type, virtualPort, state } = record;
    this.byId.set(record.connectionId, record);
    this.byHandle.set(record.handle, record);
    this.#byKey.set(keyOf(fromPeerId, toPeerId, type, virtualPort), record);
    this.#recordsOf(fromPeerId).all.add(record);
    const ofTarget = this.#recordsOf(toPeerId);
    ofTarget.all.add(record);
    if (state === ConnectionState.Connecting) ofTarget.unanswered++;
  }

  /** Closed, and out of all of them. */
  remove(record: ConnectionRecord): void {
    const { fromPeerId, toPeerId, type, virtualPort } = record;
    this.setState(record, ConnectionState.Closed);
    this.byId.delete(record.connectionId);
    this.byHandle.delete(record.handle);
    this.#byKey.delete(keyOf(fromPeerId, toPeerId, type, virtualPort));
    this.#forget(fromPeerId, record);
    this.#forget(toPeerId, record);
  }

  /** The one way a state changes: what is counted by state changes with it. */
  setState(record: ConnectionRecord, state: ConnectionState): void {
    if (record.state === ConnectionState.Connecting) this.#recordsOf(record.toPeerId).unanswered--;
    record.state = state;
  }

  /** Nothing may be opened or closed while it is walked. */
  of(peer: PeerId): Iterable<ConnectionRecord> {
    return this.#byPeer.get(peer)?.all ?? [];
  }

  countOf(peer: PeerId): number {
    return this.#byPeer.get(peer)?.all.size ?? 0;
  }

  /** How many are Connecting, asked for by others. */
  countUnansweredOf(peer: PeerId): number {
    return this.#byPeer.get(peer)?.unanswered ?? 0;
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
}

export function portOf(type: ConnectionType, virtualPort: number | undefined): number | undefined {
  return hasVirtualPort(type) ? (virtualPort ?? 0) : undefined;
}

/** The same for both directions. */
function keyOf(a: PeerId, b: PeerId, type: ConnectionType, port: number | undefined): string {
  return a < b ? `${a}/${b}/${type}/${port}` : `${b}/${a}/${type}/${port}`;
}
