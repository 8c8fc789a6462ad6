/** Over an unbroken WebSocket: what reliability costs there, and what a broken one does. */
import { describe, expect, test } from "vitest";
import { NoNagle, Pair, Reliable, deliver, framesOf, pattern, pullAll } from "./harness.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Sends `count` messages of `size` bytes as fast as the send buffer allows; the ms until all have arrived. */
function stream(pair: Pair, count: number, size: number): number | undefined {
  let sent = 0;
  const isDone = () => {
    while (sent < count && pair.a.send(pattern(size, sent), { flags: Reliable }, pair.now).ok) sent++;
    return pair.b.received.length === count;
  };
  return pair.until(() => isDone() || (pair.settle(), false), 120_000);
}

describe("the cost of acknowledgements", () => {
  test.each([
    ["32 messages of 512 KiB", 32, 512 * KIB, 9],
    ["16,384 messages of 1 KiB", 16_384, KIB, 9],
    ["100 messages of 160 KiB", 100, 160 * KIB, 9],
  ])("at most 9 ack frames for a MiB one way: %s", (_, count, size, limit) => {
    const pair = new Pair({ network: { lagMs: 20 } });
    expect(stream(pair, count, size)).toBeDefined();
    pair.run(200);
    const acks = pair.b.count("acks") - 1; // the first is the greeting
    expect(acks / ((count * size) / MIB)).toBeLessThanOrEqual(limit);
    expect(pair.a.engine.counters.framesResent).toBe(0);
    expect(pair.a.engine.drained).toBe(true);
  });

  test("and they do not hold the sender up: 512 KiB of buffer, 40 ms of round trip, 9 MB/s or more", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    const took = stream(pair, 16_384, KIB) ?? Infinity;
    expect((16 * MIB) / took).toBeGreaterThan(9000);
  });

  test("a trickle one way costs 10 ack frames a second at the most", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    for (let i = 0; i < 600; i++) {
      pair.a.send(40, { flags: Reliable | NoNagle }, pair.now);
      pair.run(1000 / 60);
    }
    pair.run(500);
    expect(pair.b.count("data")).toBe(0);
    expect(pair.b.count("acks")).toBeLessThanOrEqual(10 * 10 + 5);
    expect(pair.b.received.length).toBe(600);
  });

  test("two-way traffic carries them along: no batch leaves for an acknowledgement, and few carry one", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    for (let i = 0; i < 600; i++) {
      pair.a.send(40, { flags: Reliable | NoNagle }, pair.now);
      pair.b.send(40, { flags: Reliable | NoNagle }, pair.now);
      pair.run(1000 / 60);
    }
    const batches = pair.b.log.filter(({ at }) => at > 1000);
    const alone = batches.filter(({ frames }) => frames.data.length === 0 && frames.probes.length === 0);
    expect(alone.length).toBe(0);
    const acks = batches.reduce((sum, { frames }) => sum + frames.acks.length, 0);
    expect(acks / 9).toBeLessThanOrEqual(21); // of 60 batches a second
    expect(acks / 9).toBeGreaterThanOrEqual(10);
  });

  test("unreliable messages are not acknowledged", () => {
    const pair = new Pair();
    pair.run(100);
    const before = pair.b.count("acks");
    for (let i = 0; i < 100; i++) {
      pair.a.send(1000, { flags: NoNagle }, pair.now);
      pair.run(10);
    }
    expect(pair.b.count("acks")).toBe(before);
  });

  test("a small receive buffer is acknowledged by quarters", () => {
    const options = { maxMessageSize: 4 * KIB, receiveBufferSize: 128 * KIB };
    const pair = new Pair({ engine: options, network: { rateBytesPerSecond: 1_000_000 }, budget: 5 * KIB });
    stream(pair, 256, 4 * KIB - 64);
    expect(pair.b.count("acks")).toBeGreaterThanOrEqual(32);
    expect(pair.b.count("acks")).toBeLessThanOrEqual(36);
  });

  test("hastenAck brings the acknowledgement within a round trip", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    pair.run(1000);
    pair.a.send(10, { flags: Reliable | NoNagle }, pair.now);
    expect(pair.until(() => pair.a.engine.drained, 1000)).toBe(140);
    pair.a.send(10, { flags: Reliable | NoNagle }, pair.now);
    pair.a.engine.hastenAck();
    expect(pair.until(() => pair.a.engine.drained, 1000)).toBe(40);
  });
});

