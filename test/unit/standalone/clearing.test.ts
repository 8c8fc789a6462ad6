/** One's own machine: the file of a room that nobody was in for its retention time is deleted. And what else is per app. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RoomAddress } from "../../../src/http/gateway.ts";
import { type AppId, CloseCode, PROTOCOL_VERSION, type PeerId, encodeControl } from "../../../src/protocol/index.ts";
import type { Admission, LogEntry } from "../../../src/relay/ports.ts";
import { parseSettings } from "../../../src/relay/settings.ts";
import { parseRoomAddress } from "../../../src/runtime/room-address.ts";
import { openDatabases } from "../../../src/runtime/standalone/databases.ts";
import { Rooms } from "../../../src/runtime/standalone/rooms.ts";
import type { Upgraded } from "../../../src/runtime/standalone/upgraded.ts";

const APP = 480 as AppId;
const HOUR = 3_600_000;
const LOBBY = parseRoomAddress("app/480/room/Lobby");
const OWN = parseRoomAddress("app/480");
const FILE = "app-480-room-+lobby.sqlite";
let folder: string;
let log: LogEntry[];
let rooms: Rooms;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  folder = mkdtempSync(joinPath(tmpdir(), "edge-relay-clearing-"));
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
  const settings = parseSettings(JSON.stringify({ default: { graceMs: 0, retentionMs: 2 * HOUR } }));
  if (!settings.ok) throw new Error(settings.message);
  const databases = openDatabases(place);
  const opened = new Rooms({ databases, settingsFor: settings.settingsFor, log: (entry) => log.push(entry) });
  opened.restore();
  return opened;
}

interface Joined {
  readonly socket: Upgraded;
  readonly closes: number[];
}

async function join(address: RoomAddress, peer: bigint): Promise<Joined> {
  const request = new Request("http://relay/");
  const response = await rooms.join(address, { peer, visible: false } as Admission, request, {});
  const socket = rooms.takeAdmitted(request);
  if (!socket) throw new Error(await response.text());
  const closes: number[] = [];
  socket.opened({ send: () => {}, close: (code) => void closes.push(code), bufferedAmount: () => 0 });
  socket.message(encodeControl("hello", { version: PROTOCOL_VERSION, session: 0n, token: new Uint8Array() }));
  return { socket, closes };
}

async function visit(address: RoomAddress): Promise<void> {
  (await join(address, 1n)).socket.closed(1000);
  await vi.advanceTimersByTimeAsync(20_000);
}

const files = () => readdirSync(folder).filter((file) => file.startsWith("app-480"));

describe("the file of a room", () => {
  test("is deleted when nobody was in it for so long, and what it counted stays in the sum", async () => {
    await visit(LOBBY);
    await visit(OWN);
    await vi.advanceTimersByTimeAsync(2 * HOUR - 60_000);
    expect(files()).toEqual(["app-480.sqlite", FILE].toSorted());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(files()).toEqual(["app-480.sqlite"]);
    expect((await rooms.directory.app(APP).totals()).statistics.joins).toBe(2);
    expect((await rooms.directory.app(APP).rooms({ limit: 9 })).map(({ room }) => room)).toEqual([null]);
    await visit(LOBBY);
    expect((await rooms.directory.app(APP).totals()).statistics.joins).toBe(3);
    expect(log.filter(({ event }) => event === "storage_cleared")).toHaveLength(1);
  });

  test("stays while somebody comes, and is deleted by a relay that has been restarted meanwhile", async () => {
    await visit(LOBBY);
    await vi.advanceTimersByTimeAsync(HOUR);
    const a = await join(LOBBY, 1n);
    const chatter = setInterval(() => a.socket.message("ping"), 10_000);
    await vi.advanceTimersByTimeAsync(3 * HOUR);
    expect(files()).toContain(FILE);
    clearInterval(chatter);
    a.socket.closed(1000);
    await vi.advanceTimersByTimeAsync(HOUR);
    rooms.close();
    rooms = open(folder);
    await vi.advanceTimersByTimeAsync(HOUR + 60_000);
    expect(files()).not.toContain(FILE);
  });

  test("stays while a ban holds", async () => {
    const ban = { kind: "peer", subject: "9", until: Date.now() + 3 * HOUR, reason: "" } as const;
    await rooms.admin(LOBBY).ban(ban, "op");
    await vi.advanceTimersByTimeAsync(2.5 * HOUR);
    expect(files()).toContain(FILE);
    await vi.advanceTimersByTimeAsync(2 * HOUR);
    expect(files()).not.toContain(FILE);
  });

  test("in memory, too, there is nothing left of it", async () => {
    rooms.close();
    rooms = open(":memory:");
    await rooms.admin(LOBBY).closeConnection(1n as never, "op");
    await visit(LOBBY);
    await rooms.admin(LOBBY).drain(0, "op"); // a line in its audit log
    await vi.advanceTimersByTimeAsync(3 * HOUR);
    expect(await rooms.admin(LOBBY).audit({ before: Infinity, limit: 9 })).toEqual([]);
    expect((await rooms.directory.app(APP).totals()).statistics.joins).toBe(1);
  });
});

test("a ban from all rooms ends whom it meets in open ones, and holds in those that were closed and after a restart", async () => {
  await visit(LOBBY);
  const own = await join(OWN, 7n);
  await rooms.directory.app(APP).ban({ kind: "peer", subject: "7", until: null, reason: "" });
  expect(own.closes).toEqual([CloseCode.Banned]);
  await expect(join(OWN, 7n)).rejects.toThrow("all rooms of this app");
  // The lobby was closed then: its first report tells it.
  const first = await join(LOBBY, 7n);
  expect(first.closes).toEqual([CloseCode.Banned]);
  rooms.close();
  rooms = open(folder);
  await expect(join(LOBBY, 7n)).rejects.toThrow("all rooms of this app");
  expect(await rooms.directory.app(APP).unban("peer", "7")).toBe(true);
  await join(OWN, 7n);
});

test("the lobby list: announced by who is in the room, until the last has left", async () => {
  const a = await join(LOBBY, 3n);
  const peer = 3n as PeerId;
  expect(await rooms.announce(LOBBY, 4n as PeerId, { data: {} })).toEqual({ outcome: "not_here" });
  expect(await rooms.announce(LOBBY, peer, { data: { mode: "ctf" }, maxPlayers: 4 })).toEqual({ outcome: "done" });
  const query = { equal: { mode: "ctf" }, within: {}, free: 3, limit: 10 };
  expect(await rooms.directory.app(APP).lobby(query)).toMatchObject([{ room: "Lobby", players: 1, maxPlayers: 4 }]);
  a.socket.closed(1000);
  expect(await rooms.directory.app(APP).lobby(query)).toEqual([]);
  expect(await rooms.region()).toBeUndefined();
});
