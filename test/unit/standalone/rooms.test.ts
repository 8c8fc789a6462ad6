import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RoomAddress } from "../../../src/http/gateway.ts";
import { PROTOCOL_VERSION, encodeControl } from "../../../src/protocol/index.ts";
import type { Admission, LogEntry } from "../../../src/relay/ports.ts";
import { Room } from "../../../src/relay/room.ts";
import { parseSettings } from "../../../src/relay/settings.ts";
import { parseRoomAddress } from "../../../src/runtime/room-address.ts";
import { openDatabases } from "../../../src/runtime/standalone/databases.ts";
import { Rooms } from "../../../src/runtime/standalone/rooms.ts";
import { SqliteDatabase } from "../../../src/runtime/standalone/sqlite-database.ts";
import type { PlatformSocket, Upgraded } from "../../../src/runtime/standalone/upgraded.ts";
import { type WalkedFrame, walk } from "../../support/frames.ts";

const LOBBY = parseRoomAddress("app/480/room/lobby");
const OTHER = parseRoomAddress("app/480/room/other");
const SETTINGS = JSON.stringify({ default: { graceMs: 5_000, connectTimeoutMs: 60_000 } });
let folder: string;
let log: LogEntry[];
let rooms: Rooms;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  folder = mkdtempSync(joinPath(tmpdir(), "edge-relay-rooms-"));
  log = [];
  rooms = openRooms();
});
afterEach(() => {
  rooms.close();
  rmSync(folder, { recursive: true });
  vi.useRealTimers();
});

function openRooms(text = SETTINGS): Rooms {
  const settings = parseSettings(text);
  if (!settings.ok) throw new Error(settings.message);
  const databases = openDatabases(folder);
  const opened = new Rooms({ databases, settingsFor: settings.settingsFor, log: (entry) => log.push(entry) });
  opened.restore();
  return opened;
}

/** A runtime's socket, and what was done to it. */
class Wire implements PlatformSocket {
  readonly frames: WalkedFrame[] = [];
  readonly texts: string[] = [];
  readonly closes: number[] = [];
  buffered = 0;

  send(data: Uint8Array | string): void {
    if (typeof data === "string") this.texts.push(data);
    else this.frames.push(...walk(data));
  }

  close(code: number): void {
    this.closes.push(code);
  }

  bufferedAmount(): number {
    return this.buffered;
  }

  names(): (string | undefined)[] {
    return this.frames.map(({ control }) => control?.frame);
  }
}

async function admit(address: RoomAddress, peer: bigint): Promise<Upgraded> {
  const request = new Request("http://relay/");
  const response = await rooms.join(address, { peer, visible: false } as Admission, request, {});
  const admitted = rooms.takeAdmitted(request);
  if (!admitted) throw new Error(await response.text());
  return admitted;
}

async function join(address: RoomAddress, peer: bigint): Promise<{ socket: Upgraded; wire: Wire }> {
  const [socket, wire] = [await admit(address, peer), new Wire()];
  socket.opened(wire);
  socket.message(encodeControl("hello", { version: PROTOCOL_VERSION, session: 0n, token: new Uint8Array() }));
  expect(wire.names()).toContain("welcome");
  return { socket, wire };
}

/** A connection from 1 to 2, so that there is something to come back to. */
async function connectPair(address: RoomAddress): Promise<{ socket: Upgraded; wire: Wire }[]> {
  const pair = [await join(address, 1n), await join(address, 2n)];
  const values = { request: 1, connectionType: 2, peer: 2n, virtualPort: 0, channel: -1, timeoutMs: 60_000 };
  pair[0]!.socket.message(encodeControl("connect", values));
  const incoming = pair[1]!.wire.frames.find(({ control }) => control?.frame === "incoming")?.control;
  if (incoming?.frame !== "incoming") throw new Error("nobody was asked");
  pair[1]!.socket.message(encodeControl("accept", { handle: incoming.values.handle }));
  return pair;
}

function roomFiles(): string[] {
  return readdirSync(folder).filter((file) => file.startsWith("app-"));
}

const BAN = { kind: "peer", subject: "1", until: null, reason: "" } as const;

