/** What operators ask of a room: pages against a model that sorts everything, and the audit log. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatCursor, parseCursor } from "../../../src/http/admin/cursors.ts";
import type { AppId, ConnectionId, PeerId } from "../../../src/protocol/index.ts";
import { ConnectionState, ConnectionType } from "../../../src/protocol/index.ts";
import { type AuditLog, MAX_AUDIT_ENTRIES } from "../../../src/relay/audit.ts";
import type { P2PConnection } from "../../../src/relay/connection.ts";
import { P2PRelayManager } from "../../../src/relay/manager.ts";
import { CONNECTION_SORTS, type ConnectionQuery, connections } from "../../../src/relay/operations/connections.ts";
import { firstOf } from "../../../src/relay/operations/first-of.ts";
import { operate } from "../../../src/relay/operations/index.ts";
import type { Room } from "../../../src/relay/room.ts";
import { DEFAULT_SETTINGS } from "../../../src/relay/settings.ts";
import { migrate } from "../../../src/storage/migrations.ts";
import { SqlAuditLog } from "../../../src/storage/sql-audit.ts";
import { NodeSql } from "../../support/node-sql.ts";
import { ALICE, BOB, CAROL, START, TestRoom, peerId } from "../../support/room.ts";

test("firstOf: what sorting all of them would give", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer()), fc.integer({ min: 1, max: 20 }), (items, count) => {
      const sorted = items.toSorted((a, b) => a - b).slice(0, count);
      expect(firstOf(items, count, (a, b) => a - b)).toEqual(sorted);
    }),
  );
});

/** One connection: its ends, its family, its state, and when and how much it carried. */
const opened = fc.record({
  from: fc.integer({ min: 1, max: 4 }),
  to: fc.integer({ min: 5, max: 12 }),
  type: fc.constantFrom(...Object.values(ConnectionType)),
  state: fc.constantFrom(ConnectionState.Connecting, ConnectionState.Connected, ConnectionState.Disconnecting),
  created: fc.integer({ min: 0, max: 3 }),
  packets: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 3 }),
});

type Opened = typeof opened extends fc.Arbitrary<infer T> ? T : never;

function managerOf(all: readonly Opened[]): P2PRelayManager {
  const manager = new P2PRelayManager({ idleTimeoutMs: 60_000, log: () => undefined });
  for (const { from, to, type, state, created, packets } of all) {
    const now = START + created;
    const ends = [BigInt(from) as PeerId, BigInt(to) as PeerId] as const;
    const id = manager.createOrGetConnection(...ends, 480 as AppId, type, { now });
    if (state !== ConnectionState.Connecting) manager.updateConnectionState(id, state, { now });
    for (const size of packets) manager.recordPacketRelayed(id, size, now + size);
  }
  return manager;
}

const VALUES = {
  created: (c: P2PConnection) => c.created,
  lastActivity: (c: P2PConnection) => c.lastActivity,
  packets: (c: P2PConnection) => c.packetsRelayed,
  bytes: (c: P2PConnection) => c.bytesRelayed,
};

function expected(manager: P2PRelayManager, { sort, isDescending, peer, type, state }: ConnectionQuery): string[] {
  const all = [...manager.connections()]
    .filter((c) => peer === undefined || c.fromPeerId === peer || c.toPeerId === peer)
    .filter((c) => type === undefined || c.type === type)
    .filter((c) => state === undefined || c.state === state)
    .toSorted((a, b) => VALUES[sort](a) - VALUES[sort](b) || a.handle - b.handle);
  if (isDescending) all.reverse();
  return all.map(({ connectionId }) => String(connectionId));
}

