/** When a room tells its directory how it is. */
import assert from "node:assert/strict";
import { beforeEach, describe, expect, test } from "vitest";
import { Following } from "../../../../src/relay/directory/following.ts";
import type { ReportAnswer, RoomReport } from "../../../../src/relay/directory/report.ts";
import {
  PEERS_MS,
  REPORT_MS,
  type Reported,
  Reporter,
  SIGN_OF_LIFE_MS,
} from "../../../../src/relay/directory/reporting.ts";
import { DEFAULT_SETTINGS } from "../../../../src/relay/settings.ts";
import { SqlFollowingStore } from "../../../../src/storage/sql-following.ts";
import { ALICE, BOB, CAROL, START, TestRoom, frames } from "../../../support/room.ts";

let room: TestRoom;
let following: Following;
let reporter: Reporter;
let answer: ReportAnswer;

beforeEach(() => {
  room = new TestRoom({ settings: { graceMs: 10_000 } });
  answer = undefined;
  wake();
});

function wake(reported?: Reported): void {
  following = new Following(new SqlFollowingStore(room.sql), (overrides) => ({ ...DEFAULT_SETTINGS, ...overrides }));
  reporter = new Reporter({ room: room.room, name: undefined, following, reported, now: room.now });
  room.room.observe(reporter);
}

/** What it says after what has just happened, answered. */
function said(): RoomReport | undefined {
  const report = reporter.take();
  if (report) reporter.answered(answer, room.now);
  return report;
}

/** Lets time pass with a keep-alive of everybody, and every report taken that comes. */
function reportsWithin(ms: number, event: () => void = () => {}): RoomReport[] {
  const reports: RoomReport[] = [];
  for (let passed = 0; passed < ms; passed += 1_000) {
    for (const peer of room.peers) peer.ping();
    event();
    room.advance(1_000);
    reports.push(...[said() ?? []].flat());
  }
  return reports;
}

describe("where rooms reach each other", () => {
  beforeEach(() => {
    const crossing = { name: "x", port: { dial: () => expect.unreachable("nobody dials") } };
    room = new TestRoom({ settings: { crossRooms: 1 }, crossing });
    wake();
  });

  test("a directory that fails is asked twice as seldom each time, and as before when it answers", () => {
    room.join(ALICE);
    const failedAt: number[] = [];
    let isFailing = true;
    for (let second = 0; second < 130; second++) {
      for (const peer of room.peers) peer.ping();
      if (second === 100) isFailing = false;
      reporter.turnEnded(room.now);
      const report = reporter.take();
      if (report && isFailing) {
        failedAt.push(second);
        reporter.failed();
      } else if (report) reporter.answered(answer, room.now);
      room.advance(1_000);
    }
    expect(failedAt.length).toBeLessThan(10);
    room.join(BOB);
    room.advance(1_000);
    reporter.turnEnded(room.now);
    expect(said()?.peerIds).toHaveLength(16);
  });
});

describe("at once", () => {
  test("the first peer, the first connection, and the end of all", () => {
    room.guest(ALICE);
    expect(said()).toBeUndefined();
    const a = room.join(ALICE);
    expect(said()).toMatchObject({ at: room.now, statistics: { peers: 1 }, room: undefined, version: 0 });
    const b = room.join(BOB);
    expect(said()).toBeUndefined();
    room.pair(a, b);
    expect(said()?.statistics).toMatchObject({ peers: 2, activeConnections: 1 });
    room.pair(a, b, { port: 7 });
    expect(said()).toBeUndefined();
    b.bye();
    expect(said()).toBeUndefined();
    a.bye();
    expect(said()?.statistics).toMatchObject({ peers: 0, away: 0, activeConnections: 0 });
  });

  test("the first connection when it is made, not when it is asked for: by then both peers are here", () => {
    const a = room.join(ALICE);
    said();
    a.send(frames.connect(BOB));
    expect(said()).toBeUndefined();
    const b = room.join(BOB);
    expect(said()).toBeUndefined();
    b.accept(a.heard().findLast(({ frame }) => frame === "connecting")?.["handle"] as number);
    expect(said()?.statistics).toMatchObject({ peers: 2, activeConnections: 1 });
  });

  test("that nobody has a socket any more, and then that nobody may come back", () => {
    const [a, b] = [room.join(ALICE), room.join(BOB)];
    room.pair(a, b);
    said();
    a.drop();
    expect(said()).toBeUndefined();
    b.drop();
    expect(said()?.statistics).toMatchObject({ peers: 0, away: 2 });
    room.advance(11_000);
    expect(said()?.statistics).toMatchObject({ peers: 0, away: 0, activeConnections: 0 });
  });

  test("the first connection of those who come next, too", () => {
    for (let i = 0; i < 2; i++) {
      const [a, b] = [room.join(ALICE), room.join(BOB)];
      expect(said()).toBeDefined();
      room.pair(a, b);
      expect(said()?.statistics.activeConnections).toBe(1);
      a.bye();
      b.bye();
      expect(said()).toBeDefined();
    }
  });
});

