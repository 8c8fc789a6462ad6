/** What is known of an app's rooms without asking them. */
import { beforeEach, describe, expect, test } from "vitest";
import type { RoomName } from "../../../../src/protocol/index.ts";
import { AppLedger, FORGET_MS, PRESENCE_MS } from "../../../../src/relay/directory/app-ledger.ts";
import type { RoomReport } from "../../../../src/relay/directory/report.ts";
import { REPORT_MS, SIGN_OF_LIFE_MS } from "../../../../src/relay/directory/reporting.ts";
import { migrate } from "../../../../src/storage/migrations.ts";
import { DIRECTORY_STEPS, SqlLedgerStore } from "../../../../src/storage/sql-directory.ts";
import { NodeSql } from "../../../support/node-sql.ts";
import { APP } from "../../../support/room.ts";
import { statisticsOf } from "./statistics.ts";

const START = Date.UTC(2026, 10, 10);
let now: number;
let sql: NodeSql;
let ledger: AppLedger;

beforeEach(() => {
  now = START;
  sql = new NodeSql();
  migrate(sql, DIRECTORY_STEPS);
  ledger = open();
});

function open(presentSince?: number): AppLedger {
  return new AppLedger(APP, new SqlLedgerStore(sql, APP), presentSince);
}

function report(room: string, packets: number, more: Partial<RoomReport> & { peers?: number } = {}) {
  const { peers = 1, ...rest } = more;
  const statistics = statisticsOf(packets, { peers, monthBytes: 10 * packets });
  const name = room === "" ? undefined : (room as RoomName);
  return ledger.report({ room: name, at: now, statistics, life: `life of ${room}`, version: 0, ...rest }, now);
}

function rowsOf(table: string): number {
  return Number(sql.all(`SELECT COUNT(*) AS n FROM ${table}`)[0]?.["n"]);
}

describe("rooms", () => {
  test("are listed in order of name, the app's own first, in pages", () => {
    for (const room of ["b", "", "a", "B"]) report(room, 1);
    const all = ledger.rooms({ limit: 10 }, now);
    expect(all.map(({ room }) => room)).toEqual([null, "B", "a", "b"]);
    expect(all[0]).toMatchObject({ region: null, lastSeen: START, statistics: { totalPackets: 1, peers: 1 } });
    const names = (after: string | undefined, limit: number) =>
      ledger.rooms({ after, limit }, now).map(({ room }) => room);
    expect(names(undefined, 1)).toEqual([null]);
    expect(names("", 2)).toEqual(["B", "a"]);
    expect(names("a", 2)).toEqual(["b"]);
    expect(names("b", 2)).toEqual([]);
  });

  test("the last report is what is known; one that comes twice counts once", () => {
    report("a", 5, { peers: 3, region: "weur" });
    now += 1_000;
    for (let i = 0; i < 2; i++) report("a", 7, { peers: 2, region: "weur" });
    expect(ledger.rooms({ limit: 10 }, now)).toMatchObject([
      { region: "weur", lastSeen: now, statistics: { totalPackets: 7, peers: 2, drops: { rate_limited: 14 } } },
    ]);
    expect(ledger.totals(now)).toMatchObject({ app: APP, rooms: 1, oldest: now, statistics: { totalPackets: 7 } });
  });

  test("one that died without a word counts as empty after a while, and its counters stay", () => {
    report("a", 5, { peers: 3 });
    now += PRESENCE_MS - 1;
    expect(ledger.totals(now)).toMatchObject({ rooms: 1, oldest: START, statistics: { peers: 3 } });
    now += 1;
    expect(ledger.totals(now)).toMatchObject({ rooms: 0, oldest: null, statistics: { peers: 0, totalPackets: 5 } });
    expect(ledger.rooms({ limit: 1 }, now)).toMatchObject([{ lastSeen: START, statistics: { peers: 0 } }]);
    expect(ledger.occupied(10, now)).toEqual([]);
  });

  test("a room that lives has said so by then", () => {
    expect(PRESENCE_MS).toBeGreaterThan(2 * (SIGN_OF_LIFE_MS + REPORT_MS + 45_000));
  });

  test("where all rooms end with the process, nobody is in those of an earlier one", () => {
    report("a", 5, { peers: 3 });
    ledger = open(now + 1);
    expect(ledger.totals(now + 2)).toMatchObject({ rooms: 0, statistics: { peers: 0, totalPackets: 5 } });
  });

  test("those that somebody is in are told first, the last heard of before others, no more than so many", () => {
    for (const room of ["a", "", "b", "c"]) {
      report(room, 1, { peers: room === "b" ? 0 : 1 });
      now += 1_000;
    }
    expect(ledger.occupied(10, now)).toEqual(["c", undefined, "a"]);
    expect(ledger.occupied(2, now)).toEqual(["c", undefined]);
  });
});

