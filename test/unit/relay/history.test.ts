/** What happened in a room, minute by minute and hour by hour, without a timer. */
import { describe, expect, test } from "vitest";
import { DAY, HOUR, type HistoryResolution, MINUTE } from "../../../src/relay/history/bucket.ts";
import { ALICE, BOB, CAROL, START, type TestPeer, TestRoom, frames } from "../../support/room.ts";

const MIDDLE = START - (START % MINUTE) + MINUTE / 2;

function setup() {
  const room = new TestRoom({ settings: { idleTimeoutMs: 24 * HOUR } });
  room.now = MIDDLE;
  const [alice, bob] = [room.join(ALICE), room.join(BOB)];
  const handle = room.pair(alice, bob);
  return { room, alice, bob, handle };
}

function history(room: TestRoom, resolution: HistoryResolution = "minute", from = 0, to = Infinity) {
  return room.room.history({ resolution, from, to }, room.now);
}

/** Peers stay, and say nothing that reaches the room. */
function pass(room: TestRoom, ms: number, ...peers: TestPeer[]): void {
  for (const end = room.now + ms; room.now < end;) {
    for (const peer of peers) peer.ping();
    room.advance(Math.min(15_000, end - room.now));
  }
}

const at = (minutes: number) => MIDDLE - MINUTE / 2 + minutes * MINUTE;

describe("a minute", () => {
  test("that runs is shown as it is, and nothing is written for it", () => {
    const { room, alice, handle } = setup();
    alice.send(frames.data(handle, "123"), frames.data(handle, "45"), frames.data(99, "lost"));
    expect(history(room)).toEqual([
      {
        at: at(0),
        packets: 2,
        bytes: 5,
        messages: 5,
        joins: 2,
        opened: 1,
        peers: 2,
        connections: 1,
        drops: { unknown_handle: 1 },
      },
    ]);
    expect(room.store.writes.filter((write) => write === "saveCounters")).toEqual([]);
  });

  test("that is over is closed before the first event after it counts", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(frames.data(handle, "1"));
    pass(room, 3 * MINUTE, alice, bob);
    alice.send(frames.data(handle, "123"));
    expect(history(room).map((bucket) => [bucket.at, bucket.packets, bucket.bytes])).toEqual([
      [at(0), 1, 1],
      [at(3), 1, 3],
    ]);
    expect(room.store.historySlots).toEqual([]); // it is written with the counters
    room.room.flush();
    expect(room.store.historySlots).toHaveLength(1);
    room.room.flush();
    expect(room.store.historySlots).toHaveLength(1);
  });

  test("in which nothing happens is neither shown nor written", () => {
    const { room, alice, bob } = setup();
    pass(room, 2 * MINUTE, alice, bob);
    const { length } = room.store.writes;
    pass(room, 20 * MINUTE, alice, bob);
    expect(room.store.writes).toHaveLength(length);
    expect(history(room)).toHaveLength(1);
  });

  test("of messages that bring nothing is not written: they are in the next that is", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(frames.data(handle, "1"));
    pass(room, MINUTE, alice, bob);
    room.store.writes.length = 0;
    for (let i = 0; i < 5; i++) {
      pass(room, MINUTE, alice, bob);
      alice.send(new Uint8Array([0x99, 0, 0, 0, 0, 0, 0, 0]));
    }
    expect(room.store.writes).toEqual([]);
    expect(history(room).at(-1)).toMatchObject({ at: at(6), messages: 5, packets: 0 });
    pass(room, MINUTE, alice, bob);
    alice.send(frames.data(handle, "1"));
    expect(history(room).at(-1)).toMatchObject({ at: at(7), messages: 6, packets: 1 });
  });

  test("knows the most there were at once, also of those that are gone", () => {
    const { room, alice, bob } = setup();
    const carol = room.join(CAROL);
    const handles = [room.pair(alice, carol), room.pair(bob, carol)];
    for (const handle of handles) carol.send(frames.close(handle));
    carol.bye();
    expect(history(room)).toMatchObject([{ peers: 3, connections: 3 }]);
    pass(room, MINUTE, alice, bob);
    const again = room.pair(alice, bob, { port: 5 });
    alice.send(frames.close(again));
    expect(history(room)).toMatchObject([
      { peers: 3, connections: 3 },
      { peers: 2, connections: 2, opened: 1, joins: 0 },
    ]);
  });
});