describe("otherwise", () => {
  test("at most every 30 s, however much is relayed, and never for a packet", () => {
    const [a, b] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(a, b);
    said();
    let packets = 0;
    const reports = reportsWithin(120_000, () => {
      a.send(frames.data(handle, "x"));
      packets++;
    });
    expect(reports.map(({ statistics }) => statistics.totalPackets)).toEqual([31, 61, 91]);
    expect(reports.map(({ at }) => at - START)).toEqual([REPORT_MS, 2 * REPORT_MS, 3 * REPORT_MS]);
    expect(packets).toBe(120);
  });

  test("a room where nothing changes says so now and then, with the alarm that looks for ghosts, and none of its own", () => {
    const [a, b] = [room.join(ALICE), room.join(BOB)];
    room.pair(a, b);
    said();
    const alone = new TestRoom();
    const [c, d] = [alone.join(ALICE), alone.join(BOB)];
    alone.pair(c, d);
    const minutes = 30;
    const reports = reportsWithin(minutes * 60_000);
    for (let i = 0; i < minutes * 60; i++) {
      for (const peer of alone.peers) peer.ping();
      alone.advance(1_000);
    }
    // A connection that is idle for five minutes ends, and that is told.
    expect(reports.length).toBeLessThanOrEqual((minutes * 60_000) / SIGN_OF_LIFE_MS + 2);
    expect(reports.length).toBeGreaterThanOrEqual(4);
    expect(room.alarms.map((at) => at - START)).toEqual(alone.alarms.map((at) => at - START));
  });

  test("an empty room has nothing more to say", () => {
    room.join(ALICE).bye();
    said();
    room.now += 10 * SIGN_OF_LIFE_MS;
    room.ring();
    expect(said()).toBeUndefined();
  });

  test("nothing is said of a room in which nobody ever was", () => {
    room.ban("peer", "5");
    room.ring();
    expect(said()).toBeUndefined();
  });

  test("[X1] who is here is told within a second, also where the clock has gone back", () => {
    const port = { dial: () => assert.fail("nobody is asked for") };
    room = new TestRoom({ settings: { graceMs: 10_000, crossRooms: 1 }, crossing: { name: "", port } });
    wake();
    const a = room.join(ALICE);
    expect(said()?.peerIds).toHaveLength(8);
    room.now -= 4 * 60_000;
    a.send(frames.connect(CAROL)); // a turn in which nobody comes or goes
    said();
    room.join(BOB);
    room.now += PEERS_MS;
    reporter.turnEnded(room.now);
    expect(said()?.peerIds).toHaveLength(16);
  });

  test("a clock that has gone back does not silence it", () => {
    room.join(ALICE);
    said();
    room.now -= 3_600_000;
    room.join(BOB);
    expect(said()).toMatchObject({ at: room.now, statistics: { peers: 2 } });
  });
});

