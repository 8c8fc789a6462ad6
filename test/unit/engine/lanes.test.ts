import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConnectionEngine } from "../../../src/client/engine/connection-engine.ts";
import { FrameWriter } from "../../../src/client/engine/frame-writer.ts";
import { DATA_PAYLOAD_OFFSET } from "../../../src/protocol/index.ts";
import { type DataFrame, NoNagle, Pair, Reliable, framesOf, pattern, pullAll } from "./harness.ts";

const KIB = 1024;

function engineWith(priorities: number[], weights: number[]): ConnectionEngine {
  const engine = new ConnectionEngine({
    handle: 7,
    maxPayload: 512 * KIB,
    ordered: true,
    sendBufferSize: 8 * KIB * KIB,
  });
  engine.setConnected(true);
  pullAll(engine, 0, 64 * KIB);
  engine.receiveAck({ handle: 7, lane: 0, cumulative: 0, selective: 0, window: 2 ** 31 }, 0);
  expect(engine.configureLanes(priorities, weights)).toBe(true);
  return engine;
}

/** The next frames, up to about `bytes` bytes. */
function next(engine: ConnectionEngine, bytes: number): DataFrame[] {
  const writer = new FrameWriter();
  engine.pull(writer, 6, bytes);
  return framesOf(writer.take()).data;
}

function bytesByLane(frames: readonly DataFrame[], lanes: number): number[] {
  const sums = Array.from({ length: lanes }, () => 0);
  for (const { lane, payload } of frames) sums[lane]! += payload.length + DATA_PAYLOAD_OFFSET;
  return sums;
}

function ones(count: number): number[] {
  return Array.from({ length: count }, () => 1);
}

/** Queues reliable messages of `size` bytes, `total` bytes or a little more. */
function backlog(engine: ConnectionEngine, lane: number, size: number, total: number): void {
  for (let sent = 0; sent < total; sent += size) engine.send(pattern(size), { flags: Reliable, lane }, 0);
}

