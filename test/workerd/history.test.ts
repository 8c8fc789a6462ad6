/** The history lives in the object's SQLite and in the checkpoint that a socket carries: nothing of it needs the memory. */
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { HistoryBucket, HistoryQuery } from "../../src/relay/history/bucket.ts";
import { Clock } from "./support/clock.ts";
import { CAROL, TestPeer, pairUp } from "./support/peer.ts";
import { type RoomStub, alarmOf, freshApp, operatorOf, roomOf } from "./support/room.ts";

const MINUTE = 60_000;

function historyOf(stub: RoomStub, query: Partial<HistoryQuery> = {}): Promise<HistoryBucket[]> {
  return operatorOf(stub).history({ resolution: "minute", from: 0, to: Infinity, ...query });
}

const sum = (buckets: readonly HistoryBucket[], of: (bucket: HistoryBucket) => number) =>
  buckets.reduce((total, bucket) => total + of(bucket), 0);

it("adds up to the statistics after evictions at any moment, minute by minute and by the hour", async () => {
  using clock = new Clock();
  const app = freshApp();
  const stub = roomOf(app);
  clock.set(Math.ceil(clock.now / MINUTE) * MINUTE);
  const first = clock.now;
  const { a, b, handle } = await pairUp({ app });
  for (let minute = 0; minute < 5; minute++) {
    for (let i = 0; i <= minute; i++) {
      a.data(handle, new Uint8Array(10));
      await b.nextData();
      await b.fence();
      if ((minute + i) % 2 === 0) await evictDurableObject(stub);
    }
    await clock.pass(MINUTE, stub, [a, b]);
    await evictDurableObject(stub);
  }
  const minutes = await historyOf(stub);
  const busy = minutes.filter(({ packets }) => packets > 0);
  expect(busy.map(({ at, packets }) => [(at - first) / MINUTE, packets])).toEqual(
    [0, 1, 2, 3, 4].map((m) => [m, m + 1]),
  );
  expect(minutes[0]).toMatchObject({ joins: 2, opened: 1, peers: 2, connections: 1, bytes: 10 });
  const statistics = await operatorOf(stub).statistics();
  for (const buckets of [minutes, await historyOf(stub, { resolution: "hour" })]) {
    expect(sum(buckets, ({ packets }) => packets)).toBe(statistics.totalPackets);
    expect(sum(buckets, ({ bytes }) => bytes)).toBe(statistics.totalBytes);
    expect(sum(buckets, ({ messages }) => messages)).toBe(statistics.messages);
    expect(sum(buckets, ({ joins }) => joins)).toBe(2);
  }
  expect(await historyOf(stub, { from: first + MINUTE, to: first + 3 * MINUTE })).toHaveLength(2);
});

it("loses in a crash what the counters lose", async () => {
  using clock = new Clock();
  const app = freshApp();
  const { a, b, handle } = await pairUp({ app });
  for (let second = 0; second < 150; second += 15) {
    a.data(handle, new Uint8Array(10));
    await b.nextData();
    await clock.pass(15_000, roomOf(app), [a, b]);
  }
  a.data(handle, new Uint8Array(10));
  await b.nextData();
  await abortAllDurableObjects();
  await Promise.all([a.closed, b.closed]);
  const stub = roomOf(app);
  const { totalPackets, joins } = await operatorOf(stub).statistics();
  expect(totalPackets).toBeGreaterThanOrEqual(9);
  const minutes = await historyOf(stub);
  expect(sum(minutes, ({ packets }) => packets)).toBe(totalPackets);
  expect(sum(minutes, (bucket) => bucket.joins)).toBe(joins);
});

it("keeps what happened in a room that everybody has left, and sets no alarm for it", async () => {
  const app = freshApp();
  const stub = roomOf(app);
  const carol = await TestPeer.enter({ app, peer: CAROL });
  carol.socket.close(1000);
  await carol.closed;
  expect(await alarmOf(stub)).toBeNull();
  await evictDurableObject(stub);
  expect(await historyOf(stub)).toMatchObject([{ joins: 1, peers: 1, packets: 0 }]);
  expect(await alarmOf(stub)).toBeNull();
  const rows = await runInDurableObject(stub, (_room, { storage }) => {
    return storage.sql.exec("SELECT COUNT(*) AS n FROM history").one()["n"];
  });
  expect(rows).toBe(0); // it is with the counters: nothing has ended this minute yet
});
