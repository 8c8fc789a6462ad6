import { describe, expect, test } from "vitest";
import { NewerSchemaError, SCHEMA_VERSION, migrate } from "../../../src/storage/migrations.ts";
import { SqlRoomStore } from "../../../src/storage/sql-room-store.ts";
import { NodeSql } from "../../support/node-sql.ts";

/** Everything in the database: its schema and its rows. */
function dump(sql: NodeSql): unknown {
  const tables = sql.all(`SELECT name, sql FROM sqlite_master ORDER BY name`);
  return tables.map(({ name, sql: definition }) => ({ definition, rows: sql.all(`SELECT * FROM "${String(name)}"`) }));
}

describe("migrate", () => {
  test("a new database gets the whole schema", () => {
    const sql = new NodeSql();
    expect(migrate(sql)).toEqual({ from: 0, to: SCHEMA_VERSION });
    const names = sql.all(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`).map(({ name }) => name);
    const tables = [
      "audit",
      "bans",
      "connections",
      "counters",
      "following",
      "history",
      "host",
      "schema_version",
      "sessions",
    ];
    expect(names).toEqual(tables);
    expect(sql.all(`SELECT * FROM schema_version`)).toEqual([{ __proto__: null, id: 1, version: SCHEMA_VERSION }]);
    expect(new SqlRoomStore(sql).loadConnections()).toEqual([]);
  });

  test("no indices: each would be a billed row per write", () => {
    const sql = new NodeSql();
    migrate(sql);
    expect(sql.all(`SELECT name FROM sqlite_master WHERE type = 'index'`)).toEqual([]);
  });

  test("a second time changes nothing, and does not write", () => {
    const sql = new NodeSql();
    migrate(sql);
    sql.run(`INSERT INTO counters (id, packed) VALUES (1, x'0102030405060708')`);
    const before = dump(sql);
    sql.run = () => {
      throw new Error("it wrote");
    };
    expect(migrate(sql)).toEqual({ from: SCHEMA_VERSION, to: SCHEMA_VERSION });
    expect(dump(sql)).toEqual(before);
  });

  test("a schema of a later release is refused, and nothing is changed", () => {
    const sql = new NodeSql();
    migrate(sql);
    sql.run(`UPDATE schema_version SET version = ?`, SCHEMA_VERSION + 1);
    sql.run(`CREATE TABLE later (id INTEGER PRIMARY KEY)`);
    const before = dump(sql);
    expect(() => migrate(sql)).toThrow(NewerSchemaError);
    expect(() => migrate(sql)).toThrow(
      `Cannot open the database: its schema is version ${SCHEMA_VERSION + 1}, this release knows ${SCHEMA_VERSION}. ` +
        `Deploy the release that wrote it, or a later one.`,
    );
    expect(dump(sql)).toEqual(before);
    try {
      migrate(sql);
    } catch (error) {
      expect(error).toMatchObject({ name: "NewerSchemaError", code: "schema_newer" });
    }
  });

  test("a database of the first release keeps its connections, which nobody has refused", () => {
    const sql = new NodeSql();
    migrate(sql);
    for (const column of ["pending_by", "refused", "connected_at", "disconnecting_at", "far"])
      sql.run(`ALTER TABLE connections DROP COLUMN ${column}`);
    for (const table of ["bans", "sessions", "following", "audit", "history", "host"]) sql.run(`DROP TABLE ${table}`);
    sql.run(`UPDATE schema_version SET version = 1`);
    const id = (1_700_000_000n << 32n) | 7n;
    sql.run(
      `INSERT INTO connections (handle, id, from_peer, to_peer, app, type, state, created) VALUES (7, '${id}', '1', '2', 480, 2, 0, 1700000000000)`,
    );
    expect(migrate(sql)).toEqual({ from: 1, to: SCHEMA_VERSION });
    const [connection] = new SqlRoomStore(sql).loadConnections();
    expect(connection).toMatchObject({ handle: 7, isRefused: false, pendingBy: undefined });
    expect(connection).toMatchObject({ connectedAt: undefined, disconnectingAt: undefined });
  });

  test("one that fails on its way changes nothing", () => {
    const sql = new NodeSql();
    // A table in the way of the first step.
    sql.run(`CREATE TABLE counters (other TEXT)`);
    const before = dump(sql);
    expect(() => migrate(sql)).toThrow("counters already exists");
    expect(dump(sql)).toEqual(before);
    sql.run(`DROP TABLE counters`);
    expect(migrate(sql)).toEqual({ from: 0, to: SCHEMA_VERSION });
  });

  test("a version table without its row is a database that was never migrated", () => {
    const sql = new NodeSql();
    sql.run(`CREATE TABLE schema_version (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)`);
    expect(migrate(sql)).toEqual({ from: 0, to: SCHEMA_VERSION });
  });

  test("survives the process: a file that is closed and opened again", async () => {
    const { mkdtempSync, rmSync } = await import("node:fs");
    const { tmpdir } = await import("node:os");
    const { join } = await import("node:path");
    const folder = mkdtempSync(join(tmpdir(), "edge-relay-"));
    try {
      const path = join(folder, "room.sqlite");
      const first = new NodeSql(path);
      migrate(first);
      first.close();
      const second = new NodeSql(path);
      expect(migrate(second)).toEqual({ from: SCHEMA_VERSION, to: SCHEMA_VERSION });
      second.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
