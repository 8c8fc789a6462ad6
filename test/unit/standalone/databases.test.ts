import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DatabaseError, openDatabases } from "../../../src/runtime/standalone/databases.ts";
import { SqliteDatabase } from "../../../src/runtime/standalone/sqlite-database.ts";
import { SCHEMA_VERSION, migrate } from "../../../src/storage/migrations.ts";

const ROOMS = [
  "app/480",
  "app/480/room/lobby",
  "app/480/room/Lobby",
  "app/480/room/LOBBY.sqlite-wal",
  "app/4294967295",
];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "edge-relay-databases-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Opens the folder, expects to be refused, and that no byte of `file` has changed. */
function expectRefusal(file: string, message: RegExp): void {
  const path = join(folder, file);
  const before = readFileSync(path);
  expect(() => openDatabases(folder)).toThrow(DatabaseError);
  expect(() => openDatabases(folder)).toThrow(message);
  expect(() => openDatabases(folder)).toThrow(path);
  expect(readFileSync(path).equals(before)).toBe(true);
}

function makeRoom(file: string, body: (database: SqliteDatabase) => void = () => undefined): void {
  const database = new SqliteDatabase(join(folder, file));
  migrate(database);
  body(database);
  database.close();
}

describe("a folder of rooms", () => {
  test("each room has a file, which is found again, whatever the case of its name", () => {
    const first = openDatabases(folder);
    for (const [index, name] of ROOMS.entries()) {
      const database = first.open(name);
      database.run(`INSERT INTO bans VALUES ('peer', '${index}', NULL, 0, '')`);
      first.release(database);
    }
    first.close();
    const files = readdirSync(folder).map((file) => file.toLowerCase());
    expect(new Set(files).size).toBe(files.length);

    const second = openDatabases(folder);
    expect(second.names().toSorted()).toEqual(ROOMS.toSorted());
    for (const [index, name] of ROOMS.entries()) {
      const database = second.open(name);
      expect(database.all(`SELECT subject FROM bans`)).toEqual([{ __proto__: null, subject: String(index) }]);
      second.release(database);
    }
    second.close();
  });

  test("is made where there is none; what is no room's is left alone", () => {
    const path = join(folder, "a/b");
    const databases = openDatabases(path);
    writeFileSync(join(path, "notes.sqlite"), "mine");
    mkdirSync(join(path, "app-1"));
    expect(databases.names()).toEqual([]);
    databases.close();
  });

  test("a second relay is kept out, until the first is gone", () => {
    const first = openDatabases(folder);
    expect(() => openDatabases(folder)).toThrow(/relay\.lock.*another relay/);
    first.close();
    openDatabases(folder).close();
  });

  test("bytes that are no database are refused, by name", () => {
    writeFileSync(join(folder, "app-1.sqlite"), "This is not a database. ".repeat(200));
    expectRefusal("app-1.sqlite", /file is not a database/);
  });

  test("a database that was cut off is refused, by name", () => {
    makeRoom("app-2.sqlite", (database) => {
      for (let i = 0; i < 500; i++)
        database.run(`INSERT INTO bans VALUES ('peer', '${i}', NULL, 0, ?)`, "x".repeat(100));
    });
    const path = join(folder, "app-2.sqlite");
    truncateSync(path, Math.floor(readFileSync(path).length / 2 / 4096) * 4096);
    expectRefusal("app-2.sqlite", /app-2\.sqlite/);
  });

  test("a schema of a later release is refused, and the file of every such room named", () => {
    for (const app of [3, 4]) {
      makeRoom(`app-${app}.sqlite`, (database) => {
        database.run(`UPDATE schema_version SET version = ?`, SCHEMA_VERSION + 1);
      });
    }
    makeRoom("app-5.sqlite");
    expectRefusal("app-3.sqlite", /its schema is version/);
    expectRefusal("app-4.sqlite", /its schema is version/);
    expect(() => openDatabases(folder)).not.toThrow(/app-5\.sqlite/);
  });

  test("the newest writes of a relay that was killed are part of what is looked at", () => {
    // A copy of an open database and its log is what kill -9 leaves behind.
    const path = join(folder, "app-6.sqlite");
    const live = new SqliteDatabase(join(folder, "live"));
    migrate(live);
    live.run(`UPDATE schema_version SET version = ?`, SCHEMA_VERSION + 1);
    writeFileSync(path, readFileSync(join(folder, "live")));
    writeFileSync(`${path}-wal`, readFileSync(join(folder, "live-wal")));
    live.close();
    const log = readFileSync(`${path}-wal`);
    expectRefusal("app-6.sqlite", /its schema is version/);
    expect(readFileSync(`${path}-wal`).equals(log)).toBe(true);
  });

  test("a file that is damaged while the relay runs fails that room only", () => {
    const databases = openDatabases(folder);
    writeFileSync(join(folder, "app-7.sqlite"), "x".repeat(5_000));
    expect(() => databases.open("app/7")).toThrow(/app-7\.sqlite/);
    databases.release(databases.open("app/8"));
    databases.close();
  });
});

describe("memory", () => {
  test("a room that was released is there again, and leaves nothing on disk", () => {
    const databases = openDatabases(":memory:");
    const first = databases.open("app/1");
    first.run(`INSERT INTO bans VALUES ('peer', '1', NULL, 0, '')`);
    databases.release(first);
    expect(databases.open("app/1").all(`SELECT * FROM bans`)).toHaveLength(1);
    expect(databases.open("app/2").all(`SELECT * FROM bans`)).toEqual([]);
    databases.close();
  });
});

describe("SqliteDatabase", () => {
  test("buffers of both kinds are bound, and a transaction that throws changes nothing", () => {
    const database = new SqliteDatabase();
    database.run(`CREATE TABLE blobs (bytes BLOB)`);
    database.run(`INSERT INTO blobs VALUES (?)`, new Uint8Array([1, 2, 3]).buffer);
    database.run(`INSERT INTO blobs VALUES (?)`, new Uint8Array([0, 4, 5]).subarray(1));
    const insertAndFail = (): void =>
      database.transaction(() => {
        database.run(`INSERT INTO blobs VALUES (NULL)`);
        throw new Error("no");
      });
    expect(insertAndFail).toThrow("no");
    expect(database.all(`SELECT bytes FROM blobs`).map(({ bytes }) => [...(bytes as Uint8Array)])).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    database.close();
  });
});
