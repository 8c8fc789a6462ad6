/** Where rooms are kept on one's own machine: a folder with one SQLite file per room and one for the directory, or memory (decision D35). */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NewerSchemaError, type Steps, checkVersion, migrate } from "../../storage/migrations.ts";
import { DIRECTORY_STEPS } from "../../storage/sql-directory.ts";
import { MEMORY, SqliteDatabase } from "./sqlite-database.ts";

export interface RoomDatabases {
  /** Of the rooms that have been here before. */
  names(): string[];
  /** Where the room is kept, for operators. */
  place(name: string): string;
  /** The room's database, of the current schema. Throws DatabaseError. */
  open(name: string): SqliteDatabase;
  /** That of the directory, for as long as the process; it is closed by who has it. Throws DatabaseError. */
  openDirectory(): SqliteDatabase;
  /** The room is not used just now. */
  release(database: SqliteDatabase): void;
  /** The same, where there is nothing to be kept of the room. */
  discard(name: string, database: SqliteDatabase): void;
  close(): void;
}

export function openDatabases(place: string): RoomDatabases {
  return place === MEMORY ? new MemoryDatabases() : new DatabaseFolder(place);
}

/** One that cannot be used. Nothing in it was touched. */
export class DatabaseError extends Error {
  readonly code = "database_unusable";
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DatabaseError";
  }
}

class DatabaseFolder implements RoomDatabases {
  readonly #folder: string;
  /** Held open: rooms that nobody uses are closed, and another relay must not take them up. */
  readonly #lock: SqliteDatabase;

  /** Throws DatabaseError where another relay has the folder, or any room in it cannot be read. */
  constructor(folder: string) {
    this.#folder = folder;
    makeFolder(folder);
    this.#lock = lock(join(folder, "relay.lock"));
    const problems = this.names().flatMap((name) => problemOf(this.place(name)) ?? []);
    const problem = problemOf(this.#directory, DIRECTORY_STEPS);
    if (problem !== undefined) problems.push(problem);
    if (problems.length === 0) return;
    this.#lock.close();
    throw new DatabaseError(problems.join("\n"));
  }

  names(): string[] {
    return readdirSync(this.#folder).flatMap((file) => nameOfFile(file) ?? []);
  }

  open(name: string): SqliteDatabase {
    return openFile(this.place(name));
  }

  openDirectory(): SqliteDatabase {
    return openFile(this.#directory, DIRECTORY_STEPS);
  }

  release(database: SqliteDatabase): void {
    database.close();
  }

  discard(name: string, database: SqliteDatabase): void {
    database.close();
    // Closed in peace it has no other files; after a crash it may.
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${this.place(name)}${suffix}`, { force: true });
  }

  close(): void {
    this.#lock.close();
  }

  place(name: string): string {
    return join(this.#folder, fileOfName(name));
  }

  get #directory(): string {
    return join(this.#folder, "directory.sqlite");
  }
}

/** Rooms that nobody uses are kept, with their bans and counters, for as long as the process. */
class MemoryDatabases implements RoomDatabases {
  readonly #databases = new Map<string, SqliteDatabase>();

  names(): string[] {
    return [...this.#databases.keys()];
  }

  place(name: string): string {
    return `${name} in memory`;
  }

  open(name: string): SqliteDatabase {
    let database = this.#databases.get(name);
    if (database) return database;
    database = new SqliteDatabase();
    migrate(database);
    this.#databases.set(name, database);
    return database;
  }

  openDirectory(): SqliteDatabase {
    const database = new SqliteDatabase();
    migrate(database, DIRECTORY_STEPS);
    return database;
  }

  release(): void {
    // It stays in the map.
  }

  discard(name: string, database: SqliteDatabase): void {
    this.#databases.delete(name);
    database.close();
  }

  close(): void {
    for (const database of this.#databases.values()) database.close();
  }
}

function openFile(path: string, steps?: Steps): SqliteDatabase {
  const problem = problemOf(path, steps);
  if (problem !== undefined) throw new DatabaseError(problem);
  const database = new SqliteDatabase(path);
  try {
    migrate(database, steps);
    return database;
  } catch (error) {
    database.close();
    throw new DatabaseError(`Cannot open ${path}: ${describe(error)}`, { cause: error });
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const remedy = "choose another DATABASE (--database), or give this user the right to write there";
    throw new DatabaseError(`Cannot make the folder ${folder} (${describe(error)}): ${remedy}`, { cause: error });
  }
}

function lock(path: string): SqliteDatabase {
  try {
    const database = new SqliteDatabase(path);
    // The exclusive lock is taken by the first write, and kept.
    database.run("PRAGMA user_version = 1");
    return database;
  } catch (error) {
    const remedy = "is another relay running on this folder? Each needs its own";
    throw new DatabaseError(`Cannot lock ${path} (${describe(error)}): ${remedy}`, { cause: error });
  }
}

/** Why the file cannot be used, by a look that cannot write to it. Undefined for a good one, and for none. */
function problemOf(path: string, steps?: Steps): string | undefined {
  if (!existsSync(path)) return undefined;
  let database: SqliteDatabase | undefined;
  try {
    database = new SqliteDatabase(path, { readOnly: true });
    const result = database.all("PRAGMA quick_check(1)")[0]?.["quick_check"];
    if (result !== "ok") return damaged(path, String(result));
    checkVersion(database, steps);
    return undefined;
  } catch (error) {
    return error instanceof NewerSchemaError ? `${path}: ${error.message}` : damaged(path, describe(error));
  } finally {
    database?.close();
  }
}

function damaged(path: string, why: string): string {
  return `Cannot read ${path}: ${why}. Nothing in it was changed; move it away, or put a backup in its place.`;
}

/**
 * `app/480` is `app-480.sqlite`, and `app/480/room/Lobby` is `app-480-room-+lobby.sqlite`: some file systems do not tell
 * upper case from lower, rooms do.
 */
function fileOfName(name: string): string {
  const [, app = "", , room] = name.split("/");
  const suffix = room === undefined ? "" : `-room-${room.replaceAll(/[A-Z]/g, (letter) => `+${letter.toLowerCase()}`)}`;
  return `app-${app}${suffix}.sqlite`;
}

/** Undefined for a file that is no room's. */
function nameOfFile(file: string): string | undefined {
  const [, app, room] = /^app-([0-9]+)(?:-room-([a-z0-9._~+-]+))?\.sqlite$/.exec(file) ?? [];
  if (app === undefined) return undefined;
  if (room === undefined) return `app/${app}`;
  return `app/${app}/room/${room.replaceAll(/\+([a-z])/g, (_, letter: string) => letter.toUpperCase())}`;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