describe("nothing is sent again by a timer", () => {
  test("however long an acknowledgement takes", () => {
    const pair = new Pair({ network: { lagMs: 60_000 } });
    pair.a.send(100 * KIB, { flags: Reliable }, 0);
    pair.run(59_000);
    expect(pair.a.engine.counters).toMatchObject({ framesSent: 3, framesResent: 0 });
    pair.run(300_000);
    expect(pair.b.received.length).toBe(1);
    expect(pair.a.engine.counters.framesResent).toBe(0);
  });

  test("an idle connection is silent", () => {
    const pair = new Pair();
    pair.a.send(100, { flags: Reliable }, 0);
    pair.run(30_000);
    const batches = pair.a.log.length + pair.b.log.length;
    expect([pair.a.engine.nextDeadline(pair.now), pair.b.engine.nextDeadline(pair.now)]).toEqual([Infinity, Infinity]);
    pair.run(3_600_000);
    expect(pair.a.log.length + pair.b.log.length).toBe(batches);
  });
});

describe("resync", () => {
  test("sends everything again that is not acknowledged, in order, and each message still arrives once", () => {
    const pair = new Pair({ network: { lagMs: 50 } });
    for (let i = 0; i < 10; i++) pair.a.send(pattern(100, i), { flags: Reliable | NoNagle }, 0);
    pair.run(60); // they have arrived, and the acknowledgement has not
    expect(pair.b.received.length).toBe(10);
    pair.reconnect();
    pair.run(0);
    expect(pair.a.log.at(-1)?.frames.data.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    pair.run(300);
    expect(pair.b.received.length).toBe(10);
    expect(pair.b.engine.counters).toMatchObject({ framesReceived: 20, framesRepeated: 10 });
    expect(pair.a.engine.drained).toBe(true);
  });

  test("what was lost with the socket comes, and what the other end has is acknowledged at once", () => {
    const pair = new Pair({ network: { lagMs: 50 } });
    for (let i = 0; i < 10; i++) {
      pair.a.send(pattern(100, i), { flags: Reliable | NoNagle }, pair.now);
      pair.run(10);
    } // more than half of them have arrived
    expect(pair.b.received.length).toBe(6);
    pair.reconnect();
    pair.run(0);
    expect(pair.b.log.at(-1)?.frames.acks[0]).toMatchObject({ cumulative: 6 });
    pair.run(60);
    expect(pair.b.received.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("in the middle of large messages, again and again", () => {
    const pair = new Pair({ network: { lagMs: 10, rateBytesPerSecond: 2_000_000 } });
    pair.a.send(pattern(500 * KIB, 1), { flags: Reliable }, 0);
    pair.b.send(pattern(500 * KIB, 2), { flags: Reliable }, 0);
    for (let i = 0; i < 20; i++) {
      pair.run(37);
      pair.reconnect();
    }
    pair.run(5000);
    expect(pair.b.received.map(({ payload }) => payload)).toEqual([pattern(500 * KIB, 1)]);
    expect(pair.a.received.map(({ payload }) => payload)).toEqual([pattern(500 * KIB, 2)]);
    expect([pair.a.engine.drained, pair.b.engine.drained]).toEqual([true, true]);
  });

  test("what is lost once more on the way is sent in order once more", () => {
    const pair = new Pair({ network: { lagMs: 50 } });
    for (let i = 0; i < 6; i++) pair.a.send(pattern(100, i), { flags: Reliable | NoNagle }, 0);
    pair.run(1);
    pair.reconnect();
    pair.a.engine.resync(); // twice makes no difference
    const [batch] = pullAll(pair.a.engine, pair.now, 350);
    expect(framesOf(batch ?? new Uint8Array()).data.map(({ sequence }) => sequence)).toEqual([1, 2]);
    pair.reconnect();
    pair.run(0);
    expect(pair.a.log.slice(-1)[0]?.frames.data.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("unreliable messages under way are gone, those that wait are not", () => {
    const pair = new Pair({ network: { lagMs: 50 } });
    pair.a.send(Uint8Array.of(1), { flags: NoNagle }, 0);
    pair.run(1);
    pair.a.send(Uint8Array.of(2), {}, pair.now);
    pair.reconnect();
    pair.run(1000);
    expect(pair.b.received.map(({ payload }) => payload[0])).toEqual([2]);
  });
});

describe("a loss that nobody announced", () => {
  test("is seen by the gap, and healed without a timer", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    pair.run(100);
    pair.a.send(Uint8Array.of(1), { flags: Reliable | NoNagle }, pair.now);
    pair.settle();
    pair.a.out.cut();
    pair.a.send(Uint8Array.of(2), { flags: Reliable | NoNagle }, pair.now);
    expect(pair.until(() => pair.b.received.length === 2, 1000)).toBe(60); // over, back, and over again
    expect(pair.b.received.map(({ payload }) => payload[0])).toEqual([1, 2]);
    expect(pair.a.engine.counters.framesResent).toBe(1);
  });

  test("at the end of what was sent is seen by the next probe that overtakes it", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    pair.run(100);
    for (let i = 0; i < 3; i++) pair.a.send(Uint8Array.of(i), { flags: Reliable | NoNagle }, pair.now);
    pair.settle();
    pair.a.out.cut();
    expect(pair.until(() => pair.b.received.length === 3, 20_000)).toBeLessThan(7200);
    expect(pair.a.engine.counters.framesResent).toBe(3);
    pair.run(200);
    expect(pair.a.engine.drained).toBe(true);
  });

  test("a probe proves nothing of what left after it", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    pair.run(100);
    pair.a.engine.hastenAck();
    pair.settle();
    pair.a.send(10, { flags: Reliable | NoNagle }, pair.now);
    pair.run(1000);
    expect(pair.a.engine.counters).toMatchObject({ framesSent: 1, framesResent: 0 });
    pair.a.engine.hastenAck(); // in one batch, the probe stands before the data
    pair.a.send(10, { flags: Reliable | NoNagle }, pair.now);
    pair.settle();
    expect(pair.a.log.at(-1)?.frames.kinds).toBe("pd");
    pair.run(1000);
    expect(pair.a.engine.counters).toMatchObject({ framesSent: 2, framesResent: 0 });
  });

  test("an answer to a question from before a resync proves nothing", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    pair.run(100);
    pair.a.engine.hastenAck();
    pair.settle();
    const question = pair.a.log.at(-1)?.frames.probes[0];
    expect(question).toBeDefined();
    pair.a.send(10, { flags: Reliable | NoNagle }, pair.now + 1);
    pair.a.engine.resync();
    pair.run(1);
    const { framesSent } = pair.a.engine.counters;
    pair.a.engine.receiveProbe(
      { handle: 7, answer: true, stamp: question?.stamp ?? 0, quality: 0, jitter: 0 },
      pair.now,
    );
    pair.settle();
    expect(pair.a.engine.counters.framesSent).toBe(framesSent);
  });
});

describe("sequence numbers", () => {
  test.each([0xffff_fff0, 0xffff_ffff, 0, 0x7fff_fff8])("wrap: from %i on", (firstNumber) => {
    for (const ordered of [true, false]) {
      const options = { firstNumber, ordered, maxPayload: 1000, sendRate: 1e6 };
      const network = ordered
        ? { lagMs: 10 }
        : { lagMs: 10, loss: 10, reorderPercent: 10, reorderMs: 10, duplicatePercent: 10 };
      const pair = new Pair({ engine: options, budget: 1100, network });
      const numbers: number[] = [];
      for (let i = 0; i < 60; i++) {
        const result = pair.a.send(
          pattern(i % 10 === 0 ? 2500 : 20, i),
          { flags: i % 3 === 0 ? 0 : Reliable },
          pair.now,
        );
        if (result.ok && (i % 3 !== 0 || i % 10 === 0)) numbers.push(result.number);
        pair.run(3);
        if (i % 20 === 19 && ordered) pair.reconnect();
      }
      pair.until(() => pair.a.engine.drained, 60_000);
      const reliable = pair.b.received.filter(({ reliable }) => reliable);
      expect(reliable.map(({ number }) => number)).toEqual(numbers);
      for (const { number, payload } of pair.b.received) {
        const index = (number - firstNumber) >>> 0;
        expect(payload).toEqual(pattern(index % 10 === 0 ? 2500 : 20, index));
      }
      expect(new Set(pair.b.received.map(({ number }) => number)).size).toBe(pair.b.received.length);
      expect(pair.a.engine.drained).toBe(true);
    }
  });
});

describe("counters", () => {
  test("are what was sent and what arrived, frame by frame and byte by byte", () => {
    const pair = new Pair({ network: { lagMs: 5 } });
    for (const size of [0, 1, 16 * KIB, 16 * KIB + 1, 100_000]) {
      pair.a.send(size, { flags: Reliable }, 0);
      if (size <= 16_500) pair.a.send(size, {}, 0);
    }
    pair.run(500);
    const frames = 1 + 1 + 1 + 2 + 7 + 4;
    const bytes = 2 * (0 + 1 + 16 * KIB + 16 * KIB + 1) + 100_000;
    expect(pair.a.engine.counters).toMatchObject({ framesSent: frames, bytesSent: bytes, framesReceived: 0 });
    expect(pair.b.engine.counters).toMatchObject({ framesReceived: frames, bytesReceived: bytes, framesSent: 0 });
    expect(pair.a.count("data")).toBe(frames);
    expect(pair.a.engine.counters).toMatchObject({
      acksSent: pair.a.count("acks"),
      probesSent: pair.a.count("probes"),
    });
  });

  test("a delivered payload is the application's: it does not lie in the batch it came in", () => {
    const pair = new Pair();
    pair.a.send(pattern(50), { flags: NoNagle }, 0);
    pair.a.send(pattern(50), { flags: Reliable | NoNagle }, 0);
    for (const batch of pullAll(pair.a.engine, 0, 64 * KIB)) {
      deliver(pair.b.engine, batch, 0);
      batch.fill(0);
    }
    expect(pair.b.received.map(({ payload }) => payload)).toEqual([pattern(50), pattern(50)]);
    for (const { payload } of pair.b.received) expect(payload.buffer.byteLength).toBe(50);
  });
});
