/** What a receiver that reads slowly, or not at all, does to its sender, and what it does not. */
import { describe, expect, test } from "vitest";
import { ConnectionEngine } from "../../../src/client/engine/connection-engine.ts";
import { INITIAL_WINDOW, SEGMENT_OVERHEAD } from "../../../src/client/engine/options.ts";
import { NoNagle, Pair, Reliable, framesOf, header, pattern, pullAll } from "./harness.ts";

const KIB = 1024;
/** Small enough that a window is full soon: messages of 4 KiB at most, a window of 128 KiB. */
const SMALL = { maxMessageSize: 4 * KIB, receiveBufferSize: 128 * KIB };
const COST = 4 * KIB + SEGMENT_OVERHEAD;

/** Keeps the send buffer of `a` full with messages of 4 KiB. Returns how many were taken. */
function fill(pair: Pair): number {
  let taken = 0;
  while (pair.a.send(pattern(4 * KIB, taken), { flags: Reliable }, pair.now).ok) taken++;
  return taken;
}

describe("the receive window", () => {
  test("before it is known, no more than the initial one is under way", () => {
    const pair = new Pair({ network: { lagMs: 50 } });
    pair.a.send(512 * KIB, { flags: Reliable }, 0);
    pair.run(49);
    const under = pair.a.engine.status(pair.now).sentUnackedReliable;
    expect(under).toBeGreaterThan(INITIAL_WINDOW - 17 * KIB);
    expect(under).toBeLessThanOrEqual(INITIAL_WINDOW);
  });

  test("is announced as soon as both are connected", () => {
    const pair = new Pair({ engine: { receiveBufferSize: 3_000_000 } });
    pair.settle();
    expect(pair.a.log[0]?.frames.acks).toEqual([
      { handle: 7, lane: 0, cumulative: 0, selective: 0, window: 3_000_000 },
    ]);
  });

  test("a receiver that does not read stalls its sender at the window, and everything comes when it reads", () => {
    const pair = new Pair({ engine: SMALL, network: { lagMs: 20 } });
    pair.b.isReading = false;
    let sent = fill(pair);
    pair.run(3000);
    sent += fill(pair);
    pair.run(3000);
    const held = pair.b.received.length;
    expect(held).toBe(Math.floor((128 * KIB) / COST));
    expect(pair.b.engine.bytesHeld).toBe(held * COST);
    expect(pair.a.send(4 * KIB, { flags: Reliable }, pair.now)).toEqual({ ok: false, reason: "LimitExceeded" });
    expect(pair.a.engine.nextDeadline(pair.now)).toBeGreaterThan(pair.now); // it waits, it does not spin
    pair.b.isReading = true;
    const took = pair.until(() => pair.b.received.length === sent, 5000);
    expect(took).toBeLessThan(500);
    pair.b.received.forEach(({ number, payload }, index) => {
      expect(number).toBe(index + 1);
      expect(payload.length).toBe(4 * KIB);
    });
    pair.run(1000);
    expect([pair.a.engine.drained, pair.b.engine.bytesHeld]).toEqual([true, 0]);
  });

  test("opens again when half of it is free, not for each message read", () => {
    const pair = new Pair({ engine: SMALL, network: { lagMs: 20 } });
    pair.b.isReading = false;
    fill(pair);
    pair.run(3000);
    const [acks, held] = [pair.b.count("acks"), pair.b.received.length];
    const half = Math.ceil((64 * KIB) / COST);
    pair.b.read(half - 1);
    pair.run(100);
    expect([pair.b.count("acks"), pair.b.received.length]).toEqual([acks, held]);
    pair.b.read(1);
    pair.run(100);
    expect(pair.b.count("acks")).toBeGreaterThan(acks);
    expect(pair.b.received.length).toBe(held + half);
  });

  test("opens when all is read, however little that was", () => {
    // An unfinished message keeps more than half of the window: only what is read can be given back.
    const maxMessageSize = 100 * KIB;
    const options = { handle: 7, maxPayload: 64 * KIB, ordered: true, maxMessageSize, receiveBufferSize: 0 };
    const one = new ConnectionEngine(options);
    one.setConnected(true);
    pullAll(one, 0, 64 * KIB);
    const capacity = 100 * KIB + INITIAL_WINDOW;
    one.receiveData(header({ flags: Reliable, number: 1, sequence: 1 }), pattern(50 * KIB), 1);
    one.receiveData(header({ flags: Reliable | 8, number: 2, sequence: 2 }), pattern(60 * KIB), 1);
    one.receiveData(header({ flags: Reliable | 8, number: 2, sequence: 3 }), pattern(35 * KIB), 1);
    const [full] = pullAll(one, 200, 64 * KIB).flatMap((batch) => framesOf(batch).acks);
    expect(full?.window).toBe(capacity - 145 * KIB - SEGMENT_OVERHEAD);
    expect(one.read().length).toBe(1);
    const [open] = pullAll(one, 201, 64 * KIB).flatMap((batch) => framesOf(batch).acks);
    expect(open?.window).toBe(capacity - 95 * KIB);
  });

  test("one of the largest messages always fits, whatever the receive buffer is set to", () => {
    const pair = new Pair({ engine: { receiveBufferSize: 1 }, network: { lagMs: 10 } });
    for (let i = 0; i < 2; i++) {
      pair.a.send(512 * KIB, { flags: Reliable }, pair.now);
      expect(pair.until(() => pair.b.received.length === i + 1, 2000)).toBeLessThan(500);
      pair.until(() => pair.a.engine.drained, 1000);
    }
  });

  test("unreliable messages pass reliable ones that wait for room", () => {
    const pair = new Pair({ engine: SMALL });
    pair.b.isReading = false;
    pair.b.engine.onMessage = (message) => pair.b.received.push(message); // never consumed
    fill(pair);
    pair.run(500);
    const before = pair.b.received.length;
    pair.a.send(Uint8Array.of(1, 2, 3), { flags: NoNagle }, pair.now);
    pair.run(1);
    expect(pair.a.engine.status(pair.now).pendingReliable).toBeGreaterThan(0);
    expect(pair.a.engine.status(pair.now).pendingUnreliable).toBe(0);
    expect(pair.b.received.length).toBe(before + 1);
    expect(pair.b.received.at(-1)?.reliable).toBe(false);
  });

  test("many large messages at once in many lanes cannot block each other half way", () => {
    const lanes = 8;
    const options = { maxMessageSize: 100 * KIB, receiveBufferSize: 200 * KIB, sendBufferSize: 4096 * KIB };
    const pair = new Pair({ engine: options, network: { lagMs: 10 } });
    pair.a.engine.configureLanes(
      Array.from({ length: lanes }, () => 0),
      Array.from({ length: lanes }, () => 1),
    );
    for (let i = 0; i < 4 * lanes; i++) pair.a.send(pattern(100 * KIB, i), { flags: Reliable, lane: i % lanes }, 0);
    expect(pair.until(() => pair.b.received.length === 4 * lanes, 20_000)).toBeLessThan(20_000);
    for (const { lane, number, payload } of pair.b.received) {
      expect(payload).toEqual(pattern(100 * KIB, (number - 1) * lanes + lane));
    }
  });

  test("the two directions do not share a window", () => {
    const pair = new Pair({ engine: SMALL });
    pair.b.isReading = false;
    fill(pair);
    pair.run(500);
    pair.b.send(1000, { flags: Reliable }, pair.now);
    pair.run(20);
    expect(pair.a.received.length).toBe(1);
  });
});

