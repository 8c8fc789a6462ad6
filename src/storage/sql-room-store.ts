import {
  ConnectionState,
  type Handle,
  type PeerId,
  handleOf,
  isConnectionType,
  parseAppId,
  parseConnectionId,
  parsePeerId,
  parseSessionId,
} from "../protocol/index.ts";
import type { RoomStore, StoredConnection, StoredSession } from "../relay/ports.ts";
import type { SqlDatabase, SqlRow } from "./sql-database.ts";

/** A room's memory in SQL: one row per open connection, and one packed row for all counters. Migrate first. */
export class SqlRoomStore implements RoomStore {
  readonly #db: SqlDatabase;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  loadConnections(): StoredConnection[] {
    return this.#db.all(`SELECT * FROM connections ORDER BY handle`).map(readConnection);
  }

  loadCounters(): Float64Array | undefined {
    const packed = this.#db.all(`SELECT packed FROM counters WHERE id = 1`)[0]?.["packed"];
    if (packed === undefined) return undefined;
    const bytes = copyOf(packed as ArrayBuffer | Uint8Array);
    if (bytes.byteLength % Float64Array.BYTES_PER_ELEMENT !== 0) {
      throw new Error(`Cannot read the stored counters: their row is damaged (${bytes.byteLength} bytes)`);
    }
    return new Float64Array(bytes);
  }

  insertConnection(connection: StoredConnection): void {
    const { handle, connectionId, fromPeerId, toPeerId, appId, type, state, created } = connection;
    this.#db.run(
      `INSERT INTO connections
        (handle, id, from_peer, to_peer, app, type, state, created, virtual_port, channel, deadline, pending_reason,
         pending_by, refused, connected_at, disconnecting_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      handle,
      String(connectionId),
      String(fromPeerId),
      String(toPeerId),
      appId,
      type,
      state,
      created,
      connection.virtualPort ?? null,
      connection.channel ?? null,
      connection.deadline ?? null,
      connection.pendingReason ?? null,
      textOf(connection.pendingBy),
      Number(connection.isRefused),
      connection.connectedAt ?? null,
      connection.disconnectingAt ?? null,
    );
  }

  updateConnection(connection: StoredConnection): void {
    this.#db.run(
      `UPDATE connections SET state = ?, deadline = ?, pending_reason = ?, pending_by = ?, refused = ?, connected_at = ?,
        disconnecting_at = ? WHERE handle = ?`,
      connection.state,
      connection.deadline ?? null,
      connection.pendingReason ?? null,
      textOf(connection.pendingBy),
      Number(connection.isRefused),
      connection.connectedAt ?? null,
      connection.disconnectingAt ?? null,
      connection.handle,
    );
  }

  deleteConnection(handle: Handle): void {
    this.#db.run(`DELETE FROM connections WHERE handle = ?`, handle);
  }

  loadSessions(): StoredSession[] {
    return this.#db.all(`SELECT * FROM sessions`).map(readSession);
  }

  saveSession({ peer, session, token, previousToken, awayUntil, farewells }: StoredSession): void {
    this.#db.run(
      `INSERT OR REPLACE INTO sessions (peer, id, token, previous_token, away_until, farewells) VALUES (?, ?, ?, ?, ?, ?)`,
      String(peer),
      String(session),
      token,
      previousToken ?? null,
      awayUntil ?? null,
      farewells,
    );
  }

  deleteSession(peer: PeerId): void {
    this.#db.run(`DELETE FROM sessions WHERE peer = ?`, String(peer));
  }

  saveCounters(counters: Float64Array): void {
    const bytes = new Uint8Array(counters.buffer, counters.byteOffset, counters.byteLength);
    this.#db.run(`INSERT OR REPLACE INTO counters (id, packed) VALUES (1, ?)`, bytes);
  }
}

/** Doubles must be aligned; a blob may come as a view at any offset. */
function copyOf(packed: ArrayBuffer | Uint8Array): ArrayBuffer {
  return new Uint8Array(packed).slice().buffer;
}

function readConnection(row: SqlRow): StoredConnection {
  const { type, state, created } = row;
  const connectionId = parseConnectionId(row["id"]);
  const fromPeerId = parsePeerId(row["from_peer"]);
  const toPeerId = parsePeerId(row["to_peer"]);
  const appId = parseAppId(Number(row["app"]));
  const isWhole = connectionId && fromPeerId && toPeerId && appId && isType(type) && isOpenState(state);
  if (!isWhole || typeof created !== "number" || Number(row["handle"]) !== handleOf(connectionId)) {
    throw new Error(`Cannot read the stored connection ${String(row["handle"])}: its row is damaged`);
  }
  return {
    handle: handleOf(connectionId),
    connectionId,
    fromPeerId,
    toPeerId,
    appId,
    type,
    state,
    created,
    connectedAt: optionalNumber(row["connected_at"]),
    disconnectingAt: optionalNumber(row["disconnecting_at"]),
    virtualPort: optionalNumber(row["virtual_port"]),
    channel: optionalNumber(row["channel"]),
    deadline: optionalNumber(row["deadline"]),
    pendingReason: optionalNumber(row["pending_reason"]),
    pendingBy: parsePeerId(row["pending_by"]),
    isRefused: row["refused"] === 1,
  };
}

function readSession(row: SqlRow): StoredSession {
  const peer = parsePeerId(row["peer"]);
  const session = parseSessionId(row["id"]);
  const token = bytesOf(row["token"]);
  const farewells = bytesOf(row["farewells"]);
  if (!peer || !session || !token || !farewells) {
    throw new Error(`Cannot read the stored session of peer ${String(row["peer"])}: its row is damaged`);
  }
  const previousToken = bytesOf(row["previous_token"]);
  return { peer, session, token, previousToken, awayUntil: optionalNumber(row["away_until"]), farewells };
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return value instanceof Uint8Array ? value : undefined;
}

function textOf(peer: PeerId | undefined): string | null {
  return peer === undefined ? null : String(peer);
}

function isType(value: unknown): value is StoredConnection["type"] {
  return typeof value === "number" && isConnectionType(value);
}

/** A closed connection has no row. */
function isOpenState(value: unknown): value is StoredConnection["state"] {
  return (
    value === ConnectionState.Connecting ||
    value === ConnectionState.Connected ||
    value === ConnectionState.Disconnecting
  );
}

function optionalNumber(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
