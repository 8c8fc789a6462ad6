import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import {
  type AppId,
  ConnectionState,
  ConnectionType,
  type Handle,
  type PeerId,
  makeConnectionId,
} from "../../../src/protocol/index.ts";
import type { StoredConnection } from "../../../src/relay/ports.ts";
import { migrate } from "../../../src/storage/migrations.ts";
import type { SqlDatabase } from "../../../src/storage/sql-database.ts";
import { SqlRoomStore } from "../../../src/storage/sql-room-store.ts";
import { NodeSql } from "../../support/node-sql.ts";

const START = 1_700_000_000_000;
let sql: NodeSql;
let store: SqlRoomStore;

beforeEach(() => {
  sql = new NodeSql();
  migrate(sql);
  store = new SqlRoomStore(sql);
});

function connection(handle: number, more: Partial<StoredConnection> = {}): StoredConnection {
  return {
    connectionId: makeConnectionId(more.created ?? START, handle as Handle),
    handle: handle as Handle,
    fromPeerId: 76_561_197_960_287_930n as PeerId,
    toPeerId: 76_561_197_960_287_931n as PeerId,
    appId: 480 as AppId,
    type: ConnectionType.NetworkingSockets,
    state: ConnectionState.Connecting,
    created: START,
    connectedAt: undefined,
    disconnectingAt: undefined,
    virtualPort: 7,
    channel: undefined,
    deadline: START + 10_000,
    pendingReason: undefined,
    pendingBy: undefined,
    isRefused: false,
    farPeer: undefined,
    farRoom: undefined,
    farHandle: undefined,
    fromMoves: 0,
    toMoves: 0,
    ...more,
  };
}

function rowsChanged(): number {
  return Number(sql.all(`SELECT total_changes() AS n`)[0]!["n"]);
}