test("connections: filtered, sorted and in pages they are what a naive list is", () => {
  const query = fc.record({
    sort: fc.constantFrom(...CONNECTION_SORTS),
    isDescending: fc.boolean(),
    limit: fc.integer({ min: 1, max: 7 }),
    peer: fc.option(fc.bigInt({ min: 1n, max: 13n }), { nil: undefined }) as fc.Arbitrary<PeerId | undefined>,
    type: fc.option(fc.constantFrom(...Object.values(ConnectionType)), { nil: undefined }),
    state: fc.option(fc.constantFrom(ConnectionState.Connecting, ConnectionState.Connected), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(opened, { maxLength: 40 }), query, (all, asked) => {
      const manager = managerOf(all);
      const model = expected(manager, asked);
      const seen: string[] = [];
      let after: ConnectionQuery["after"];
      do {
        const page = connections({ manager } as unknown as Room, START, { ...asked, after });
        expect(page.total).toBe(model.length);
        expect(page.connections.length).toBeLessThanOrEqual(asked.limit);
        if (page.next) expect(page.connections).toHaveLength(asked.limit);
        seen.push(...page.connections.map(({ connectionId }) => connectionId));
        after = page.next;
      } while (after);
      expect(seen).toEqual(model);
    }),
  );
});

describe("cursors of connections", () => {
  test("are read as they were written", () => {
    const cursor = fc.record({
      sort: fc.constantFrom(...CONNECTION_SORTS),
      order: fc.constantFrom("asc" as const, "desc" as const),
      value: fc.maxSafeNat(),
      handle: fc.integer({ min: 1, max: 0xffff_ffff }),
    });
    fc.assert(fc.property(cursor, (place) => void expect(parseCursor(formatCursor(place))).toEqual(place)));
  });

  test("any other text is none", () => {
    fc.assert(fc.property(fc.string(), (text) => void expect(parseCursor(text)).toBeUndefined()));
    const wrong = [
      "created.asc.1.0",
      "created.asc.01.1",
      "created.asc.1.4294967296",
      "toString.asc.1.1",
      "bytes.up.1.1",
    ];
    for (const text of wrong) expect(parseCursor(text)).toBeUndefined();
  });
});

describe("peers", () => {
  test("in order of id, in pages", () => {
    const room = new TestRoom();
    for (const n of [5, 2, 9, 1, 7]) room.join(peerId(n));
    const first = operate(room.room, room.now, "peers", [{ limit: 2 }]);
    expect(first).toMatchObject({ next: peerId(2), total: 5 });
    const second = operate(room.room, room.now, "peers", [{ limit: 2, after: first.next }]);
    const last = operate(room.room, room.now, "peers", [{ limit: 2, after: second.next }]);
    const seen = [first, second, last].flatMap(({ peers }) => peers.map(({ peer }) => peer));
    expect(seen).toEqual([1, 2, 5, 7, 9].map((n) => String(peerId(n))));
    expect(last.next).toBeUndefined();
  });

  test("one of them: as it is, and away", () => {
    const room = new TestRoom({ settings: { graceMs: 30_000 } });
    const alice = room.join(ALICE, { address: "203.0.113.7" });
    room.pair(alice, room.join(BOB));
    const view = () => operate(room.room, room.now, "peer", [ALICE]);
    expect(view()).toEqual({
      peer: String(ALICE),
      state: "present",
      since: START,
      lastHeard: room.now,
      connections: 1,
      address: "203.0.113.7",
      rateClass: null,
      queuedBytes: 0,
      stalled: false,
    });
    room.advance(3_000);
    alice.drop();
    const since = room.now;
    room.advance(2_000);
    expect(view()).toMatchObject({ state: "away", since, connections: 1 });
    room.room.applySettings({ ...DEFAULT_SETTINGS, graceMs: 5_000 }, room.now);
    expect(view()).toMatchObject({ state: "away", since });
    expect(operate(room.room, room.now, "peer", [CAROL])).toBeUndefined();
  });
});

describe("the audit log", () => {
  test("has a row of each act that had an effect, and says whose it was", () => {
    const room = new TestRoom();
    const handle = room.pair(room.join(ALICE), room.join(BOB));
    const id = room.room.manager.getConnectionByHandle(handle)?.connectionId as ConnectionId;
    const act = { kind: "peer", subject: "7", until: START + 60_000, reason: "aimbot" } as const;
    for (let round = 0; round < 2; round++) {
      operate(room.room, room.now, "closeConnection", [id, "ann"]);
      operate(room.room, room.now, "kick", [ALICE, "ben"]);
      operate(room.room, room.now, "unban", ["peer", "8", "cat"]);
    }
    operate(room.room, room.now, "ban", [act, "ann"]);
    operate(room.room, room.now, "ban", [{ ...act, until: null, reason: "" }, "ann"]);
    operate(room.room, room.now, "unban", ["peer", "7", "ben"]);
    operate(room.room, room.now, "noteSettings", [{ graceMs: 0 }, "cat"]);
    const entries = operate(room.room, room.now, "audit", [{ before: Infinity, limit: 100 }]);
    expect(entries.toReversed().map(({ id, at, ...entry }) => [id, at === room.now, ...Object.values(entry)])).toEqual([
      [1, true, "ann", "close", String(id), ""],
      [2, true, "ben", "kick", String(ALICE), ""],
      [3, true, "ann", "ban", "peer/7", "until 2023-11-14T22:14:20.000Z: aimbot"],
      [4, true, "ann", "ban", "peer/7", "for good"],
      [5, true, "ben", "unban", "peer/7", ""],
      [6, true, "cat", "settings", "app", '{"graceMs":0}'],
    ]);
  });

  test("keeps the newest thousand, whose ids are never given twice", () => {
    const sql = new NodeSql();
    migrate(sql);
    let log: AuditLog = new SqlAuditLog(sql);
    const entry = { at: START, actor: "admin", action: "kick", subject: "1", detail: "" } as const;
    for (let n = 0; n < MAX_AUDIT_ENTRIES + 5; n++) log.add(entry);
    log = new SqlAuditLog(sql); // a room that has woken
    log.add(entry);
    const all = log.list({ before: Infinity, limit: 5_000 });
    expect(all).toHaveLength(MAX_AUDIT_ENTRIES);
    expect([all[0]?.id, all.at(-1)?.id]).toEqual([MAX_AUDIT_ENTRIES + 6, 7]);
    expect(log.list({ before: 10, limit: 2 }).map(({ id }) => id)).toEqual([9, 8]);
  });
});
