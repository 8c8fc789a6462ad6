/** `edge-relay top`: what it asks, what it computes, and what it draws. The terminal itself: test/network/top.test.ts. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ROOM_COLUMNS, short, sortRooms } from "../../../src/cli/top/columns.ts";
import { Rates, type RoomRow } from "../../../src/cli/top/figures.ts";
import { readKeys } from "../../../src/cli/top/keys.ts";
import { Source } from "../../../src/cli/top/source.ts";
import { draw, plain } from "../../../src/cli/top/view.ts";
import { SCRIPTED_TOKEN, ScriptedAdmin, scriptedRoom } from "../../support/scripted-admin.ts";
import { cli } from "../cli/command-line.ts";

let admin: ScriptedAdmin;
let source: Source;
beforeEach(async () => {
  admin = await ScriptedAdmin.start();
  source = new Source(new URL(admin.url), SCRIPTED_TOKEN);
});
afterEach(() => admin[Symbol.asyncDispose]());

function variables(): Record<string, string> {
  return { EDGE_RELAY_URL: admin.url, ADMIN_TOKEN: SCRIPTED_TOKEN };
}

function row(room: string | null, values: Partial<RoomRow> = {}): RoomRow {
  const rates = { packetsPerSecond: 0, bytesPerSecond: 0, dropsPerSecond: 0 };
  return { app: 480, room, peers: 0, connections: 0, ...rates, ageSeconds: 0, ...values };
}

describe("rates", () => {
  test("between two readings; nothing at first, never negative, and forgotten when nobody asks", () => {
    const rates = new Rates();
    expect(rates.of("a", 1_000, [10, 0])).toEqual([0, 0]);
    rates.turnOver();
    expect(rates.of("a", 3_000, [30, 1])).toEqual([10, 0.5]);
    rates.turnOver();
    expect(rates.of("a", 4_000, [0, 1])).toEqual([0, 0]);
    rates.turnOver();
    rates.turnOver();
    expect(rates.of("a", 5_000, [500, 500])).toEqual([0, 0]);
  });

  test("the same report again keeps its rate: it is no second without traffic", () => {
    const rates = new Rates();
    for (const [at, count, expected] of [
      [1_000, 0, 0],
      [11_000, 100, 10],
      [11_000, 100, 10],
      [21_000, 100, 0],
    ] as const) {
      expect(rates.of("a", at, [count])).toEqual([expected]);
      rates.turnOver();
    }
  });
});

describe("what is asked", () => {
  test("all pages of apps and rooms; rates are those of the reports", async () => {
    for (let i = 0; i < 450; i++) admin.rooms.push(scriptedRoom(480, `r${String(i).padStart(3, "0")}`));
    const own = scriptedRoom(730, null, { lastSeen: 1_000, packets: 5, drops: 1, connections: [] });
    admin.rooms.push(own);
    expect(await source.rooms(undefined)).toHaveLength(451);
    Object.assign(own, { lastSeen: 3_000, packets: 25, bytes: 64, drops: 2 });
    const rows = await source.rooms(undefined);
    expect(rows.at(-1)).toMatchObject({
      app: 730,
      room: null,
      packetsPerSecond: 10,
      bytesPerSecond: 32,
      dropsPerSecond: 0.5,
    });
    admin.asked.length = 0;
    expect(await source.rooms(730)).toHaveLength(1);
    expect(admin.asked).toEqual(["/apps/730/rooms"]);
  });

  test("never more than a thousand rooms", async () => {
    for (let i = 0; i < 1_500; i++) admin.rooms.push(scriptedRoom(480, `r${String(i).padStart(4, "0")}`));
    expect(await source.rooms(undefined)).toHaveLength(1_000);
    expect(admin.asked).toHaveLength(6);
  });

  test("connections as the relay sorts them, with how many there are", async () => {
    const connections = Array.from({ length: 5 }, (_, i) => ({ connectionId: String(i), packets: 9 - i, bytes: i }));
    admin.rooms.push(scriptedRoom(480, "lobby", { connections }));
    const place = { app: 480, room: "lobby" };
    expect((await source.connections(place, "packets", 2)).rows.map(({ connection }) => connection)).toEqual([
      "0",
      "1",
    ]);
    expect(await source.connections(place, "bytes", 2)).toMatchObject({ total: 5, rows: [{ connection: "4" }, {}] });
  });
});

describe("what is drawn", () => {
  test("as many lines as there are, none wider, and the selected one always among them", () => {
    const rows = Array.from({ length: 50 }, (_, i) => row(`room-${i}`));
    for (const selected of [0, 7, 49]) {
      const screen = { title: "t", status: "s", columns: ROOM_COLUMNS, rows, selected };
      const lines = draw(screen, { columns: 40, rows: 10 });
      expect(lines).toHaveLength(10);
      // oxlint-disable-next-line no-control-regex -- what is drawn has styles
      const bare = lines.map((line) => line.replaceAll(/\x1b\[\d*m/g, ""));
      for (const line of bare) expect(line).toHaveLength(40);
      const marked = lines.filter((line) => line.startsWith("\x1b[7m"));
      expect(marked.map((line) => line.includes(`room-${selected} `))).toEqual([true]);
    }
  });

  test("terminals of no size at all", () => {
    const screen = { title: "t", status: "s", columns: ROOM_COLUMNS, rows: [row("a")], selected: 0 };
    for (const size of [
      { columns: 1, rows: 1 },
      { columns: 0, rows: 0 },
      { columns: 200, rows: 3 },
    ]) {
      expect(draw(screen, size).length).toBeLessThanOrEqual(Math.max(0, size.rows));
    }
  });

  test("a relay's words do not steer the terminal", () => {
    const text = plain(ROOM_COLUMNS, [row("\x1b[2Jevil\u009b\r\n")]);
    expect(text).toContain("?[2Jevil???");
    expect(text.split("\n")).toHaveLength(2);
  });

  test("rooms in the order that is chosen, equal ones by name", () => {
    const rows = [row("b"), row("c", { peers: 5 }), row(null), row("a", { bytesPerSecond: 1 })];
    const names = (sort: "bytes" | "peers" | "name") => sortRooms(rows, sort).map(({ room }) => room);
    expect(names("bytes")).toEqual(["a", null, "b", "c"]);
    expect(names("peers")).toEqual(["c", null, "a", "b"]);
    expect(names("name")).toEqual([null, "a", "b", "c"]);
  });

  test.each([
    [0, "0"],
    [0.25, "0.3"],
    [7, "7"],
    [99.94, "99.9"],
    [99.96, "100"],
    [999, "999"],
    [999.9, "1.0k"],
    [12_345, "12.3k"],
    [999_999, "1.0M"],
    [5e9, "5.0G"],
  ])("%d is %s", (value, text) => {
    expect(short(value)).toBe(text);
  });
});

describe("keys", () => {
  test.each([
    ["q", ["quit"]],
    ["\x03", ["quit"]],
    ["\x1b[A\x1b[B\x1bOA", ["up", "down", "up"]],
    ["jk\rs", ["down", "up", "enter", "sort"]],
    ["\x1b", ["back"]],
    ["\x7f", ["back"]],
    ["\x1b[6~\x1b[1;5Cx", []],
    ["", []],
  ])("%j is %j", (typed, keys) => {
    expect(readKeys(typed)).toEqual(keys);
  });
});

describe("without a terminal", () => {
  test("--json: one document, with the rates of one interval", async () => {
    const lobby = scriptedRoom(480, "lobby", { lastSeen: 1_000 });
    admin.rooms.push(lobby, scriptedRoom(480, null));
    admin.onRequest = (path) => {
      if (path !== "/apps/480/rooms") return;
      lobby.lastSeen += 1_000;
      lobby.packets += 40;
    };
    const { exit, stdout, stderr } = await cli(["top", "--interval", "1", "--json"], variables());
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ rooms: [{ room: null }, { room: "lobby", packetsPerSecond: 40 }] });
  });

  test("a table of a room's connections", async () => {
    admin.rooms.push(scriptedRoom(480, "lobby", { connections: [{ connectionId: "1", packets: 12_345, bytes: 8 }] }));
    const args = ["top", "--once", "--interval", "1", "--app", "480", "--room", "lobby"];
    const { exit, stdout } = await cli(args, variables());
    expect(exit).toBe(0);
    expect(stdout.split("\n")[1]).toMatch(
      /^ *76561197960287930 +76561197960287931 +0 +0 NetworkingSockets +Connected +12\.3k +8$/,
    );
  });

  test("what cannot be meant, and what is refused", async () => {
    expect(await cli(["top", "--room", "lobby"], variables())).toMatchObject({ exit: 2 });
    const without = await cli(["top", "--json"], { EDGE_RELAY_URL: admin.url });
    expect(JSON.parse(without.stdout)).toMatchObject({ error: { code: "no_admin_token" } });
    const wrong = await cli(["top", "--json"], { EDGE_RELAY_URL: admin.url, ADMIN_TOKEN: "wrong" });
    expect([wrong.exit, JSON.parse(wrong.stdout)]).toMatchObject([1, { error: { code: "admin_token_wrong" } }]);
  });
});
