/** What a peer may send that no engine would: nothing throws, memory stays bounded, and the others' data stay whole. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConnectionEngine, type EngineOptions, type Message } from "../../../src/client/engine/connection-engine.ts";
import { More, NoNagle, Pair, Reliable, framesOf, header, pattern, pullAll } from "./harness.ts";

const KIB = 1024;

function engineWith(options: Partial<EngineOptions> = {}) {
  const engine = new ConnectionEngine({ handle: 7, maxPayload: 512 * KIB, ordered: true, ...options });
  const violations: string[] = [];
  engine.onViolation = (violation) => violations.push(violation);
  engine.setConnected(true);
  pullAll(engine, 0, 64 * KIB);
  return { engine, violations };
}

/** An engine with messages 1 to 5 under way and 6 waiting. */
function busy(options: Partial<EngineOptions> = {}) {
  const { engine, violations } = engineWith(options);
  for (let i = 0; i < 5; i++) engine.send(pattern(100), { flags: Reliable | NoNagle }, 0);
  pullAll(engine, 0, 64 * KIB);
  engine.send(pattern(100), { flags: Reliable }, 0);
  return { engine, violations };
}

const ack = (cumulative: number, selective = 0, window = 1024 * KIB, lane = 0) => ({
  handle: 7,
  lane,
  cumulative,
  selective,
  window,
});

