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
import type { Seat } from "../relay/hosting/seat.ts";
import type { HistoryRow, RoomStore, StoredConnection, StoredSession } from "../relay/ports.ts";
import { bytesOfDoubles, readDoubles } from "./packed-doubles.ts";
import type { SqlDatabase, SqlRow } from "./sql-database.ts";
import { loadHistory, saveHistory } from "./sql-history.ts";

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
    return packed === undefined ? undefined : readDoubles(packed, "the stored counters");
  }

  insertConnection(connection: StoredConnection): void {
    const { handle, connectionId, fromPeerId, toPeerId, appId, type, state, created } = connection;
    this.#db.run(
      `INSERT INTO connections
        (handle, id, from_peer, to_peer, app, type, state, created, virtual_port, channel, deadline, pending_reason,
         pending_by, refused, connected_at, disconnecting_at, far)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      textOfFar(connection),
    );
  }

  updateConnection(connection: StoredConnection): void {
    this.#db.run(
      `UPDATE connections SET state = ?, deadline = ?, pending_reason = ?, pending_by = ?, refused = ?, connected_at = ?,
        disconnecting_at = ?, far = ? WHERE handle = ?`,
      connection.state,
      connection.deadline ?? null,
      connection.pendingReason ?? null,
      textOf(connection.pendingBy),
      Number(connection.isRefused),
      connection.connectedAt ?? null,
      connection.disconnectingAt ?? null,
      textOfFar(connection),
      connection.handle,
    );
  }

  deleteConnection(handle: Handle): void {
    this.#db.run(`DELETE FROM connections WHERE handle = ?`, handle);
  }

  loadSessions(): StoredSession[] {
    return this.#db.all(`SELECT * FROM sessions`).map(readSession);
  }

  saveSession({ peer, session, token, previousToken, awayUntil, farewells, offeredAt }: StoredSession): void {
    this.#db.run(
      `INSERT OR REPLACE INTO sessions (peer, id, token, previous_token, away_until, farewells, offered_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
      String(peer),
      String(session),
      token,
      previousToken ?? null,
      awayUntil ?? null,
      farewells,
      offeredAt ?? null,
    );
  }

  deleteSession(peer: PeerId): void {
    this.#db.run(`DELETE FROM sessions WHERE peer = ?`, String(peer));
  }

  loadSeat(): Seat | undefined {
    const row = this.#db.all(`SELECT epoch, peer, session FROM host WHERE id = 1`)[0];
    return row && readSeat(row);
  }

  saveSeat({ epoch, holder }: Seat): void {
    this.#db.run(
      `INSERT OR REPLACE INTO host (id, epoch, peer, session) VALUES (1, ?, ?, ?)`,
      epoch,
      textOf(holder?.peer),
      holder ? String(holder.session) : null,
    );
  }

  saveCounters(counters: Float64Array, history: readonly HistoryRow[] = []): void {
    const save = () => {
      this.#db.run(`INSERT OR REPLACE INTO counters (id, packed) VALUES (1, ?)`, bytesOfDoubles(counters));
    };
    if (history.length === 0) return save();
    this.#db.transaction(() => {
      save();
      saveHistory(this.#db, history);
    });
  }

  loadHistory(first: number, last: number): HistoryRow[] {
    return loadHistory(this.#db, first, last);
  }
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
    ...readFar(row["far"]),
  };
}

/**
 * "peer handle room", and where an end has moved "peer handle room moves moves". A handle of 0: the other room has not named
 * its half; a peer of 0: both ends are here.
 */
function textOfFar({ farPeer, farRoom, farHandle = 0, fromMoves, toMoves }: StoredConnection): string | null {
  const moves = fromMoves + toMoves === 0 ? "" : ` ${fromMoves} ${toMoves}`;
  if (farPeer === undefined || farRoom === undefined) return moves === "" ? null : `0 0 ${moves}`;
  return `${farPeer} ${farHandle} ${farRoom}${moves}`;
}

type Far = Pick<StoredConnection, "farPeer" | "farRoom" | "farHandle" | "fromMoves" | "toMoves">;

function readFar(value: unknown): Far {
  const [peer, handle, room, from = 0, to = 0] = typeof value === "string" ? value.split(" ") : [];
  const moves = { fromMoves: Number(from), toMoves: Number(to) };
  const farPeer = parsePeerId(peer);
  if (farPeer === undefined) return { farPeer, farRoom: undefined, farHandle: undefined, ...moves };
  return { farPeer, farRoom: room, farHandle: Number(handle ?? 0) || undefined, ...moves };
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
  const awayUntil = optionalNumber(row["away_until"]);
  return { peer, session, token, previousToken, awayUntil, farewells, offeredAt: optionalNumber(row["offered_at"]) };
}

/** Damaged, it would be an epoch that goes back: then the room is not opened. */
function readSeat({ epoch, peer: peerText, session: sessionText }: SqlRow): Seat {
  const peer = parsePeerId(peerText);
  const session = parseSessionId(sessionText);
  const isWhole = typeof epoch === "number" && (peerText === null || (peer && session));
  if (!isWhole) throw new Error("Cannot read the room's stored host: its row is damaged");
  return { epoch, holder: peer && session ? { peer, session } : undefined };
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