describe("hours", () => {
  test("are sums of their minutes, and the most of their peaks, from the first moment on", () => {
    const { room, alice, bob, handle } = setup();
    for (let minute = 0; minute < 130; minute++) {
      alice.send(frames.data(handle, "12"));
      pass(room, MINUTE, alice, bob);
    }
    const minutes = history(room);
    expect(minutes).toHaveLength(130);
    const hours = history(room, "hour");
    expect(hours.reduce((sum, { packets }) => sum + packets, 0)).toBe(130);
    expect(hours.map(({ at: beginning }) => beginning % HOUR)).toEqual(hours.map(() => 0));
    expect(hours.slice(1, -1)).toMatchObject([{ packets: 60, bytes: 120, peers: 2, connections: 1, joins: 0 }]);
  });

  test("stay for thirty days, minutes for one, in a number of rows that does not grow", () => {
    const { room } = setup();
    for (let hour = 0; hour < 40 * 24; hour++) {
      const peer = room.join(CAROL);
      peer.bye();
      room.now += HOUR;
    }
    const hours = history(room, "hour");
    expect(hours).toHaveLength(30 * 24);
    expect(hours.every(({ joins }) => joins === 1)).toBe(true);
    expect(hours[0]!.at).toBe(room.now - (room.now % HOUR) - 30 * DAY);
    expect(history(room)).toHaveLength(24);
    expect(room.store.loadHistory(0, 1_000)).toHaveLength(25 + 31);
    expect(room.store.loadHistory(0, 24)).toHaveLength(25);
  });

  test("of a room that was silent for longer than they are kept are gone", () => {
    const { room } = setup();
    room.now += 45 * DAY;
    room.join(CAROL).bye();
    expect(history(room, "hour")).toMatchObject([{ joins: 1 }]);
    expect(history(room)).toMatchObject([{ joins: 1 }]);
  });
});

test("the time asked for is from the first ms to before the last", () => {
  const { room, alice, bob, handle } = setup();
  for (let minute = 0; minute < 5; minute++) {
    alice.send(frames.data(handle, "1"));
    pass(room, MINUTE, alice, bob);
  }
  const asked = history(room, "minute", at(1), at(3));
  expect(asked.map((bucket) => bucket.at)).toEqual([at(1), at(2)]);
  expect(history(room, "minute", at(4) + 1)).toEqual([]);
});

describe("what it costs", () => {
  test("a busy room writes at most 62 rows of it in an hour, and the counters no more often", () => {
    const { room, alice, bob, handle } = setup();
    const busy = (minutes: number) => {
      for (let second = 0; second < 60 * minutes; second += 2) {
        alice.send(frames.data(handle, "x"));
        bob.send(frames.data(handle, "y"));
        room.advance(2_000);
      }
    };
    busy(26 * 60); // rows are written over by then
    room.store.historySlots.length = 0;
    room.store.writes.length = 0;
    busy(60);
    expect(room.store.historySlots.length).toBeGreaterThanOrEqual(60);
    expect(room.store.historySlots.length).toBeLessThanOrEqual(62);
    // 449 without a history: every twelve seconds, and with each alarm.
    expect(room.store.writes.filter((write) => write === "saveCounters").length).toBeLessThanOrEqual(450);
  }, 60_000);

  test("a quiet room has no alarm for it", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(frames.data(handle, "1"));
    pass(room, MINUTE, alice, bob);
    room.alarms.length = 0;
    pass(room, 10 * MINUTE, alice, bob);
    expect(room.alarms.length).toBeLessThanOrEqual(20); // looks for ghosts, 34 s apart
    for (const peer of [alice, bob]) peer.bye();
    expect(room.scheduled).toBe(Infinity);
  });
});

