/** When a room that nobody is in gives up its storage. */
import { beforeEach, describe, expect, test } from "vitest";
import { Retention } from "../../../src/relay/retention.ts";
import { ALICE, BOB, TestRoom } from "../../support/room.ts";
import { TestRooms } from "../../support/rooms.ts";

const HOUR = 3_600_000;
let room: TestRoom;
let retention: Retention;
let settings = { retentionMs: 24 * HOUR, ownRoomRetentionMs: 0 };

beforeEach(() => {
  settings = { retentionMs: 24 * HOUR, ownRoomRetentionMs: 0 };
  room = new TestRoom({ settings: { graceMs: 10_000 } });
  wake();
});

function wake(isOwnRoom = false): void {
  retention = new Retention({
    room: room.room,
    isOwnRoom,
    settings: () => settings,
    since: room.room.lastCounted ?? room.now,
  });
  room.room.observe(retention);
}

function emptied(): number {
  room.join(ALICE).bye();
  return room.now;
}

describe("clearAt", () => {
  test("is so long after the last has left, guests and those who may come back included", () => {
    const guest = room.guest(ALICE);
    retention.turnEnded(room.now);
    expect(retention.clearAt).toBe(Infinity);
    const b = room.join(BOB);
    guest.drop();
    expect(retention.clearAt).toBe(Infinity);
    room.advance(5_000);
    b.drop();
    expect(retention.clearAt).toBe(room.now + 24 * HOUR);
    expect([retention.takeNews(), retention.takeNews()]).toEqual([true, false]);
  });

  test("is never while sessions wait for their clients", () => {
    const [a, b] = [room.join(ALICE), room.join(BOB)];
    room.pair(a, b);
    for (const peer of [a, b]) peer.drop();
    expect(retention.clearAt).toBe(Infinity);
    room.advance(11_000);
    expect(retention.clearAt).toBeLessThanOrEqual(room.now + 24 * HOUR);
    expect(retention.clearAt).toBeGreaterThan(room.now + 23 * HOUR);
  });

  test("is never while there is half of a connection to another room", () => {
    const rooms = new TestRooms(["x", "y"]);
    room = rooms.room("x");
    wake();
    const [a, b] = [rooms.join("x", ALICE), rooms.join("y", BOB)];
    a.connect(b);
    rooms.settle();
    b.accept(b.heard().findLast(({ frame }) => frame === "incoming")!["handle"] as number);
    rooms.settle();
    a.drop();
    rooms.advance(10_000);
    expect(retention.clearAt).toBe(Infinity);
    rooms.advance(30_000); // nobody waits for it any more
    expect(retention.clearAt).toBeGreaterThan(room.now + 23 * HOUR);
    expect(retention.clearAt).toBeLessThanOrEqual(room.now + 24 * HOUR);
  });

  test("begins anew with whoever comes", () => {
    emptied();
    room.advance(10 * HOUR);
    const a = room.join(ALICE);
    expect(retention.clearAt).toBe(Infinity);
    room.advance(1_000);
    a.bye();
    expect(retention.clearAt).toBe(room.now + 24 * HOUR);
  });

  test("is known after an eviction, to the minute, and is no news then", () => {
    const since = emptied();
    room.advance(10 * HOUR);
    room.evict();
    wake();
    expect(retention.clearAt).toBeLessThanOrEqual(since + 24 * HOUR);
    expect(retention.clearAt).toBeGreaterThan(since + 24 * HOUR - 60_000);
    expect(retention.takeNews()).toBe(false);
  });

  test("of a room that nobody was ever in counts from its beginning", () => {
    expect(retention.clearAt).toBeGreaterThan(room.now + 24 * HOUR - 60_000);
    expect(retention.clearAt).toBeLessThanOrEqual(room.now + 24 * HOUR);
  });

  test("is never where it is 0, and for the app's own room unless it has a time of its own", () => {
    emptied();
    settings.retentionMs = 0;
    expect(retention.clearAt).toBe(Infinity);
    settings.retentionMs = 1;
    wake(true);
    expect(retention.clearAt).toBe(Infinity);
    settings.ownRoomRetentionMs = HOUR;
    expect(retention.clearAt).toBeLessThanOrEqual(room.now + HOUR);
  });
});

describe("isDue", () => {
  test("then, and not before", () => {
    const since = emptied();
    expect(retention.isDue(since + 24 * HOUR - 1)).toBe(false);
    expect(retention.isDue(since + 24 * HOUR)).toBe(true);
  });

  test("not while bans hold, which are looked at again as much later", () => {
    room.room.ban({ kind: "peer", subject: "5", until: room.now + 25 * HOUR, reason: "" }, room.now);
    const since = emptied();
    expect(retention.isDue(since + 24 * HOUR)).toBe(false);
    expect(retention.takeNews()).toBe(true);
    expect(retention.clearAt).toBe(since + 48 * HOUR);
    expect(retention.isDue(since + 48 * HOUR)).toBe(true);
  });
});