describe("configureLanes", () => {
  test("at most 255, at least one, and none may be taken away", () => {
    const engine = engineWith([0], [1]);
    expect(engine.configureLanes(ones(255), ones(255))).toBe(true);
    expect(engine.configureLanes(ones(256), ones(256))).toBe(false);
    expect(engine.configureLanes(ones(254), ones(254))).toBe(false);
    expect(engine.configureLanes([], [])).toBe(false);
    expect(engine.laneStatus(0).length).toBe(255);
  });

  test.each([
    ["a weight of 0", [0, 0], [1, 0]],
    ["a weight that is no number", [0, 0], [1, NaN]],
    ["a boundless weight", [0, 0], [1, Infinity]],
    ["a broken priority", [0, 0.5], [1, 1]],
    ["fewer weights than lanes", [0, 0], [1]],
    ["more weights than lanes", [0, 0], [1, 1, 1]],
  ])("refuses %s, and changes nothing", (_, priorities, weights) => {
    const engine = engineWith([0], [1]);
    expect(engine.configureLanes(priorities, weights)).toBe(false);
    expect(engine.laneStatus(0).length).toBe(1);
  });

  test("lanes that were there keep their numbers and what waits in them", () => {
    const engine = engineWith([0, 0], [1, 1]);
    engine.send(Uint8Array.of(1), { flags: Reliable, lane: 1 }, 0);
    expect(engine.configureLanes([5, 0, 0], [1, 1, 1])).toBe(true);
    expect(engine.send(Uint8Array.of(2), { flags: Reliable, lane: 1 }, 0)).toEqual({ ok: true, number: 2 });
    expect(next(engine, 64 * KIB).map(({ payload, number }) => [payload[0], number])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test("the receiver needs no configuration", () => {
    const pair = new Pair();
    const count = 255;
    pair.a.engine.configureLanes(
      Array.from({ length: count }, (_, lane) => lane),
      Array.from({ length: count }, () => 1),
    );
    for (let lane = 0; lane < count; lane++) pair.a.send(100, { flags: Reliable, lane }, 0);
    pair.run(10);
    expect(pair.b.received.map(({ lane }) => lane)).toEqual(Array.from({ length: count }, (_, lane) => lane));
    pair.run(10_000);
    expect(pair.a.engine.drained).toBe(true);
  });
});

describe("priority", () => {
  test("a lower number goes first, whatever the weights and the order of sending", () => {
    const engine = engineWith([3, -1, 2], [1000, 1, 1000]);
    for (const lane of [0, 2, 1, 0, 1, 2]) engine.send(pattern(100), { flags: Reliable | NoNagle, lane }, 0);
    expect(next(engine, 64 * KIB).map(({ lane }) => lane)).toEqual([1, 1, 2, 2, 0, 0]);
  });

  test("is strict: a lower one gets nothing while a higher one has something", () => {
    const engine = engineWith([0, 1], [1, 1]);
    engine.send(pattern(500 * KIB), { flags: Reliable, lane: 1 }, 0);
    engine.send(pattern(500 * KIB), { flags: Reliable, lane: 0 }, 0);
    const lanes = next(engine, 2 * KIB * KIB).map(({ lane }) => lane);
    expect(lanes).toEqual([...Array.from({ length: 32 }, () => 0), ...Array.from({ length: 32 }, () => 1)]);
  });

  test("holds between segments: an urgent message waits for one segment at the most", () => {
    const engine = engineWith([0, 1], [1, 1]);
    engine.send(pattern(500 * KIB), { flags: Reliable, lane: 1 }, 0);
    expect(next(engine, 40 * KIB).map(({ lane }) => lane)).toEqual([1, 1]);
    engine.send(pattern(10), { flags: NoNagle, lane: 0 }, 0);
    expect(next(engine, 40 * KIB).map(({ lane }) => lane)).toEqual([0, 1, 1]);
  });
});

describe("weights", () => {
  test("are shares of bytes, within 10 %, whatever the sizes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ weight: fc.integer({ min: 1, max: 20 }), size: fc.integer({ min: 50, max: 3000 }) }), {
          minLength: 2,
          maxLength: 6,
        }),
        (lanes) => {
          const engine = engineWith(
            lanes.map(() => 0),
            lanes.map(({ weight }) => weight),
          );
          const total = lanes.reduce((sum, { weight }) => sum + weight, 0);
          lanes.forEach(({ size }, lane) => backlog(engine, lane, size, 600 * KIB));
          const shares = bytesByLane(next(engine, 500 * KIB), lanes.length);
          const all = shares.reduce((sum, bytes) => sum + bytes, 0);
          lanes.forEach(({ weight }, lane) => {
            const share = (all * weight) / total;
            expect(Math.abs((shares[lane] ?? 0) - share)).toBeLessThan(Math.max(0.1 * share, 6 * KIB));
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  test("1 : 3 is 1 : 3, of equal sizes to the frame", () => {
    const engine = engineWith([0, 0], [1, 3]);
    backlog(engine, 0, 976, 300 * KIB);
    backlog(engine, 1, 976, 300 * KIB);
    expect(bytesByLane(next(engine, 200_000), 2)).toEqual([50_000, 150_000]);
  });

  test("a lane that was idle has saved nothing up", () => {
    const engine = engineWith([0, 0], [1, 1]);
    backlog(engine, 0, 976, 300 * KIB);
    next(engine, 100_000);
    backlog(engine, 1, 976, 300 * KIB);
    expect(bytesByLane(next(engine, 100_000), 2)).toEqual([50_000, 50_000]);
  });

  test("a lane with nothing to send leaves its share to the others", () => {
    const engine = engineWith([0, 0, 0], [1, 98, 1]);
    backlog(engine, 0, 976, 300 * KIB);
    backlog(engine, 2, 976, 300 * KIB);
    expect(bytesByLane(next(engine, 100_000), 3)).toEqual([50_000, 0, 50_000]);
  });

  test("count within one priority only", () => {
    const engine = engineWith([1, 0, 1], [1, 1000, 3]);
    backlog(engine, 0, 976, 100 * KIB);
    backlog(engine, 2, 976, 300 * KIB);
    backlog(engine, 1, 976, 10_000);
    const shares = bytesByLane(next(engine, 111_000), 3);
    expect(shares).toEqual([25_000, 11_000, 75_000]);
  });
});

describe("a small message in another lane", () => {
  test("overtakes one of 512 KiB, from the very start of the connection", () => {
    const pair = new Pair({
      engine: { sendBufferSize: 1024 * KIB },
      network: { lagMs: 30, rateBytesPerSecond: 1_000_000 }, // a segment takes 16 ms
      budget: 16 * KIB,
    });
    pair.a.engine.configureLanes([0, 0], [1, 1]);
    pair.a.send(512 * KIB, { flags: Reliable, lane: 0 }, 0);
    pair.a.send(100, { flags: Reliable, lane: 1 }, 0);
    const small = pair.until(() => pair.b.received.length === 1, 10_000);
    expect(pair.b.received[0]).toMatchObject({ lane: 1 });
    expect(small).toBeLessThan(30 + 3 * 17);
    expect(pair.until(() => pair.b.received.length === 2, 10_000)).toBeGreaterThan(400);
    expect(pair.b.received[1]?.payload).toEqual(pattern(512 * KIB));
  });

  test("does not overtake in the same lane", () => {
    const pair = new Pair({ engine: { sendBufferSize: 1024 * KIB }, network: { lagMs: 30 } });
    pair.a.send(512 * KIB, { flags: Reliable }, 0);
    pair.a.send(100, { flags: Reliable }, 0);
    pair.run(1000);
    expect(pair.b.received.map(({ number, payload }) => [number, payload.length])).toEqual([
      [1, 512 * KIB],
      [2, 100],
    ]);
  });
});
