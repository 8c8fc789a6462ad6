/** Counters by connection type, and of messages and joins: through evictions, crashes and rows of older releases. */
import { describe, expect, test } from "vitest";
import { ConnectionType } from "../../../src/protocol/index.ts";
import { RoomCounters } from "../../../src/relay/counters.ts";
import { FamilyCounters } from "../../../src/relay/families.ts";
import { P2PRelayManager } from "../../../src/relay/manager.ts";
import { TRUNK_COUNTS } from "../../../src/relay/trunk/traffic.ts";
import { ALICE, BOB, CAROL, START, TestRoom, frames } from "../../support/room.ts";

const { NetworkOld, NetworkPb, NetworkingSockets } = ConnectionType;
const NONE = { opened: 0, active: 0, packets: 0, bytes: 0 };

function setup() {
  const room = new TestRoom();
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  return { room, alice, bob };
}

/** A connection of 3 bytes that is closed, one of 5 that is open, both of one type; one of another without traffic. */
function traffic() {
  const all = setup();
  const { room, alice, bob } = all;
  const over = room.pair(alice, bob, { type: NetworkOld });
  alice.send(frames.data(over, "123"));
  bob.send(frames.close(over));
  const open = room.pair(alice, bob, { type: NetworkOld });
  bob.send(frames.data(open, "12345"));
  room.pair(bob, alice, { type: NetworkPb });
  return { ...all, open };
}

const FAMILIES = {
  NetworkOld: { opened: 2, active: 1, packets: 2, bytes: 8 },
  NetworkPb: { opened: 1, active: 1, packets: 0, bytes: 0 },
  NetworkingSockets: NONE,
  NetworkingMessages: NONE,
};

describe("by connection type", () => {
  test("what is open and what is closed are one sum", () => {
    const { room, alice, open } = traffic();
    expect(room.statistics.families).toEqual(FAMILIES);
    alice.send(frames.close(open));
    const NetworkOldAfter = { ...FAMILIES.NetworkOld, active: 0 };
    expect(room.statistics.families).toEqual({ ...FAMILIES, NetworkOld: NetworkOldAfter });
  });

  test.each([true, false])("an eviction loses nothing of it; flushed: %s", (isFlushed) => {
    const { room, alice, open } = traffic();
    if (isFlushed) room.room.flush();
    room.evict();
    expect(room.statistics.families).toEqual(FAMILIES);
    alice.send(frames.data(open, "1"), frames.close(open));
    room.evict();
    expect(room.statistics.families.NetworkOld).toEqual({ opened: 2, active: 0, packets: 3, bytes: 9 });
  });

  test("what a connection had carried stays, although a crash comes after its end and before the next flush", () => {
    const { room, alice, open } = traffic();
    room.room.flush();
    alice.send(frames.data(open, "lost"), frames.close(open));
    room.crash();
    expect(room.statistics.families).toEqual({ ...FAMILIES, NetworkOld: { ...FAMILIES.NetworkOld, active: 0 } });
  });

  test("one that was opened after the flush counts as opened after a crash", () => {
    const { room, alice, bob } = traffic();
    room.room.flush();
    alice.connect(bob, { type: NetworkingSockets });
    room.crash();
    const opened = { opened: 1, active: 1, packets: 0, bytes: 0 };
    expect(room.statistics.families).toEqual({ ...FAMILIES, NetworkingSockets: opened });
    room.crash();
    expect(room.statistics.families).toEqual({ ...FAMILIES, NetworkingSockets: opened });
  });

  test("one whose closing no checkpoint saw is counted all the same", () => {
    const { room, open } = traffic();
    room.closeConnection(open);
    room.evict();
    expect(room.statistics.families.NetworkOld).toEqual({ opened: 2, active: 0, packets: 2, bytes: 8 });
  });

  test("a row of layout 2 knows of what is open alone", () => {
    const { room } = traffic();
    const drops = [2, 11, 12];
    const [first] = room.manager.connections();
    const row = [2, 5, 100, 1_000, 42, START, 30, ...drops, 0, 0, first!.handle, 1, 5, START];
    room.store.saveCounters(new Float64Array(row));
    room.crash();
    expect(room.statistics).toMatchObject({ totalPackets: 100, messages: 0, joins: 0, drops: { unknown_handle: 11 } });
    expect(room.statistics.families.NetworkOld).toEqual({ opened: 1, active: 1, packets: 1, bytes: 5 });
  });

  test("a row of layout 3, which has nothing of trunks, is read whole", () => {
    const { room } = traffic();
    room.room.flush();
    const { families, messages, joins, totalPackets, totalBytes } = room.statistics;
    const row = [...room.store.loadCounters()!];
    const connections = 4 * room.manager.getActiveConnectionCount();
    row.splice(row.length - connections - 1 - TRUNK_COUNTS.length, 1 + TRUNK_COUNTS.length);
    row[0] = 3;
    room.store.saveCounters(new Float64Array(row));
    room.crash();
    expect(room.statistics).toMatchObject({ families, messages, joins, totalPackets, totalBytes });
  });

  test("of a release with fewer or more types: those that both know are read", () => {
    const counters = new FamilyCounters();
    expect(counters.read(new Float64Array([0, 3, 7, 8, 9]), 1)).toBe(5);
    counters.settle([]);
    const some = { opened: 7, active: 0, packets: 8, bytes: 9 };
    expect(counters.statistics([])).toMatchObject({ NetworkOld: some, NetworkPb: NONE });
    const more = new Float64Array([15, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 6, 99]);
    expect(counters.read(more, 0)).toBe(16);
    expect(counters.statistics([])).toMatchObject({ NetworkOld: some, NetworkingMessages: NONE });
  });
});

