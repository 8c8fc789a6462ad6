/** Workers Analytics Engine, recorded where the binding is. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { POINT_DELTAS, POINT_LEVELS } from "../../src/runtime/cloudflare/analytics.ts";
import type { RelayEnv } from "../../src/runtime/cloudflare/env.ts";
import type { RelayRoom } from "../../src/runtime/cloudflare/relay-room.ts";
import { Clock } from "./support/clock.ts";
import { mustRelay, pairUp } from "./support/peer.ts";
import { type RoomStub, freshApp, operatorOf, roomOf } from "./support/room.ts";

type Point = Parameters<NonNullable<RelayEnv["ANALYTICS"]>["writeDataPoint"]>[0];

const NAMES = [...POINT_DELTAS.map(({ name }) => name), ...POINT_LEVELS];

/** The binding is looked at when the first event rebuilds the room: after this. */
async function bind(stub: RoomStub, points: Point[]): Promise<void> {
  const ANALYTICS = { writeDataPoint: (point: Point) => void points.push(point) };
  await runInDurableObject<RelayRoom, void>(stub, (room) => {
    const shell = room as unknown as { env: RelayEnv };
    shell.env = { ...shell.env, ANALYTICS };
  });
}

function figuresOf(points: readonly Point[]): Record<string, number> {
  const sums = NAMES.map((name, i) => {
    const values = points.map(({ doubles }) => doubles[i] ?? Number.NaN);
    const isLevel = (POINT_LEVELS as readonly string[]).includes(name);
    return [name, isLevel ? values.at(-1) : values.reduce((sum, value) => sum + value, 0)] as const;
  });
  return Object.fromEntries(sums) as Record<string, number>;
}

it("a point per flush: what happened since the last one, also over an eviction, and nothing twice", async () => {
  using clock = new Clock();
  const app = freshApp();
  const stub = roomOf(app);
  const points: Point[] = [];
  await bind(stub, points);
  const pair = await pairUp({ app });
  await mustRelay(pair);
  await clock.pass(41_000, stub, [pair.a, pair.b]);
  const first = points.length;
  expect(first).toBeGreaterThanOrEqual(1);
  expect(points[0]).toMatchObject({ indexes: [String(app)], blobs: ["", ""] });
  expect(points[0]?.doubles).toHaveLength(NAMES.length);
  expect(figuresOf(points)).toMatchObject({
    "packets relayed": 2,
    "bytes relayed": 32,
    joins: 2,
    "connections opened": 1,
    "packets dropped": 0,
    peers: 2,
    connections: 1,
  });

  // What only a checkpoint has when the object goes must be in a later point, and what was told in none.
  await mustRelay(pair);
  pair.a.data(999, new Uint8Array(4)); // dropped
  await pair.a.fence();
  await evictDurableObject(stub);
  await bind(stub, points);
  await mustRelay(pair);
  await clock.pass(41_000, stub, [pair.a, pair.b]);
  await runDurableObjectAlarm(stub);
  expect(points.length).toBeGreaterThan(first);
  const { messages } = await operatorOf(stub).statistics();
  expect(figuresOf(points)).toMatchObject({
    "packets relayed": 6,
    "bytes relayed": 96,
    "connections opened": 1,
    joins: 2,
    "packets dropped": 1,
  });
  expect(figuresOf(points)["WebSocket messages received"]).toBeLessThanOrEqual(messages);
  for (const peer of [pair.a, pair.b]) peer.socket.close();
});

it("no binding, no point, and the same rooms", async () => {
  const app = freshApp();
  const pair = await pairUp({ app });
  await mustRelay(pair);
  await runInDurableObject<RelayRoom, void>(roomOf(app), (room) => {
    expect((room as unknown as { env: RelayEnv }).env.ANALYTICS).toBeUndefined();
  });
  await runDurableObjectAlarm(roomOf(app));
  await mustRelay(pair);
  for (const peer of [pair.a, pair.b]) peer.socket.close();
});