describe("what rooms that are gone had counted", () => {
  test("a room whose storage was cleared counts anew beside it", () => {
    report("a", 100);
    report("a", 3, { life: "second" });
    expect(ledger.totals(now).statistics).toMatchObject({ totalPackets: 103, peers: 1, drops: { rate_limited: 206 } });
    expect(open().totals(now).statistics).toMatchObject({ totalPackets: 103 });
  });

  test("a room that crashed counts on from where it was; what was heard of it stands meanwhile", () => {
    report("a", 100);
    report("a", 90, { peers: 4 });
    expect(ledger.totals(now).statistics).toMatchObject({ totalPackets: 100, peers: 4 });
    report("a", 101);
    expect(ledger.totals(now).statistics.totalPackets).toBe(101);
  });

  test("rooms unheard of for a month are forgotten, their counts are not, and come back with them", () => {
    const before = statisticsOf(100);
    report("old", 100);
    report("new", 1);
    now += FORGET_MS - 1;
    report("new", 2);
    expect(rowsOf("directory_rooms")).toBe(2);
    now += 24 * 3_600_000;
    report("new", 3);
    expect(rowsOf("directory_rooms")).toBe(1);
    expect(open().totals(now)).toMatchObject({ rooms: 1, statistics: { totalPackets: 103, totalBytes: 1_030 } });
    report("old", 140, { before });
    for (const instance of [ledger, open()]) {
      expect(instance.totals(now).statistics).toMatchObject({ totalPackets: 143, drops: { rate_limited: 286 } });
    }
  });

  test("bytes of this month are those of this month", () => {
    report("a", 10);
    report("b", 5);
    report("b", 1, { life: "second" });
    expect(ledger.totals(now).statistics.monthBytes).toBe(160);
    now = Date.UTC(2026, 11, 1);
    expect(ledger.totals(now).statistics).toMatchObject({ monthBytes: 0, totalBytes: 160 });
    report("b", 2, { life: "second" });
    expect(ledger.totals(now).statistics.monthBytes).toBe(20);
    expect(ledger.rooms({ limit: 1 }, now)).toMatchObject([{ room: "a", statistics: { monthBytes: 0 } }]);
  });

  test("what an earlier release did not count, and a later one does, is 0 until it is told", () => {
    const { joinRefusals: _, ...older } = statisticsOf(5);
    report("a", 5, { statistics: older as never });
    report("b", 1);
    expect(ledger.totals(now).statistics).toMatchObject({ totalPackets: 6, joinRefusals: { room_full: 0 } });
  });
});

describe("what it costs", () => {
  test("a report is one row, also of one among a thousand", () => {
    for (let i = 0; i < 1_000; i++) report(`room${i}`, 1);
    const written: string[] = [];
    const run = sql.run.bind(sql);
    sql.run = (statement, ...bindings) => {
      written.push(statement);
      run(statement, ...bindings);
    };
    now += 30_000;
    for (let i = 0; i < 1_000; i++) report(`room${i}`, 2);
    expect(new Set(written).size).toBe(1);
    expect(written).toHaveLength(1_000);
    expect(ledger.totals(now).statistics).toMatchObject({ totalPackets: 2_000, peers: 1_000 });
  });

  test("with more rooms than are kept, the empty ones unheard of for longest are forgotten sooner, and lose nothing", () => {
    for (let i = 0; i < 21_000; i++) {
      report(`room${i}`, 1, { peers: i === 0 ? 1 : 0 });
      now += 1;
    }
    expect(rowsOf("directory_rooms")).toBeLessThanOrEqual(20_000 + 1_000);
    expect(ledger.rooms({ limit: 2 }, now).map(({ room }) => room)[0]).toBe("room0");
    expect(rowsOf("directory_rooms WHERE name = 'room1'")).toBe(0);
    expect(open().totals(now)).toMatchObject({ rooms: 1, statistics: { totalPackets: 21_000 } });
  });

  test("a report that cannot be written changes nothing", () => {
    report("a", 100);
    const saveRoom = SqlLedgerStore.prototype.saveRoom;
    SqlLedgerStore.prototype.saveRoom = () => {
      throw new Error("disk full");
    };
    try {
      expect(() => report("a", 3, { life: "second" })).toThrow("disk full");
    } finally {
      SqlLedgerStore.prototype.saveRoom = saveRoom;
    }
    expect(ledger.totals(now).statistics.totalPackets).toBe(100);
    report("a", 3, { life: "second" });
    expect(ledger.totals(now).statistics.totalPackets).toBe(103);
  });
});

describe("operators' settings", () => {
  test("are the answer to a room that has others, and replace all of before", () => {
    expect(ledger.rules(now)).toEqual({ version: 0, overrides: {}, bans: [] });
    expect(report("a", 1)).toBeUndefined();
    expect(ledger.setOverrides({ graceMs: 5, maxPeers: 2 }, now)).toMatchObject({ version: 1 });
    expect(report("a", 1)).toEqual({ version: 1, overrides: { graceMs: 5, maxPeers: 2 }, bans: [] });
    expect(report("a", 1, { version: 1 })).toBeUndefined();
    ledger.setOverrides({ maxPeers: 3 }, now);
    expect(report("a", 1, { version: 1 })).toEqual({ version: 2, overrides: { maxPeers: 3 }, bans: [] });
    ledger = open();
    expect(ledger.rules(now)).toEqual({ version: 2, overrides: { maxPeers: 3 }, bans: [] });
    expect(report("a", 1, { version: 1 })).toMatchObject({ version: 2 });
  });

  test("may be set for an app of which no room was ever heard", () => {
    expect(ledger.isKnown).toBe(false);
    ledger.setOverrides({ maxPeers: 3 }, now);
    expect(ledger.isKnown).toBe(true);
    expect(ledger.totals(now)).toMatchObject({ rooms: 0, oldest: null, statistics: { totalPackets: 0, drops: {} } });
    expect(ledger.summary(now)).toEqual({ app: APP, rooms: 0, peers: 0, activeConnections: 0, lastSeen: now });
  });
});
