import { describe, expect, test } from "vitest";
import { CloseCode } from "../../../../src/protocol/index.ts";
import type { WatchEvent } from "../../../../src/relay/watching/events.ts";
import { MAX_EVENTS_PER_SECOND, MAX_QUEUED_BYTES } from "../../../../src/relay/watching/watcher.ts";
import { MAX_WATCHERS } from "../../../../src/relay/watching/watchers.ts";
import { ALICE, BOB, START, frames } from "../../../support/room.ts";
import { WatchedRoom } from "./spectator.ts";

/** Enough for one peer to do it all at once. */
const GENEROUS = { maxConnectionsPerPeer: 4_096, connectBurst: 4_096, messagesPerSecond: 10_000 };

function typesOf(events: readonly WatchEvent[]): string[] {
  return events.map((event) => (event.type === "peer" ? event.change : event.type));
}

/** Two peers, of which the first asks for `connections` of the other and closes them, in as many turns. */
function churn(watched: WatchedRoom, connections: number): void {
  const { room } = watched;
  const [a] = [room.join(ALICE), room.join(BOB)];
  for (let i = 0; i < connections; i++) {
    const handle = a.connect(BOB, { type: 1 });
    a.send(frames.close(handle));
  }
}

describe("who watches a room", () => {
  test("is told the statistics at once, and then what happens, in the turn in which it happens", () => {
    const watched = new WatchedRoom();
    const { room } = watched;
    const early = room.join(BOB);
    const spectator = watched.watch();
    expect(spectator.take()).toEqual([
      { type: "statistics", at: START, room: "app/480", statistics: room.room.statistics(START) },
    ]);
    room.advance(100);
    const a = room.join(ALICE);
    expect(spectator.take()).toEqual([{ type: "peer", at: START + 100, peer: String(ALICE), change: "joined" }]);
    const handle = a.connect(BOB, { port: 7 });
    const [opened, ...none] = spectator.take();
    expect(none).toEqual([]);
    expect(opened).toMatchObject({ type: "opened", connection: { state: "Connecting", virtualPort: 7 } });
    const connectionId = String(room.manager.getConnectionByHandle(handle)?.connectionId);
    early.accept(handle);
    const changed = { type: "changed", at: START + 100, connectionId, previous: "Connecting", state: "Connected" };
    expect(spectator.take()).toEqual([changed]);
    a.send(frames.data(handle, "12345"), frames.close(handle, { reason: 1_234 }));
    expect(spectator.take()).toMatchObject([
      { type: "closed", connection: { connectionId, packetsRelayed: 1, bytesRelayed: 5 }, reason: "app", code: 1_234 },
    ]);
  });

  test("is told statistics at once after a quiet second, then by a timer, and by none where nothing happens", () => {
    const watched = new WatchedRoom();
    const { room } = watched;
    const [a, b] = [room.join(ALICE), room.join(BOB)];
    const handle = room.pair(a, b);
    const spectator = watched.watch();
    expect(watched.wakeAt).toBe(Infinity);
    watched.advance(2_000);
    spectator.take();
    for (let i = 0; i < 50; i++) {
      a.send(frames.data(handle, "x"));
      watched.advance(50);
    }
    const told = spectator.of("statistics").map(({ at, statistics }) => [at - START, statistics.totalPackets]);
    expect(told).toEqual([
      [2_000, 1],
      [3_000, 20],
      [4_000, 40],
    ]);
    spectator.take();
    watched.advance(1_000);
    expect(spectator.of("statistics").map(({ statistics }) => statistics.totalPackets)).toEqual([50]);
    expect(watched.wakeAt).toBe(Infinity);
    const { rings } = watched;
    watched.advance(10_000);
    expect(watched.rings - rings).toBeLessThanOrEqual(1); // a credit may have been a turn
  });

  test("costs nothing when it is gone: the room is not observed any more", () => {
    const watched = new WatchedRoom();
    const { room } = watched;
    let observers = 0;
    const observe = room.room.observe.bind(room.room);
    room.room.observe = (observer) => {
      observers++;
      const stop = observe(observer);
      return () => {
        observers--;
        stop();
      };
    };
    const [first, second] = [watched.watch(), watched.watch()];
    expect(observers).toBe(1);
    watched.leave(first);
    expect(observers).toBe(1);
    watched.leave(second);
    expect(observers).toBe(0);
    second.take();
    room.join(ALICE);
    expect(second.events).toEqual([]);
    expect(watched.wakeAt).toBe(Infinity);
    // And who comes again is not told of what was before.
    const third = watched.watch();
    room.join(BOB);
    expect(typesOf(third.take())).toEqual(["statistics", "joined"]);
  });

  test("is dismissed with a message that is not the keep-alive", () => {
    const watched = new WatchedRoom();
    const spectator = watched.watch();
    watched.watchers.refuseMessage(spectator);
    expect(spectator.closed?.code).toBe(CloseCode.ProtocolError);
    expect(watched.watchers.count).toBe(0);
    watched.watchers.refuseMessage(spectator);
    watched.room.join(ALICE);
  });

  test("has place for 16, and those that have long been silent make place", () => {
    const watched = new WatchedRoom();
    const all = Array.from({ length: MAX_WATCHERS }, () => watched.watch());
    expect(watched.watchers.isFull(watched.room.now)).toBe(true);
    watched.advance(149_000);
    for (const spectator of all.slice(3)) spectator.keepAlive = watched.room.now;
    expect(watched.watchers.isFull(watched.room.now)).toBe(true);
    watched.advance(1_000);
    expect(watched.watchers.isFull(watched.room.now)).toBe(false);
    expect(watched.watchers.count).toBe(13);
    expect(all.map(({ closed }) => closed?.code)).toEqual([
      ...Array.from({ length: 3 }, () => CloseCode.HeartbeatLost),
      ...Array.from({ length: 13 }, () => undefined),
    ]);
  });
});