describe("a window update that is lost", () => {
  test.each([
    ["lossy", false, 700],
    ["ordered", true, 8000],
  ])("on a transport that is %s does not stop the sender for good", (_, ordered, within) => {
    const pair = new Pair({ engine: { ...SMALL, ordered, maxPayload: 8 * KIB }, network: { lagMs: 20 } });
    pair.b.isReading = false;
    fill(pair);
    pair.run(10_000);
    const held = pair.b.received.length;
    expect(pair.a.engine.status(pair.now)).toMatchObject({ sentUnackedReliable: 0 });
    pair.b.isReading = true;
    pair.b.read();
    pair.b.pump(pair.now, 64 * KIB);
    expect(pair.b.log.at(-1)?.frames.acks.length).toBe(1);
    pair.b.out.cut();
    expect(pair.until(() => pair.b.received.length > held, 20_000)).toBeLessThan(within);
    pair.run(5000);
    expect(pair.a.engine.drained).toBe(true);
  });

  test("a stalled sender on a lossy transport asks twice a second, and one that is not stalled does not", () => {
    const pair = new Pair({ engine: { ...SMALL, ordered: false, maxPayload: 8 * KIB }, network: { lagMs: 20 } });
    pair.b.isReading = false;
    fill(pair);
    pair.run(2000);
    const stalled = pair.a.count("probes");
    pair.run(10_000);
    expect(pair.a.count("probes") - stalled).toBeGreaterThanOrEqual(19);
    expect(pair.a.count("probes") - stalled).toBeLessThanOrEqual(22);
    pair.b.isReading = true;
    pair.b.read();
    pair.run(2000);
    const idle = pair.a.count("probes");
    pair.run(60_000);
    expect(pair.a.count("probes") - idle).toBeLessThanOrEqual(2);
  });
});