describe("messages and joins", () => {
  test("every message counts once, whatever is in it and whoever sends it", () => {
    const room = new TestRoom();
    const guest = room.guest(CAROL);
    expect(room.statistics).toMatchObject({ joins: 1, messages: 0 });
    guest.hello();
    guest.send(frames.data(1, "x"), frames.data(2, "y"));
    room.receiveText(guest);
    guest.bye();
    guest.send(frames.hello()); // it is not read any more, and Cloudflare bills it
    expect(room.statistics).toMatchObject({ joins: 1, messages: 5 });
  });

  test("refused joins are none", () => {
    const { room } = setup();
    room.room.counters.joinRefused("room_full");
    expect(room.statistics.joins).toBe(2);
  });

  test("messages that bring nothing cause no write, and survive an eviction", () => {
    const { room, alice } = setup();
    room.room.flush();
    room.store.writes.length = 0;
    const { messages } = room.statistics;
    for (let i = 0; i < 3; i++) alice.send(new Uint8Array([0x99, 0, 0, 0, 0, 0, 0, 0]));
    expect(room.room.counters).toMatchObject({ isDirty: false, hasNews: true });
    room.evict();
    expect(room.statistics.messages).toBe(messages + 3);
    expect(room.room.counters).toMatchObject({ isDirty: false, hasNews: true });
    room.advance(60_000);
    expect(room.store.writes).toEqual([]);
  });

  test("joins are written down, and what a checkpoint has of them is dirty", () => {
    const { room } = setup();
    room.room.flush();
    expect(room.room.counters.hasNews).toBe(false);
    room.join(CAROL);
    room.evict();
    expect(room.statistics.joins).toBe(3);
    expect(room.room.counters.isDirty).toBe(true);
  });

  test("the packed row is as long as it says, families included", () => {
    const { room } = traffic();
    const { counters, manager } = room.room;
    expect(counters.checkpoint(manager)).toHaveLength(counters.checkpointLength);
    const copy = new RoomCounters();
    copy.restore(new P2PRelayManager({ idleTimeoutMs: 1_000, log: () => {} }), undefined, counters.checkpoint(manager));
    expect(copy).toMatchObject({ joins: 2, messages: counters.messages });
  });
});