describe("acknowledgements", () => {
  test.each([
    ["of the next segment, which has not left", 6],
    ["of one that is not even queued", 7],
    ["far in the future", 0x4000_0000],
    ["half way round", 0x7fff_ffff],
    ["just beyond half way round", 0x8000_0005],
    ["before the first", 0xffff_ffff],
  ])("%s are ignored, and so are their windows and bits", (_, cumulative) => {
    const { engine, violations } = busy();
    engine.receiveAck(ack(cumulative, 0xffff_ffff, 0), 1);
    expect(engine.status(1)).toMatchObject({ sentUnackedReliable: 500, pendingReliable: 100 });
    expect(engine.counters.framesResent).toBe(0);
    expect(
      pullAll(engine, 5, 64 * KIB)
        .flatMap((batch) => framesOf(batch).data)
        .map(({ sequence }) => sequence),
    ).toEqual([6]);
    engine.receiveAck(ack(6), 6);
    expect([engine.drained, violations]).toEqual([true, []]);
  });

  test("that go backwards change nothing", () => {
    const { engine } = busy();
    engine.receiveAck(ack(3), 1);
    const before = engine.status(1);
    for (const cumulative of [2, 1, 0]) engine.receiveAck(ack(cumulative, 0xffff_ffff, 0), 1);
    expect(engine.status(1)).toEqual(before);
    pullAll(engine, 5, 64 * KIB);
    expect(engine.status(5).sentUnackedReliable).toBe(300);
    engine.receiveAck(ack(6), 6);
    expect(engine.drained).toBe(true);
  });

  test("with bits for what never left are taken for what did", () => {
    const { engine } = busy();
    engine.receiveAck(ack(0, 0xffff_ffff), 1); // 2 to 33
    expect(engine.status(1)).toMatchObject({ sentUnackedReliable: 100, pendingReliable: 100 });
    engine.receiveAck(ack(0, 0xffff_ffff), 2);
    pullAll(engine, 5, 64 * KIB);
    engine.receiveAck(ack(1), 6); // and never takes any of it back
    engine.receiveAck(ack(6), 6);
    expect([engine.drained, engine.status(6).sentUnackedReliable]).toEqual([true, 0]);
  });

  test("of lanes that there are not are ignored", () => {
    const { engine } = busy();
    for (const lane of [1, 7, 255]) engine.receiveAck(ack(1, 1, 0, lane), 1);
    expect(engine.status(1).sentUnackedReliable).toBe(500);
  });

  test("with an absurd window let no more be under way than the send buffer holds", () => {
    const { engine } = engineWith();
    engine.receiveAck(ack(0, 0, 0xffff_ffff), 0);
    let sent = 0;
    for (let i = 0; i < 100; i++) if (engine.send(pattern(64 * KIB), { flags: Reliable }, 0).ok) sent++;
    pullAll(engine, 5, 64 * KIB);
    expect(sent).toBe(8);
    expect(engine.status(5)).toMatchObject({ sentUnackedReliable: 512 * KIB, pendingReliable: 0 });
  });

  test("with a window of nothing for ever keep the sender waiting, not spinning", () => {
    const { engine } = engineWith();
    engine.receiveAck(ack(0, 0, 0), 0);
    engine.send(pattern(100), { flags: Reliable | NoNagle }, 0);
    let batches = 0;
    for (let now = 0; now < 60_000; now = Math.max(now + 1, engine.nextDeadline(now))) {
      batches += pullAll(engine, now, 64 * KIB).length;
      engine.receiveAck(ack(0, 0, 0), now);
    }
    expect(batches).toBeLessThanOrEqual(13); // a probe now and then
    expect(engine.counters.framesSent).toBe(0);
  });

  test("a flood of them costs little", () => {
    const { engine } = engineWith();
    engine.receiveAck(ack(0, 0, 0xffff_ffff), 0);
    for (let i = 0; i < 60_000; i++) engine.send(pattern(1), { flags: Reliable }, 0);
    pullAll(engine, 5, 4096 * KIB);
    const start = performance.now();
    for (let i = 0; i < 43_690; i++) engine.receiveAck(ack(0, (0x5555_5555 << (i & 1)) >>> 0), 6); // a batch of 1 MiB
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe("data", () => {
  test("More without end is a violation at maxMessageSize: told once, closed, and nothing is held", () => {
    const { engine, violations } = engineWith({ maxMessageSize: 100 * KIB });
    let most = 0;
    for (let sequence = 1; sequence < 100; sequence++) {
      engine.receiveData(header({ flags: Reliable | More, number: 1, sequence }), pattern(16 * KIB), 1);
      most = Math.max(most, engine.bytesHeld);
    }
    expect(most).toBe(96 * KIB);
    expect(violations).toEqual(["MessageTooLarge"]);
    expect(engine.nextDeadline(1)).toBe(Infinity);
    expect(engine.send(pattern(1), { flags: Reliable }, 1)).toEqual({ ok: false, reason: "Ignored" });
    expect(engine.counters.framesReceived).toBe(7);
  });

  test("a message of maxMessageSize is none, one byte more is, whole or in segments, early or in order", () => {
    const max = 100 * KIB;
    const cases: [boolean, { flags: number; sequence: number; size: number }[]][] = [
      [true, [{ flags: Reliable, sequence: 1, size: max }]],
      [false, [{ flags: Reliable, sequence: 1, size: max + 1 }]],
      [true, [{ flags: 0, sequence: 0, size: max }]],
      [false, [{ flags: 0, sequence: 0, size: max + 1 }]],
      [false, [{ flags: Reliable, sequence: 2, size: max + 1 }]],
      [
        true,
        [
          { flags: Reliable | More, sequence: 1, size: max - 1 },
          { flags: Reliable, sequence: 2, size: 1 },
        ],
      ],
      [
        false,
        [
          { flags: Reliable | More, sequence: 1, size: max - 1 },
          { flags: Reliable, sequence: 2, size: 2 },
        ],
      ],
      [
        false,
        [
          { flags: Reliable, sequence: 2, size: 2 },
          { flags: Reliable | More, sequence: 1, size: max - 1 },
        ],
      ],
    ];
    for (const [isFine, segments] of cases) {
      const { engine, violations } = engineWith({ maxMessageSize: max });
      for (const { flags, sequence, size } of segments)
        engine.receiveData(header({ flags, sequence }), pattern(size), 1);
      expect(violations).toEqual(isFine ? [] : ["MessageTooLarge"]);
      expect(engine.read().map(({ payload }) => payload.length)).toEqual(isFine ? [max] : []);
    }
  });

  test("empty segments without end take no memory", () => {
    const { engine, violations } = engineWith();
    for (let sequence = 1; sequence <= 100_000; sequence++) {
      engine.receiveData(header({ flags: Reliable | More, number: 1, sequence }), new Uint8Array(), 1);
    }
    expect([engine.bytesHeld, violations]).toEqual([0, []]);
    engine.receiveData(header({ flags: Reliable, number: 1, sequence: 100_001 }), pattern(3), 1);
    expect(engine.read().map(({ payload }) => payload)).toEqual([pattern(3)]);
  });

  test("sequences far beyond the window are bounded in memory, and what is in order still comes", () => {
    const { engine, violations } = engineWith({ maxMessageSize: 64 * KIB, receiveBufferSize: 128 * KIB });
    let seed = 1;
    for (let i = 0; i < 20_000; i++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      const sequence = 2 + (seed % 0x7fff_fff0);
      engine.receiveData(header({ flags: Reliable, number: sequence, sequence }), pattern(seed & 63), 1);
      expect(engine.bytesHeld).toBeLessThanOrEqual(128 * KIB);
    }
    expect(engine.counters.overflowed).toBeGreaterThan(17_000);
    engine.receiveData(header({ flags: Reliable, number: 1, sequence: 1 }), pattern(9), 1);
    expect(engine.read()[0]).toMatchObject({ number: 1, payload: pattern(9) });
    expect(violations).toEqual([]);
  });

  test("a sender that ignores the window is dropped beyond it, not held", () => {
    const { engine } = engineWith({ maxMessageSize: 64 * KIB, receiveBufferSize: 128 * KIB });
    engine.onMessage = () => undefined; // and nothing is ever read
    for (let sequence = 1; sequence <= 1000; sequence++) {
      engine.receiveData(header({ flags: Reliable, number: sequence, sequence }), pattern(KIB), 1);
    }
    expect(engine.bytesHeld).toBeLessThanOrEqual(2 * 128 * KIB + 64);
    expect(engine.counters.overflowed).toBeGreaterThan(700);
    const [told] = pullAll(engine, 200, 64 * KIB).flatMap((batch) => framesOf(batch).acks);
    expect(told).toMatchObject({ cumulative: 1000 - engine.counters.overflowed, window: 0 });
  });

  test("empty messages that are never read are bounded as well", () => {
    const { engine } = engineWith();
    let delivered = 0;
    engine.onMessage = () => delivered++;
    for (let sequence = 1; sequence <= 100_000; sequence++) {
      engine.receiveData(header({ flags: Reliable, number: sequence, sequence }), new Uint8Array(), 1);
    }
    expect(delivered).toBeLessThanOrEqual((2 * 1024 * KIB) / 64 + 1);
  });

  test("all 256 lanes, each with early segments, share one bound", () => {
    const { engine } = engineWith();
    for (let lane = 0; lane < 256; lane++) {
      for (let sequence = 2; sequence < 12; sequence++) {
        engine.receiveData(header({ flags: Reliable, lane, number: 2, sequence }), pattern(4 * KIB), 1);
      }
    }
    expect(engine.bytesHeld).toBeLessThanOrEqual(1024 * KIB);
    const acks = pullAll(engine, 1, 64 * KIB).flatMap((batch) => framesOf(batch).acks);
    expect(acks.length).toBe(256);
  });

  test("numbers that leap do not slow anything down, nor stop what comes after", () => {
    const { engine } = engineWith({ receiveBufferMessages: 1e6, receiveBufferSize: 1e9 });
    const start = performance.now();
    for (let i = 0; i < 40_000; i++) {
      const number = Math.imul(i, 0x3fff_ffff) >>> 0;
      engine.receiveData(header({ number }), Uint8Array.of(1), 1);
    }
    expect(performance.now() - start).toBeLessThan(1000);
    engine.receiveData(header({ flags: Reliable, number: 1, sequence: 1 }), Uint8Array.of(2), 1);
    expect(engine.read().at(-1)).toMatchObject({ number: 1, reliable: true });
  });

  test("a violation inside a run of early segments stops the run", () => {
    const { engine, violations } = engineWith({ maxMessageSize: 64 * KIB });
    const sizes = [40, 40, 40, 1];
    for (const sequence of [2, 3, 4]) {
      const flags = sequence === 4 ? Reliable : Reliable | More;
      engine.receiveData(header({ flags, sequence }), pattern((sizes[sequence - 1] ?? 0) * KIB), 1);
    }
    engine.receiveData(header({ flags: Reliable | More, sequence: 1 }), pattern(40 * KIB), 1);
    expect(violations).toEqual(["MessageTooLarge"]);
    expect(engine.read()).toEqual([]);
  });
});

describe("probes", () => {
  test("a flood of questions is one answer in a batch, to the last", () => {
    const { engine } = engineWith();
    for (let stamp = 0; stamp < 10_000; stamp++) {
      engine.receiveProbe({ handle: 7, answer: false, stamp, quality: 0, jitter: 0 }, 1);
    }
    const probes = pullAll(engine, 1, 64 * KIB).flatMap((batch) => framesOf(batch).probes);
    expect(probes).toMatchObject([{ answer: true, stamp: 9999 }]);
  });

  test("answers to nothing, and repeated ones, are no measurement and no proof", () => {
    const { engine } = busy();
    const probe = { handle: 7, answer: true, quality: 10_000, jitter: 0 };
    for (const stamp of [1, 2, 0xffff_ffff]) engine.receiveProbe({ ...probe, stamp }, 50);
    expect(engine.status(50).pingMs).toBe(-1);
    engine.receiveProbe({ ...probe, stamp: 0 }, 50);
    expect(engine.status(50).pingMs).toBe(50);
    engine.receiveProbe({ ...probe, stamp: 0 }, 500);
    expect(engine.status(500).pingMs).toBe(50);
    expect(engine.counters.framesResent).toBe(0);
  });

  test("qualities beyond 1 are 1", () => {
    const { engine } = engineWith();
    engine.receiveProbe({ handle: 7, answer: false, stamp: 1, quality: 65_534, jitter: 65_534 }, 1);
    expect(engine.status(1).qualityRemote).toBe(1);
  });
});

describe("anything at all", () => {
  const u32 = fc.oneof(
    fc.integer({ min: 0, max: 12 }),
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.constantFrom(0xffff_ffff, 0x8000_0000),
  );
  const data = fc.record({
    kind: fc.constant("data" as const),
    flags: fc.integer({ min: 0, max: 255 }),
    lane: fc.oneof(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 255 })),
    channel: fc.integer(),
    number: u32,
    sequence: u32,
    size: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 9 * KIB })),
  });
  const acks = fc.record({
    kind: fc.constant("ack" as const),
    lane: fc.integer({ min: 0, max: 255 }),
    cumulative: u32,
    selective: u32,
    window: u32,
  });
  const probes = fc.record({
    kind: fc.constant("probe" as const),
    answer: fc.boolean(),
    stamp: u32,
    quality: fc.nat(65_535),
    jitter: fc.nat(65_535),
  });
  const deeds = fc.record({
    kind: fc.constantFrom("send" as const, "pull" as const, "read" as const, "resync" as const, "status" as const),
  });
  const steps = fc.array(fc.oneof(data, acks, probes, deeds), { maxLength: 120 });

  test("never throws, never holds more than its bound, never spins", () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (list, ordered) => {
        const engine = new ConnectionEngine({
          handle: 7,
          maxPayload: KIB,
          ordered,
          maxMessageSize: 8 * KIB,
          receiveBufferSize: 0,
          sendBufferSize: 8 * KIB,
        });
        const bound = 3 * (8 + 64) * KIB;
        engine.setConnected(true);
        let now = 0;
        for (const step of list) {
          now += 7;
          if (step.kind === "data") engine.receiveData(header(step), pattern(step.size), now);
          else if (step.kind === "ack") engine.receiveAck({ handle: 7, ...step }, now);
          else if (step.kind === "probe") engine.receiveProbe({ handle: 7, ...step }, now);
          else if (step.kind === "send") engine.send(pattern(2000), { flags: Reliable }, now);
          else if (step.kind === "pull") pullAll(engine, now, 1200);
          else if (step.kind === "read") engine.read();
          else if (step.kind === "resync") engine.resync();
          else {
            const status = engine.status(now);
            for (const value of Object.values(status)) expect(Number.isFinite(value)).toBe(true);
            expect(
              Math.min(status.pendingReliable, status.sentUnackedReliable, status.queueTimeUs),
            ).toBeGreaterThanOrEqual(0);
            expect(status.pendingReliable + status.sentUnackedReliable).toBeLessThanOrEqual(8 * KIB);
          }
          expect(engine.bytesHeld).toBeGreaterThanOrEqual(0);
          expect(engine.bytesHeld).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the application's own callbacks", () => {
  test("may close the engine in the middle of a delivery", () => {
    const { engine } = engineWith();
    const got: Message[] = [];
    engine.onMessage = (message) => {
      got.push(message);
      engine.close();
    };
    for (const sequence of [2, 3, 1])
      engine.receiveData(header({ flags: Reliable, number: sequence, sequence }), pattern(10), 1);
    expect(got.map(({ number }) => number)).toEqual([1]);
    expect(engine.nextDeadline(1)).toBe(Infinity);
  });

  test("may send and read in the middle of a delivery", () => {
    const pair = new Pair();
    pair.b.engine.onMessage = ({ payload }) => {
      pair.b.engine.consumed(payload.length);
      pair.b.send(payload, { flags: Reliable | NoNagle }, pair.now);
    };
    for (let i = 0; i < 10; i++) pair.a.send(pattern(10, i), { flags: Reliable }, 0);
    pair.run(100);
    expect(pair.a.received.map(({ payload }) => payload)).toEqual(Array.from({ length: 10 }, (_, i) => pattern(10, i)));
    expect(pair.b.engine.bytesHeld).toBe(0);
  });
});