describe("connections", () => {
  test("a new store has none", () => {
    expect(store.loadConnections()).toEqual([]);
  });

  test("come back as they were, in order of their handles", () => {
    const all = [connection(3), connection(1), connection(2, { virtualPort: 0, deadline: undefined })];
    for (const each of all) store.insertConnection(each);
    expect(store.loadConnections()).toEqual([all[1], all[2], all[0]]);
  });

  test("64-bit ids above 2^53 come back exactly", () => {
    const each = connection(0xffff_ffff, {
      fromPeerId: (2n ** 53n + 1n) as PeerId,
      toPeerId: (2n ** 64n - 1n) as PeerId,
      created: 0xffff_ffff * 1000,
      appId: 4_294_967_295 as AppId,
    });
    store.insertConnection(each);
    expect(each.connectionId).toBe(2n ** 64n - 1n);
    expect(store.loadConnections()).toEqual([each]);
  });

  test("fields that are undefined come back undefined, those that are 0 come back 0", () => {
    const none = connection(1, { virtualPort: undefined, channel: undefined, deadline: undefined });
    const zero = connection(2, { virtualPort: 0, channel: 0, deadline: 0, pendingReason: 0 });
    store.insertConnection(none);
    store.insertConnection(zero);
    const [first, second] = store.loadConnections();
    expect(first).toStrictEqual(none);
    expect(second).toStrictEqual(zero);
  });

  test("any connection there can be", () => {
    const u64 = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
    const optional = fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { nil: undefined });
    const any = fc.record({
      fromPeerId: u64,
      toPeerId: u64,
      appId: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      type: fc.constantFrom(...Object.values(ConnectionType)),
      state: fc.constantFrom(ConnectionState.Connecting, ConnectionState.Connected, ConnectionState.Disconnecting),
      created: fc.integer({ min: 1_000, max: (2 ** 32 - 1) * 1000 }),
      virtualPort: optional,
      channel: optional,
      deadline: fc.option(fc.integer({ min: 0, max: 2 ** 45 }), { nil: undefined }),
      pendingReason: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
      pendingBy: fc.option(u64, { nil: undefined }),
      isRefused: fc.boolean(),
      fromMoves: fc.nat(65_535),
      toMoves: fc.nat(65_535),
    });
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 2 ** 32 - 1 }), (fields, handle) => {
        const each = connection(handle, fields as Partial<StoredConnection>);
        store.insertConnection(each);
        expect(store.loadConnections()).toStrictEqual([each]);
        store.deleteConnection(each.handle);
        expect(store.loadConnections()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("an update changes state, deadline, refusal and who ends it why in its row, and nothing else", () => {
    store.insertConnection(connection(1));
    store.insertConnection(connection(2));
    const changed = {
      state: ConnectionState.Disconnecting,
      deadline: START + 5_000,
      pendingReason: 1234,
      pendingBy: (2n ** 64n - 1n) as PeerId,
      isRefused: true,
      farPeer: 5n as PeerId,
      farRoom: "lobby",
      farHandle: 9,
    } as const;
    // What cannot change is not written, whatever the record says.
    store.updateConnection(connection(1, { ...changed, virtualPort: 99, appId: 1 as AppId }));
    expect(store.loadConnections()).toEqual([connection(1, changed), connection(2)]);
    store.updateConnection(connection(1, { state: ConnectionState.Connected, deadline: undefined }));
    expect(store.loadConnections()[0]).toStrictEqual(
      connection(1, { state: ConnectionState.Connected, deadline: undefined }),
    );
  });

  test("an update or delete of one that is not there does nothing", () => {
    store.insertConnection(connection(1));
    store.updateConnection(connection(2, { state: ConnectionState.Connected }));
    store.deleteConnection(2 as Handle);
    expect(store.loadConnections()).toEqual([connection(1)]);
  });

  test("the same handle twice is refused", () => {
    store.insertConnection(connection(1));
    expect(() => store.insertConnection(connection(1))).toThrow("UNIQUE constraint failed");
  });

  test("one connection is one row in each of its writes", () => {
    const before = rowsChanged();
    store.insertConnection(connection(1));
    store.updateConnection(connection(1, { state: ConnectionState.Connected }));
    store.deleteConnection(1 as Handle);
    expect(rowsChanged() - before).toBe(3);
  });

  test.each([
    ["id", "'0'"],
    ["id", "'-5'"],
    ["id", "'not a number'"],
    ["id", "'7300000000000000099'"],
    ["id", "'18446744073709551616'"],
    ["from_peer", "'0'"],
    ["from_peer", "''"],
    ["to_peer", "'07'"],
    ["app", "0"],
    ["app", "4294967296"],
    ["app", "'x'"],
    ["type", "4"],
    ["type", "-1"],
    ["type", "'x'"],
    ["state", "3"],
    ["state", "-1"],
    ["state", "'x'"],
    ["created", "'x'"],
    ["handle", "8"],
  ])("a row whose %s is damaged (%s) gives a clear error", (column, value) => {
    store.insertConnection(connection(1));
    store.insertConnection(connection(7));
    sql.run(`UPDATE connections SET ${column} = ${value} WHERE handle = 7`);
    const handle = column === "handle" ? 8 : 7;
    expect(() => store.loadConnections()).toThrow(`Cannot read the stored connection ${handle}: its row is damaged`);
  });
});

describe("counters", () => {
  test("a new store has none", () => {
    expect(store.loadCounters()).toBeUndefined();
  });

  test("come back bit by bit", () => {
    const counters = new Float64Array([1, 0, 2 ** 53 - 1, -0, 0.1, Number.MAX_VALUE, START, Infinity]);
    store.saveCounters(counters);
    expect(store.loadCounters()).toEqual(counters);
    expect(Object.is(store.loadCounters()![3], -0)).toBe(true);
  });

  test("are one row: the newest", () => {
    for (let n = 1; n <= 3; n++) store.saveCounters(new Float64Array([n]));
    expect(store.loadCounters()).toEqual(new Float64Array([3]));
    expect(sql.all(`SELECT COUNT(*) AS n FROM counters`)[0]!["n"]).toBe(1);
  });

  test("a view into a larger buffer is saved as what it shows", () => {
    const buffer = new Float64Array([9, 8, 7, 6, 5]);
    store.saveCounters(buffer.subarray(1, 4));
    expect(store.loadCounters()).toEqual(new Float64Array([8, 7, 6]));
  });

  test("what was loaded is a copy", () => {
    store.saveCounters(new Float64Array([1]));
    store.loadCounters()![0] = 99;
    expect(store.loadCounters()).toEqual(new Float64Array([1]));
  });

  test("100,000 connections' counters are one row too", () => {
    const counters = new Float64Array(400_010).map((_, index) => index);
    store.saveCounters(counters);
    expect(store.loadCounters()).toEqual(counters);
  });

  test.each([1, 7, 9])("a row of %i bytes gives a clear error", (size) => {
    sql.run(`INSERT INTO counters (id, packed) VALUES (1, zeroblob(${size}))`);
    expect(() => store.loadCounters()).toThrow(`Cannot read the stored counters: their row is damaged (${size} bytes)`);
  });

  test("a database that gives blobs as ArrayBuffer, or as a view at an odd offset", () => {
    const counters = new Float64Array([1, 2, 3]);
    const odd = new Uint8Array(1 + counters.byteLength);
    odd.set(new Uint8Array(counters.buffer), 1);
    for (const packed of [counters.buffer, odd.subarray(1)]) {
      const fake: SqlDatabase = { run: () => {}, all: () => [{ packed }], transaction: (body) => body() };
      expect(new SqlRoomStore(fake).loadCounters()).toEqual(counters);
    }
  });
});