/** The log of an open database is there, and goes with its last user. */
function openFiles(): string[] {
  return readdirSync(folder).filter((file) => file.startsWith("app-") && file.endsWith("-wal"));
}

describe("rooms in one process", () => {
  test("what fails in a timer of one room is logged, and does not end the process", async () => {
    rooms.close();
    rooms = openRooms(JSON.stringify({ default: { crossRooms: 1, connectTimeoutMs: 60_000 } }));
    const pair = [await join(LOBBY, 1n), await join(OTHER, 2n)];
    await vi.advanceTimersByTimeAsync(2_000);
    const values = { request: 1, connectionType: 2, peer: 2n, virtualPort: 0, channel: -1, timeoutMs: 60_000 };
    pair[0]!.socket.message(encodeControl("connect", values));
    await vi.advanceTimersByTimeAsync(100);
    expect(pair[1]!.wire.names()).toContain("incoming"); // so there is a trunk, to be looked at
    const restTrunks = vi.spyOn(Room.prototype, "restTrunks").mockImplementation(() => {
      throw new Error("the disk is full");
    });
    await vi.advanceTimersByTimeAsync(1_000);
    restTrunks.mockRestore();
    expect(log).toContainEqual(expect.objectContaining({ event: "room_failed", room: "app/480/room/lobby" }));
    await join(LOBBY, 3n);
  });

  test("a room that nobody uses is closed after a while, and opened again by who comes", async () => {
    const { socket } = await join(LOBBY, 1n);
    await vi.advanceTimersByTimeAsync(1_000);
    socket.closed(1000);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(openFiles()).toEqual(["app-480-room-lobby.sqlite-wal"]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(openFiles()).toEqual([]);
    expect(vi.getTimerCount()).toBe(1); // for the end of its retention
    await join(LOBBY, 1n);
    expect(openFiles()).toEqual(["app-480-room-lobby.sqlite-wal"]);
  });

  test("a room with a socket stays, however long it is silent but for keep-alives", async () => {
    const { socket, wire } = await join(LOBBY, 1n);
    for (let i = 0; i < 10; i++) {
      socket.message("ping");
      await vi.advanceTimersByTimeAsync(15_000);
    }
    expect(wire.texts).toEqual(Array.from({ length: 10 }, () => "pong"));
    expect(wire.closes).toEqual([]);
    expect(openFiles()).toHaveLength(1);
  });

  test("[S7] without keep-alives a socket is a ghost", async () => {
    const { wire } = await join(LOBBY, 1n);
    await vi.advanceTimersByTimeAsync(45_000);
    expect(wire.closes).toEqual([4005]);
  });

  test("who asks for pongs and does not read them gets no more", async () => {
    const { socket, wire } = await join(LOBBY, 1n);
    wire.buffered = 1_000_000;
    socket.message("ping");
    expect(wire.texts).toEqual([]);
  });

  test("guests that say no hello are closed at their time, in each room", async () => {
    const wires = await Promise.all(
      [LOBBY, OTHER].map(async (address) => {
        const wire = new Wire();
        (await admit(address, 1n)).opened(wire);
        return wire;
      }),
    );
    await vi.advanceTimersByTimeAsync(11_000);
    expect(wires.map(({ closes }) => closes)).toEqual([[4002], [4002]]);
  });

  test("[L5] 32 sockets of a peer, and room for another when one is gone", async () => {
    const sockets: Upgraded[] = [];
    for (let i = 0; i < 32; i++) sockets.push((await join(LOBBY, 1n)).socket);
    await expect(join(LOBBY, 1n)).rejects.toThrow("too_many_sockets");
    expect(await (await rooms.refusal(LOBBY, { peer: 1n, visible: false } as Admission))?.json()).toMatchObject({
      code: "too_many_sockets",
    });
    sockets[0]!.closed(1006);
    sockets[0]!.closed(1006); // an event of a runtime that says it twice
    await join(LOBBY, 1n);
    await expect(join(LOBBY, 1n)).rejects.toThrow("too_many_sockets");
  });

  test("a room whose database cannot be read refuses, and the others go on", async () => {
    writeFileSync(joinPath(folder, "app-480-room-lobby.sqlite"), "x".repeat(5_000));
    const { wire } = await join(OTHER, 1n);
    await expect(join(LOBBY, 1n)).rejects.toThrow("internal_error");
    expect(log).toContainEqual(
      expect.objectContaining({ level: "error", event: "room_failed", room: "app/480/room/lobby" }),
    );
    expect(wire.closes).toEqual([]);
  });

  test("drain: everyone is told when to come back, counters are on disk, and nobody is let in", async () => {
    const pair = await connectPair(LOBBY);
    expect(rooms.drain(1_234)).toBe(2);
    for (const [index, { wire, socket }] of pair.entries()) {
      const bye = wire.frames.find(({ control }) => control?.frame === "bye")?.control;
      expect(bye?.values).toMatchObject({ code: 4008, reconnectAfterMs: 1_234 });
      expect(wire.closes).toEqual([4008]);
      socket.closed([4008, 1005][index]!); // as Deno tells it where the client has not answered
    }
    await expect(join(LOBBY, 3n)).rejects.toThrow("room_overloaded");
    rooms.close();
    const database = new SqliteDatabase(joinPath(folder, "app-480-room-lobby.sqlite"));
    expect(database.all(`SELECT * FROM counters`)).toHaveLength(1);
    expect(database.all(`SELECT * FROM connections`)).toHaveLength(1);
    expect(database.all(`SELECT * FROM sessions WHERE away_until IS NOT NULL`)).toHaveLength(2);
    database.close();
    rooms = openRooms();
  });

  test("[R3] what was left behind is given up in its time, without a visitor, and the room is closed then", async () => {
    await connectPair(LOBBY);
    rooms.drain(0);
    rooms.close();
    rooms = openRooms();
    expect(openFiles()).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(openFiles()).toEqual([]);
    const database = new SqliteDatabase(joinPath(folder, "app-480-room-lobby.sqlite"));
    expect(database.all(`SELECT * FROM connections`)).toEqual([]);
    expect(database.all(`SELECT * FROM sessions`)).toEqual([]);
    database.close();
  });

  test("after a restart only rooms with something to do are open", async () => {
    await rooms.admin(OTHER).ban({ kind: "peer", subject: "1", until: null, reason: "" }, "test");
    await connectPair(LOBBY);
    rooms.drain(0);
    rooms.close();
    rooms = openRooms();
    expect(openFiles()).toEqual(["app-480-room-lobby.sqlite-wal"]);
  });

  test("a room that was only asked for leaves nothing behind", async () => {
    await rooms.admin(LOBBY).statistics();
    expect(await rooms.refusal(OTHER, { peer: 1n, visible: false } as Admission)).toBeUndefined();
    expect(roomFiles()).not.toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(roomFiles()).toEqual([]);
    await rooms.admin(LOBBY).bans({ after: { kind: "", subject: "" }, limit: 1 });
    rooms.drain(0);
    rooms.close();
    expect(roomFiles()).toEqual([]);
    rooms = openRooms();
  });

  test.each([
    ["a ban", async () => void (await rooms.admin(LOBBY).ban(BAN, "test"))],
    [
      "an act that was undone",
      async () => {
        await rooms.admin(LOBBY).ban(BAN, "test");
        await rooms.admin(LOBBY).unban("peer", "1", "test");
      },
    ],
    ["a visit", async () => (await join(LOBBY, 1n)).socket.closed(1000)],
    [
      "a guest's visit",
      async () => {
        const socket = await admit(LOBBY, 1n);
        socket.opened(new Wire());
        socket.closed(1000);
      },
    ],
  ])("of %s something is kept", async (_, happen) => {
    await happen();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(readdirSync(folder)).toContain("app-480-room-lobby.sqlite");
  });

  test("operators reach a room that nobody is in, and a ban outlives it", async () => {
    expect(await rooms.admin(LOBBY).ban(BAN, "test")).toMatchObject({ ended: 0 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(openFiles()).toEqual([]);
    await expect(join(LOBBY, 1n)).rejects.toThrow("peer_banned");
    expect(await rooms.admin(OTHER).bans({ after: { kind: "peer", subject: "" }, limit: 10 })).toEqual([]);
  });
});