describe("a watcher that reads slowly", () => {
  test("is told how much it has missed as soon as there is room, and before anything else", () => {
    const watched = new WatchedRoom();
    const { room } = watched;
    const [slow, quick] = [watched.watch(), watched.watch()];
    slow.take();
    quick.take();
    slow.buffered = MAX_QUEUED_BYTES + 1;
    const a = room.join(ALICE);
    room.join(BOB);
    const handle = a.connect(BOB);
    expect(typesOf(quick.take())).toEqual(["joined", "joined", "opened"]);
    expect(slow.events).toEqual([]);
    slow.buffered = MAX_QUEUED_BYTES;
    a.send(frames.close(handle));
    expect(typesOf(slow.take())).toEqual(["skipped", "closed"]);
    expect(typesOf(quick.take())).toEqual(["closed"]);
  });

  test("is told so in a room where nothing happens any more, with the statistics that it has missed", () => {
    const watched = new WatchedRoom();
    const spectator = watched.watch();
    spectator.take();
    spectator.buffered = 1_000_000;
    watched.room.join(ALICE);
    watched.advance(2_500);
    expect(spectator.events).toEqual([]);
    spectator.buffered = 0;
    watched.advance(1_000);
    expect(spectator.take()).toMatchObject([
      { type: "skipped", events: 1 },
      { type: "statistics", statistics: { peers: 1 } },
    ]);
    expect(watched.wakeAt).toBe(Infinity);
  });

  test("is closed when it takes nothing in for half a minute", () => {
    const watched = new WatchedRoom();
    const [slow, quick] = [watched.watch(), watched.watch()];
    slow.buffered = 1_000_000;
    watched.room.join(ALICE);
    watched.advance(29_000);
    expect(slow.closed).toBeUndefined();
    watched.advance(2_000);
    expect(slow.closed?.code).toBe(CloseCode.Stalled);
    expect(quick.closed).toBeUndefined();
    expect(watched.watchers.count).toBe(1);
    expect(watched.wakeAt).toBe(Infinity);
  });

  test("or is told more than anybody reads: 500 events a second, and how many more there were", () => {
    const watched = new WatchedRoom(GENEROUS);
    const spectator = watched.watch();
    spectator.take();
    churn(watched, 400); // 2 peers joined, 400 opened and closed
    const events = spectator.take();
    expect(events).toHaveLength(MAX_EVENTS_PER_SECOND);
    expect(events.every(({ type }) => type !== "skipped")).toBe(true);
    watched.advance(1_000);
    const later = spectator.take();
    expect(later.filter(({ type }) => type === "skipped")).toEqual([
      { type: "skipped", at: watched.room.now, events: 802 - MAX_EVENTS_PER_SECOND },
    ]);
  });

  test("and a turn in which thousands end holds no more of them than may be told", () => {
    const watched = new WatchedRoom(GENEROUS);
    const { room } = watched;
    const [a] = [room.join(ALICE), room.join(BOB)];
    for (let port = 0; port < 700; port++) a.connect(BOB, { port });
    const spectator = watched.watch();
    spectator.take();
    room.kick(ALICE);
    expect(spectator.take()).toHaveLength(MAX_EVENTS_PER_SECOND);
    watched.advance(1_000);
    expect(spectator.of("skipped")).toMatchObject([{ events: 701 - MAX_EVENTS_PER_SECOND }]);
  });

  test("and nothing of what is beyond that is kept until the turn ends", () => {
    const watched = new WatchedRoom();
    watched.watch();
    const { room } = watched;
    const [a] = [room.join(ALICE), room.join(BOB)];
    const connection = room.manager.getConnectionByHandle(a.connect(BOB))!;
    let views = 0;
    const counted = new Proxy(connection, {
      get: (target, field) => {
        if (field === "created") views++;
        return Reflect.get(target, field) as unknown;
      },
    });
    for (let i = 0; i < 2_000; i++) watched.watchers.opened(counted);
    expect(views).toBe(MAX_EVENTS_PER_SECOND);
  });

  test("hears on when the clock is set back", () => {
    const watched = new WatchedRoom(GENEROUS);
    const spectator = watched.watch();
    watched.advance(2_000);
    spectator.take();
    watched.room.now -= 3_600_000;
    churn(watched, 400);
    expect(typesOf(spectator.take()).slice(0, 2)).toEqual(["joined", "statistics"]);
    watched.room.now -= 3_600_000;
    watched.watchers.ring(watched.room.now); // timers do not go by the clock
    expect(typesOf(spectator.take())).toEqual(["skipped", "statistics"]);
  });
});