describe("what outlives the memory", () => {
  test("an eviction loses nothing, whenever it comes: what it interrupts is in the minute in which it happened", () => {
    const { room, alice, bob, handle } = setup();
    for (let minute = 0; minute < 4; minute++) {
      alice.send(frames.data(handle, "12"));
      room.evict();
      alice.send(frames.data(handle, "345"));
      pass(room, MINUTE - 1_000, alice, bob);
      room.evict();
      pass(room, 1_000, alice, bob);
    }
    const expected = { packets: 2, bytes: 5, peers: 2, connections: 1 };
    expect(history(room)).toMatchObject([0, 1, 2, 3].map((minute) => ({ ...expected, at: at(minute) })));
  });

  test("also what came after hours in which nothing was written", () => {
    const { room, alice, bob, handle } = setup();
    pass(room, 5 * HOUR, alice, bob);
    alice.send(frames.data(handle, "1"));
    room.evict();
    pass(room, MINUTE, alice, bob);
    alice.send(frames.data(handle, "1"));
    expect(history(room)).toMatchObject([{ at: at(0), opened: 1 }, { at: at(300), packets: 1 }, { at: at(301) }]);
  });

  test("the most at once are those of the last turn before", () => {
    const { room } = setup();
    room.join(CAROL).bye();
    room.evict();
    expect(history(room)).toMatchObject([{ peers: 3 }]);
  });

  test("a crash loses what it loses of the counters, and no more", () => {
    const { room, alice, bob, handle } = setup();
    alice.send(frames.data(handle, "1"));
    pass(room, MINUTE, alice, bob);
    alice.send(frames.data(handle, "2"));
    room.room.flush();
    alice.send(frames.data(handle, "3"));
    room.crash();
    expect(history(room)).toMatchObject([
      { at: at(0), packets: 1, joins: 2 },
      { at: at(1), packets: 1, joins: 0 },
    ]);
  });

  test("a row of a release without a history: it begins with nothing", () => {
    const { room } = setup();
    room.store.saveCounters(new Float64Array([2, 5, 100, 1_000, 42, START, 30, 0, 0, 0]));
    room.crash();
    expect(room.statistics.totalPackets).toBe(100);
    expect(history(room)).toEqual([]);
  });

  test("while nothing can be written the minute goes on, and nothing of it is lost", () => {
    const { room, alice, bob, handle } = setup();
    room.store.failing.add("saveCounters");
    for (let minute = 0; minute < 3; minute++) {
      alice.send(frames.data(handle, "1"));
      pass(room, MINUTE, alice, bob);
    }
    expect(room.store.historySlots).toEqual([]);
    expect(room.logged("store_failed").length).toBeLessThan(20); // not with each message
    expect(history(room).map((bucket) => [bucket.at, bucket.packets])).toEqual([
      [at(0), 1],
      [at(1), 2],
    ]);
    room.store.failing.clear();
    alice.send(frames.data(handle, "1"));
    pass(room, MINUTE, alice, bob);
    alice.send(frames.data(handle, "1"));
    expect(history(room).map((bucket) => [bucket.at, bucket.packets])).toEqual([
      [at(0), 1],
      [at(1), 3],
      [at(4), 1],
    ]);
    room.room.flush();
    expect(room.store.historySlots).toHaveLength(2);
  });
});

describe("a clock that goes back", () => {
  test("by less than a minute changes nothing", () => {
    const { room, alice, bob, handle } = setup();
    pass(room, MINUTE, alice, bob);
    alice.send(frames.data(handle, "1"));
    room.now -= MINUTE - 1_000;
    alice.send(frames.data(handle, "1"));
    expect(history(room).at(-1)).toMatchObject({ at: at(1), packets: 2 });
  });

  test("by more comes to minutes that are there already, and adds to them", () => {
    const { room, alice, bob, handle } = setup();
    for (let minute = 0; minute < 5; minute++) {
      alice.send(frames.data(handle, "1"));
      pass(room, MINUTE, alice, bob);
    }
    room.now = MIDDLE + MINUTE;
    for (let minute = 0; minute < 5; minute++) {
      alice.send(frames.data(handle, "1"));
      pass(room, MINUTE, alice, bob);
    }
    expect(history(room).map(({ packets }) => packets)).toEqual([1, 2, 2, 2, 2, 1]);
    expect(history(room, "hour").reduce((sum, { packets }) => sum + packets, 0)).toBe(10);
  });

  test("by years: what was written ahead of time keeps no day's place for good", () => {
    const { room } = setup();
    const visitEach = (ms: number, times: number): void => {
      for (let i = 0; i < times; i++, room.now += ms) room.join(CAROL).bye();
    };
    const today = room.now;
    room.now += 31 * 100 * DAY; // this day's place in the ring
    visitEach(HOUR, 26);
    room.now = today;
    visitEach(HOUR, 72);
    expect(history(room, "hour", 0, room.now).map(({ joins }) => joins)).toEqual(Array.from({ length: 72 }, () => 1));
  });

  test("by days keeps hours right where minutes are written over", () => {
    const { room } = setup();
    for (const days of [3, -3, 3, -2]) {
      room.join(CAROL).bye();
      room.now += days * DAY;
    }
    room.join(CAROL).bye();
    room.now = MIDDLE + 4 * DAY;
    expect(history(room, "hour").reduce((sum, { joins }) => sum + joins, 0)).toBe(7);
  });
});
