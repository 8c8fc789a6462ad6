/** The directory of all apps in one process: what its rooms say, and how they follow it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RoomAddress } from "../../../src/http/gateway.ts";
import { type AppId, PROTOCOL_VERSION, encodeControl } from "../../../src/protocol/index.ts";
import type { Admission, LogEntry } from "../../../src/relay/ports.ts";
import { parseSettings } from "../../../src/relay/settings.ts";
import { parseRoomAddress } from "../../../src/runtime/room-address.ts";
import { SqlLedgerStore } from "../../../src/storage/sql-directory.ts";
import { openDatabases } from "../../../src/runtime/standalone/databases.ts";
import type { Upgraded } from "../../../src/runtime/standalone/upgraded.ts";
import { Rooms } from "../../../src/runtime/standalone/rooms.ts";
import { type WalkedFrame, dataFrame, walk } from "../../support/frames.ts";

const APP = 480 as AppId;
const LOBBY = parseRoomAddress("app/480/room/Lobby");
const OWN = parseRoomAddress("app/480");
const OTHER_APP = parseRoomAddress("app/730");
let folder: string;
let log: LogEntry[];
let rooms: Rooms;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  folder = mkdtempSync(joinPath(tmpdir(), "edge-relay-directory-"));
  log = [];
  rooms = open(folder);
});
afterEach(() => {
  rooms.close();
  rmSync(folder, { recursive: true });
  vi.useRealTimers();
  expect(log.filter(({ level }) => level === "error")).toEqual([]);
});

function open(place: string): Rooms {
  const settings = parseSettings(JSON.stringify({ default: { graceMs: 5_000 } }));
  if (!settings.ok) throw new Error(settings.message);
  const databases = openDatabases(place);
  const opened = new Rooms({ databases, settingsFor: settings.settingsFor, log: (entry) => log.push(entry) });
  opened.restore();
  return opened;
}

interface Joined {
  readonly socket: Upgraded;
  readonly frames: WalkedFrame[];
}

async function join(address: RoomAddress, peer: bigint): Promise<Joined> {
  const request = new Request("http://relay/");
  const response = await rooms.join(address, { peer, visible: false } as Admission, request, {});
  const socket = rooms.takeAdmitted(request);
  if (!socket) throw new Error(await response.text());
  const frames: WalkedFrame[] = [];
  socket.opened({
    send: (data) => void (typeof data === "string" || frames.push(...walk(data))),
    close: () => {},
    bufferedAmount: () => 0,
  });
  socket.message(encodeControl("hello", { version: PROTOCOL_VERSION, session: 0n, token: new Uint8Array() }));
  return { socket, frames };
}

/** A connection from 1 to 2, and its handle. */
async function pair(address: RoomAddress): Promise<{ a: Joined; b: Joined; handle: number }> {
  const [a, b] = [await join(address, 1n), await join(address, 2n)];
  const values = { request: 1, connectionType: 2, peer: 2n, virtualPort: 0, channel: -1, timeoutMs: 60_000 };
  a.socket.message(encodeControl("connect", values));
  const incoming = b.frames.find(({ control }) => control?.frame === "incoming")?.control;
  if (incoming?.frame !== "incoming") throw new Error("nobody was asked");
  const { handle } = incoming.values;
  b.socket.message(encodeControl("accept", { handle }));
  return { a, b, handle };
}

function send({ a, handle }: { a: Joined; handle: number }, size: number): void {
  a.socket.message(dataFrame({ handle, payload: new Uint8Array(size) }));
}

function refusalsOf({ frames }: Joined): number {
  return frames.filter(({ control }) => control?.frame === "error").length;
}

function welcomeOf({ frames }: Joined): unknown {
  return frames.find(({ control }) => control?.frame === "welcome")?.control?.values;
}

test("an app that nobody has heard of is looked up and not kept; one that is known is read once", async () => {
  const read = vi.spyOn(SqlLedgerStore.prototype, "loadRecord");
  for (let i = 0; i < 3; i++) expect(await rooms.directory.app(APP).totals()).toMatchObject({ rooms: 0 });
  expect(read).toHaveBeenCalledTimes(3);
  await join(OWN, 1n);
  expect(await rooms.directory.app(APP).totals()).toMatchObject({ rooms: 1 });
  read.mockClear();
  for (let i = 0; i < 3; i++) await rooms.directory.app(APP).totals();
  expect(read).not.toHaveBeenCalled();
  read.mockRestore();
});

