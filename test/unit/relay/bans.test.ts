/** Bans of peers, addresses and tickets (rules L3, L4), over the real store. */
import { describe, expect, test } from "vitest";
import { CloseCode, ClosedBy, EndReason } from "../../../src/protocol/index.ts";
import { type Ban, type BanKind, Bans, MAX_BANS } from "../../../src/relay/limits/bans.ts";
import { migrate } from "../../../src/storage/migrations.ts";
import { SqlBanStore } from "../../../src/storage/sql-bans.ts";
import { NodeSql } from "../../support/node-sql.ts";
import { ALICE, BOB, CAROL, DAVE, START, TestRoom, byeOf, closeOf } from "../../support/room.ts";

const ADDRESS = "203.0.113.7";
const FIRST = { after: { kind: "", subject: "" }, limit: 100 };

function setup() {
  const room = new TestRoom({ settings: { graceMs: 30_000 } });
  const alice = room.join(ALICE, { address: ADDRESS, ticketId: "a" });
  const bob = room.join(BOB, { address: ADDRESS, ticketId: "b" });
  const carol = room.join(CAROL);
  const handle = room.pair(alice, carol);
  return { room, alice, bob, carol, handle };
}

function open() {
  const sql = new NodeSql();
  migrate(sql);
  const store = new SqlBanStore(sql);
  return { store, bans: new Bans(store) };
}

const ban = (kind: BanKind, subject: string, until: number | null = null): Ban => {
  return { kind, subject, until, created: START, reason: "é".repeat(63) };
};

describe("[L3] who is banned does not join", () => {
  test.each<[BanKind, string, string]>([
    ["peer", String(ALICE), "peer_banned"],
    ["address", ADDRESS, "address_banned"],
    ["ticket", "ticket-1", "ticket_revoked"],
  ])("a %s, until it is lifted, also through an eviction and a crash", (kind, subject, code) => {
    const room = new TestRoom();
    const join = () => room.refusalOf(ALICE, { address: ADDRESS, ticketId: "ticket-1" })?.code;
    expect(join()).toBeUndefined();
    room.ban(kind, subject, { reason: "cheating" });
    expect(join()).toBe(code);
    room.evict();
    expect(join()).toBe(code);
    room.crash();
    expect(join()).toBe(code);
    expect(room.refusalOf(BOB, { address: "203.0.113.8", ticketId: "ticket-2" })).toBeUndefined();
    expect(room.refusalOf(BOB)).toBeUndefined();
    expect(room.room.unban(kind, subject, room.now)).toBe(true);
    expect(room.room.unban(kind, subject, room.now)).toBe(false);
    expect(join()).toBeUndefined();
  });

  test("the answer says until when, and not why", () => {
    const room = new TestRoom();
    room.ban("peer", String(ALICE), { until: START + 60_000, reason: "reported by Bob" });
    room.ban("peer", String(BOB));
    const { detail } = room.refusalOf(ALICE)!;
    expect(detail).toBe("this peer is banned from this room until 2023-11-14T22:14:20.000Z");
    expect(room.refusalOf(BOB)?.detail).toBe("this peer is banned from this room for good");
  });

  test("of several, the peer's own is told, then its ticket's", () => {
    const room = new TestRoom();
    const code = () => room.refusalOf(ALICE, { address: ADDRESS, ticketId: "t" })?.code;
    room.ban("address", ADDRESS);
    expect(code()).toBe("address_banned");
    room.ban("ticket", "t");
    expect(code()).toBe("ticket_revoked");
    room.ban("peer", String(ALICE));
    expect(code()).toBe("peer_banned");
  });

  test("one that is over has no effect, and is deleted when it is come upon", () => {
    const room = new TestRoom();
    const store = new SqlBanStore(room.sql);
    room.ban("peer", String(ALICE), { until: START + 1_000 });
    room.now = START + 999;
    expect(room.refusalOf(ALICE)?.code).toBe("peer_banned");
    room.now = START + 1_000;
    expect(room.room.listBans(FIRST, room.now)).toEqual([]);
    expect(store.count()).toBe(1);
    expect(room.refusalOf(ALICE)).toBeUndefined();
    expect(store.count()).toBe(0);
    room.ban("peer", String(ALICE), { until: room.now + 1_000 });
    room.now += 1_000;
    expect(room.room.unban("peer", String(ALICE), room.now)).toBe(false);
  });

  test("no ban is an alarm, and none is needed to end one", () => {
    const room = new TestRoom();
    room.ban("peer", String(ALICE), { until: START + 1_000 });
    expect(room.scheduled).toBe(Infinity);
  });
});

