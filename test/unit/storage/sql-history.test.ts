import { expect, test } from "vitest";
import { type HistoryBucket, DAY, HOUR, MINUTE } from "../../../src/relay/history/bucket.ts";
import { bucketsOf, rowsAfter } from "../../../src/relay/history/rows.ts";
import type { HistoryRow } from "../../../src/relay/ports.ts";
import { migrate } from "../../../src/storage/migrations.ts";
import { SqlRoomStore } from "../../../src/storage/sql-room-store.ts";
import { NodeSql } from "../../support/node-sql.ts";

/** The first ms of a day that begins the ring of days, and of hours. */
const START = 25 * 31 * 28 * DAY;

function setup() {
  const sql = new NodeSql();
  migrate(sql);
  const store = new SqlRoomStore(sql);
  const load = (first: number, last: number) => store.loadHistory(first, last);
  const save = (minute: HistoryBucket) => store.saveCounters(new Float64Array([1]), rowsAfter(minute, load));
  return { sql, store, save, load };
}

function bucket(at: number, more: Partial<HistoryBucket> = {}): HistoryBucket {
  const none = { packets: 0, bytes: 0, messages: 0, joins: 0, opened: 0, peers: 0, connections: 0, drops: {} };
  return { ...none, ...more, at };
}

const row = (slot: number, ...numbers: number[]): HistoryRow => ({ slot, packed: new Float64Array(numbers) });

test("a bucket comes back as it was, beyond 2^32 and with its drops", () => {
  const { store, save } = setup();
  const full = bucket(START, {
    packets: 2 ** 40,
    bytes: 2 ** 50,
    messages: 3,
    joins: 4,
    opened: 5,
    peers: 6,
    connections: 7,
    drops: { unknown_handle: 8, connection_rate_limited: 2 ** 33 },
  });
  save(full);
  save(bucket(START + MINUTE, { packets: 1 }));
  expect(bucketsOf(store.loadHistory(0, 55))).toEqual([full, bucket(START + MINUTE, { packets: 1 })]);
});

test("rows are found by slot, from the first to the last asked for, and replaced", () => {
  const { store } = setup();
  const counters = new Float64Array([7]);
  store.saveCounters(counters, [row(3, 1), row(1, 2), row(9, 3)]);
  store.saveCounters(counters, [row(3, 4, 5)]);
  expect(store.loadHistory(1, 3)).toEqual([row(1, 2), row(3, 4, 5)]);
  expect(store.loadHistory(4, 8)).toEqual([]);
  store.saveCounters(new Float64Array([8]));
  expect(store.loadHistory(0, 55)).toHaveLength(3);
  expect(store.loadCounters()).toEqual(new Float64Array([8]));
});

test("counters and history are written as one, or neither is", () => {
  const { sql, store } = setup();
  store.saveCounters(new Float64Array([1]), [row(1, 1)]);
  const run = sql.run.bind(sql);
  sql.run = (statement, ...bindings) => {
    if (bindings[0] === 2) throw new Error("the disk is full");
    run(statement, ...bindings);
  };
  expect(() => store.saveCounters(new Float64Array([2]), [row(1, 2), row(2, 2)])).toThrow("the disk is full");
  expect(store.loadCounters()).toEqual(new Float64Array([1]));
  expect(store.loadHistory(0, 55)).toEqual([row(1, 1)]);
});

test.each([
  ["of half a number", "x'010203'"],
  ["empty", "x''"],
])("a damaged row, %s, fails nothing and is written over", (_, blob) => {
  const { sql, store, save } = setup();
  sql.run(`INSERT INTO history (slot, packed) VALUES (0, ${blob})`);
  expect(bucketsOf(store.loadHistory(0, 9))).toEqual([]);
  save(bucket(START, { joins: 1 }));
  expect(bucketsOf(store.loadHistory(0, 9))).toEqual([bucket(START, { joins: 1 })]);
});

test.each([-4.5, Number.NaN])("a row that says it has %d reasons of drops is not read", (reasons) => {
  expect(bucketsOf([row(0, 1, START, START, 1, 2, 3, 4, 5, 6, 7, reasons)])).toEqual([]);
});

test("an hour becomes one bucket of its day when its row is written over, a day later", () => {
  const { store, save, load } = setup();
  for (const minute of [0, 1, 59]) save(bucket(START + minute * MINUTE, { packets: 2, peers: minute }));
  expect(rowsAfter(bucket(START + 24 * HOUR), load)).toHaveLength(1);
  save(bucket(START + 25 * HOUR, { packets: 1 }));
  expect(bucketsOf(store.loadHistory(0, 24))).toEqual([bucket(START + 25 * HOUR, { packets: 1 })]);
  expect(bucketsOf(store.loadHistory(25, 55))).toEqual([bucket(START, { packets: 6, peers: 59 })]);
});

test("a day's place is taken by one that is 31 days later, or by today's where that one is still to come", () => {
  for (const days of [0, 31]) {
    const { store, save } = setup();
    // Forwards as time goes, and as a clock does that was a month ahead.
    save(bucket(START + days * DAY, { joins: 1 }));
    save(bucket(START + days * DAY + 25 * HOUR));
    save(bucket(START + (31 - days) * DAY + HOUR, { joins: 2 }));
    save(bucket(START + (31 - days) * DAY + 26 * HOUR));
    const [first] = bucketsOf(store.loadHistory(25, 25));
    const { at = Number.NaN } = first ?? {};
    if (days === 0) expect(at).toBeGreaterThanOrEqual(START + 31 * DAY);
    else expect(at).toBeLessThan(START + DAY);
  }
});

test("what this release does not know: another layout is written over, other reasons are left out", () => {
  const { store, save } = setup();
  store.saveCounters(new Float64Array([1]), [row(0, 99, START, 1, 2, 3)]);
  expect(bucketsOf(store.loadHistory(0, 55))).toEqual([]);
  save(bucket(START, { joins: 1 }));
  expect(bucketsOf(store.loadHistory(0, 55))).toEqual([bucket(START, { joins: 1 })]);
  const later = row(
    0,
    1,
    START,
    START,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    2,
    0,
    11,
    1_000,
    12,
    START + MINUTE,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  );
  const [first, second] = bucketsOf([later]);
  expect(first).toMatchObject({ packets: 1, connections: 7, drops: { unknown_handle: 11 } });
  expect(Object.keys(first!.drops)).toHaveLength(1);
  expect(second).toEqual(bucket(START + MINUTE, { packets: 1 }));
});