describe("unread messages", () => {
  test("unreliable ones are dropped and counted above receiveBufferMessages", () => {
    const pair = new Pair({ engine: { receiveBufferMessages: 10 } });
    pair.b.isReading = false;
    for (let i = 0; i < 15; i++) pair.a.send(10, {}, 0);
    pair.a.send(10, { flags: Reliable }, 0);
    pair.run(10);
    expect(pair.b.received.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16]);
    expect(pair.b.engine.counters.overflowed).toBe(5);
    pair.b.read(2);
    for (let i = 0; i < 3; i++) pair.a.send(10, {}, 0);
    pair.run(10);
    expect(pair.b.received.length).toBe(12);
    expect(pair.b.engine.counters.overflowed).toBe(7);
  });

  test("unreliable ones are dropped and counted above receiveBufferSize", () => {
    const pair = new Pair({ engine: SMALL });
    pair.b.isReading = false;
    for (let i = 0; i < 40; i++) pair.a.send(4 * KIB, {}, 0);
    pair.run(10);
    expect(pair.b.received.length).toBe(Math.floor((128 * KIB) / COST));
    expect(pair.b.engine.counters.overflowed).toBe(40 - pair.b.received.length);
    pair.b.read();
    pair.a.send(4 * KIB, {}, pair.now);
    pair.run(10);
    expect(pair.b.unread.length).toBe(1);
  });

  test("without onMessage they wait to be read, and count as read then", () => {
    const { a, b } = new Pair();
    b.engine.onMessage = undefined;
    for (let i = 0; i < 3; i++) {
      b.engine.receiveData(
        header({ flags: Reliable, number: i + 1, sequence: i + 1, channel: 5 }),
        Uint8Array.of(i),
        9,
      );
    }
    expect(b.engine.bytesHeld).toBe(3 * (1 + SEGMENT_OVERHEAD));
    expect(b.engine.read(2)).toEqual([
      { payload: Uint8Array.of(0), number: 1, lane: 0, channel: 5, reliable: true, receivedAt: 9 },
      { payload: Uint8Array.of(1), number: 2, lane: 0, channel: 5, reliable: true, receivedAt: 9 },
    ]);
    expect(b.engine.bytesHeld).toBe(1 + SEGMENT_OVERHEAD);
    b.engine.close();
    expect(b.engine.read().length).toBe(1); // what was complete can be read after the end
    expect([b.engine.read(), b.engine.bytesHeld, a.received]).toEqual([[], 0, []]);
  });
});