describe("[L4] who is in the room when it is banned", () => {
  const bye = byeOf(CloseCode.Banned, "banned");

  test("a peer is told, closed, and its connections end with 5110", () => {
    const { room, alice, bob, carol, handle } = setup();
    expect(room.ban("peer", String(ALICE))).toBe(1);
    expect(alice.heard()).toEqual([bye]);
    expect(alice.socket.closed).toEqual({ code: CloseCode.Banned, reason: "banned" });
    expect(carol.heard()).toEqual([closeOf(handle, EndReason.PeerBanned, ClosedBy.Relay)]);
    expect(bob.isIn).toBe(true);
    expect(room.statistics).toMatchObject({ peers: 2, activeConnections: 0 });
  });

  test("all peers of an address, guests too", () => {
    const { room, alice, bob, carol } = setup();
    const guest = room.guest(DAVE, { address: ADDRESS });
    expect(room.ban("address", ADDRESS)).toBe(3);
    for (const peer of [alice, bob, guest]) expect(peer.heard()).toEqual([bye]);
    expect(carol.isIn).toBe(true);
    expect(room.ban("address", ADDRESS)).toBe(0);
  });

  test("the sockets of a ticket, after an eviction as before", () => {
    const { room, alice, bob } = setup();
    room.evict();
    expect(room.ban("ticket", "b")).toBe(1);
    expect(bob.heard()).toEqual([bye]);
    expect(alice.isIn).toBe(true);
  });

  test("a peer that is away: its session ends, and it cannot resume", () => {
    const { room, alice, carol, handle } = setup();
    alice.drop();
    expect(room.statistics.away).toBe(1);
    carol.take();
    expect(room.ban("peer", String(ALICE))).toBe(0);
    expect(carol.heard()).toEqual([closeOf(handle, EndReason.PeerBanned, ClosedBy.Relay)]);
    expect(room.statistics.away).toBe(0);
    expect(room.refusalOf(ALICE)?.code).toBe("peer_banned");
  });

  test.each([
    ["address", ADDRESS],
    ["ticket", "a"],
  ] as const)("a session that is away is met by its %s, too, also after a resume", (kind, subject) => {
    const { room, alice, carol, handle } = setup();
    alice.drop();
    room.resume(alice).drop();
    carol.take();
    room.ban(kind, subject);
    expect(carol.heard()).toContainEqual(closeOf(handle, EndReason.PeerBanned, ClosedBy.Relay));
    expect(room.statistics.away).toBe(0);
  });

  test("is on disk before it is acted on: what cannot be kept is not done", () => {
    const { room, alice } = setup();
    room.sql.run("DROP TABLE bans");
    expect(() => room.ban("peer", String(ALICE))).toThrow();
    expect(alice.isIn).toBe(true);
  });
});

test("draining sends everybody away, to come back", () => {
  const room = new TestRoom();
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  room.pair(alice, bob);
  expect(room.drain(1_500)).toBe(2);
  for (const peer of [alice, bob]) {
    expect(peer.heard().at(-1)).toMatchObject({ frame: "bye", code: CloseCode.Restarting, reconnectAfterMs: 1_500 });
    expect(peer.socket.closed?.code).toBe(CloseCode.Restarting);
  }
  expect(room.refusalOf(ALICE)).toBeUndefined();
});

describe("the store", () => {
  test("gives back what was kept, and keeps one of each subject", () => {
    const { store } = open();
    const all = [ban("address", "2001:db8::/64"), ban("peer", "18446744073709551615", 8.64e15), ban("ticket", "a'b%_")];
    for (const each of all) store.save(each);
    expect(store.list(FIRST, START)).toEqual(all);
    store.save({ ...all[1]!, until: null });
    expect(store.find("peer", "18446744073709551615")).toEqual({ ...all[1], until: null });
    expect(store.count()).toBe(3);
    store.delete("ticket", "a'b%_");
    expect(store.find("ticket", "a'b%_")).toBeUndefined();
  });

  test("page by page, without those that are over", () => {
    const { store } = open();
    for (let n = 100; n < 110; n++) store.save(ban(n % 2 ? "peer" : "ticket", String(n), n < 102 ? START : null));
    const seen: string[] = [];
    let after = { kind: "", subject: "" };
    for (
      let page = store.list({ after, limit: 3 }, START);
      page.length > 0;
      page = store.list({ after, limit: 3 }, START)
    ) {
      seen.push(...page.map(({ kind, subject }) => `${kind}/${subject}`));
      after = page.at(-1)!;
    }
    expect(seen).toEqual(
      [103, 105, 107, 109].map((n) => `peer/${n}`).concat([102, 104, 106, 108].map((n) => `ticket/${n}`)),
    );
  });

  test("holds so many; those that are over make room, another of a subject that is there needs none", () => {
    const { store, bans } = open();
    for (let n = 1; n <= MAX_BANS; n++) store.save(ban("peer", String(n), n === 1 ? START + 1_000 : null));
    expect(bans.add(ban("peer", "20000"), START)).toBe(false);
    expect(store.find("peer", "20000")).toBeUndefined();
    expect(bans.add(ban("peer", "7", START + 5), START)).toBe(true);
    expect(bans.add(ban("peer", "20000"), START + 1_000)).toBe(true);
    expect(store.count()).toBeLessThanOrEqual(MAX_BANS);
  });
});