describe("one report is under way at a time", () => {
  test("what has to be told meanwhile is told when it was answered", () => {
    const a = room.join(ALICE);
    expect(reporter.take()).toBeDefined();
    a.bye();
    expect(reporter.take()).toBeUndefined();
    reporter.answered(undefined, room.now);
    expect(said()?.statistics.peers).toBe(0);
    expect(said()).toBeUndefined();
  });

  test("one that failed is repeated with the next, and not before", () => {
    const a = room.join(ALICE);
    expect(reporter.take()).toBeDefined();
    reporter.failed();
    a.send(frames.close(999));
    expect(reporter.take()).toBeUndefined();
    const b = room.join(BOB);
    room.now += REPORT_MS;
    b.send(frames.close(999));
    expect(said()).toMatchObject({ before: undefined });
  });
});

describe("after an eviction", () => {
  test("what was told is not told again before its time", () => {
    const [a, b] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(a, b);
    const first = said()!;
    let reports = 0;
    for (let i = 0; i < 12; i++) {
      room.now += 11_000;
      room.evict();
      wake(structuredClone(reporter.reported));
      a.send(frames.data(handle, "x"));
      b.ping();
      if (said()) reports++;
    }
    expect(reports).toBe(Math.floor((12 * 11_000) / 33_000));
    expect(room.now - first.at).toBe(132_000);
  });

  test("the last who leaves is told of, by the event that woke the room", () => {
    const a = room.join(ALICE);
    said();
    room.evict();
    wake(reporter.reported);
    a.drop(true);
    expect(said()?.statistics.peers).toBe(0);
  });

  test("without a word of when it last reported the first turn tells, as after a crash", () => {
    const [a, b] = [room.join(ALICE), room.join(BOB)];
    room.pair(a, b);
    said();
    room.crash();
    wake();
    expect(reporter.take()).toBeUndefined();
    room.advance(11_000);
    expect(said()?.statistics).toMatchObject({ peers: 0, away: 0 });
  });

  test("what it had counted before is told apart, once the directory has answered in its life", () => {
    const [a, b] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(a, b);
    expect(said()).toMatchObject({ before: undefined });
    a.send(frames.data(handle, "x"));
    room.evict();
    wake();
    room.join(CAROL);
    const report = said()!;
    expect(report.before).toMatchObject({ totalPackets: 1 });
    expect(report.life).toMatch(/^[0-9a-f]{32}$/);
    room.now += REPORT_MS;
    a.send(frames.data(handle, "x"));
    expect(said()?.before).toEqual(report.statistics);
  });
});

describe("the answer", () => {
  test("is what holds from then on, and after an eviction", () => {
    const a = room.join(ALICE);
    answer = { version: 3, overrides: { maxPeers: 1, idleTimeoutMs: 5_000 }, bans: [] };
    said();
    expect(room.refusalOf(BOB)?.code).toBe("room_full");
    room.evict();
    wake(reporter.reported);
    expect(following).toMatchObject({ version: 3, isKnown: true });
    expect(following.settings).toMatchObject({ maxPeers: 1, idleTimeoutMs: 5_000, graceMs: DEFAULT_SETTINGS.graceMs });
    a.bye();
    expect(said()?.version).toBe(3);
  });

  test("is writing once, where nothing is set", () => {
    room.join(ALICE);
    said();
    room.sql.run = (statement) => {
      throw new Error(`it wrote: ${statement}`);
    };
    room.now += REPORT_MS;
    room.join(BOB);
    expect(said()).toMatchObject({ version: 0 });
  });

  test("does not undo what the directory has told meanwhile", () => {
    room.join(ALICE);
    reporter.take();
    following.told(room.room, { version: 5, overrides: { maxPeers: 1 }, bans: [] }, room.now);
    reporter.answered({ version: 4, overrides: { maxPeers: 2 }, bans: [] }, room.now);
    expect(following.settings.maxPeers).toBe(1);
    following.told(room.room, { version: 4, overrides: {}, bans: [] }, room.now);
    expect(following.version).toBe(5);
  });

  test("of a directory that has lost its memory is believed", () => {
    room.join(ALICE);
    following.told(room.room, { version: 5, overrides: { maxPeers: 1 }, bans: [] }, room.now);
    answer = { version: 0, overrides: {}, bans: [] };
    said();
    expect(following.settings.maxPeers).toBe(DEFAULT_SETTINGS.maxPeers);
    expect(room.statistics.peers).toBe(1);
  });
});