describe("what rooms say", () => {
  test("is known at once when somebody comes, connects and leaves, of each room and app", async () => {
    const lobby = await pair(LOBBY);
    await join(OWN, 3n);
    await join(OTHER_APP, 4n);
    const directory = rooms.directory.app(APP);
    expect(await directory.totals()).toMatchObject({ rooms: 2, statistics: { peers: 3, activeConnections: 1 } });
    expect((await directory.rooms({ limit: 9 })).map(({ room }) => room)).toEqual([null, "Lobby"]);
    expect(await rooms.directory.apps({ after: 0, limit: 9 })).toMatchObject([
      { app: 480, rooms: 2 },
      { app: 730, rooms: 1, peers: 1 },
    ]);
    expect(await rooms.directory.apps({ after: 480, limit: 9 })).toMatchObject([{ app: 730 }]);
    for (const { socket } of [lobby.a, lobby.b]) socket.closed(1000);
    expect(await directory.totals()).toMatchObject({ rooms: 1, statistics: { peers: 1, activeConnections: 0 } });
  });

  test("is at most 30 s old while data is relayed", async () => {
    const lobby = await pair(LOBBY);
    for (let second = 1; second <= 65; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      for (const { socket } of [lobby.a, lobby.b]) socket.message("ping");
      send(lobby, 10);
      const { statistics } = await rooms.directory.app(APP).totals();
      expect(statistics.totalPackets).toBe(second - (second % 30));
    }
  });

  test("survives the process; who was there is not, and counters go on", async () => {
    const lobby = await pair(LOBBY);
    send(lobby, 10);
    await vi.advanceTimersByTimeAsync(40_000); // ghosts, whose session waits
    rooms.drain(0);
    rooms.close();
    expect(existsSync(joinPath(folder, "directory.sqlite"))).toBe(true);
    await vi.advanceTimersByTimeAsync(1_000);
    rooms = open(folder);
    const directory = rooms.directory.app(APP);
    expect(await directory.totals()).toMatchObject({ rooms: 0, statistics: { peers: 0, totalPackets: 1 } });
    const again = await pair(LOBBY);
    send(again, 10);
    await vi.advanceTimersByTimeAsync(30_000);
    again.b.socket.closed(1000);
    expect((await directory.totals()).statistics).toMatchObject({ totalPackets: 2, totalBytes: 20 });
  });

  test("is known in memory, too", async () => {
    rooms.close();
    rooms = open(":memory:");
    await pair(LOBBY);
    expect(await rooms.directory.app(APP).totals()).toMatchObject({ rooms: 1, statistics: { peers: 2 } });
  });
});

describe("settings, live", () => {
  test("hold in the app's open rooms at once, in no other, and after a restart", async () => {
    const [lobby, other] = [await pair(LOBBY), await pair(OTHER_APP)];
    const directory = rooms.directory.app(APP);
    await directory.setOverrides({ maxPayload: 50, idleTimeoutMs: 30_000 });
    expect(await directory.overrides()).toEqual({ maxPayload: 50, idleTimeoutMs: 30_000 });
    for (const one of [lobby, other]) send(one, 51);
    expect([refusalsOf(lobby.a), refusalsOf(other.a)]).toEqual([1, 0]);
    for (let seconds = 0; seconds < 45; seconds += 15) {
      for (const { socket } of [lobby.a, lobby.b, other.a, other.b]) socket.message("ping");
      await vi.advanceTimersByTimeAsync(15_000);
    }
    expect(await rooms.admin(LOBBY).statistics()).toMatchObject({ peers: 2, activeConnections: 0 });
    expect(await rooms.admin(OTHER_APP).statistics()).toMatchObject({ peers: 2, activeConnections: 1 });
    rooms.close();
    rooms = open(folder);
    expect(welcomeOf(await join(LOBBY, 5n))).toMatchObject({ maxPayload: 50, idleTimeoutMs: 30_000 });
    // A room that was not there then learns of it by its first report.
    await join(OWN, 6n);
    expect(welcomeOf(await join(OWN, 7n))).toMatchObject({ maxPayload: 50 });
  });
});

describe("its file", () => {
  test("keeps the relay from starting when it is damaged, and is named", () => {
    rooms.close();
    const path = joinPath(folder, "directory.sqlite");
    writeFileSync(path, "this is no database, however long one looks at it");
    expect(() => openDatabases(folder)).toThrow(`Cannot read ${path}`);
    rmSync(path);
    rooms = open(folder);
  });
});
