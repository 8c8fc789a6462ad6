/** Over datagrams that are lost, late, repeated and in the wrong order: what is sent again, and when. */
import { describe, expect, test } from "vitest";
import { ConnectionEngine, type EngineOptions } from "../../../src/client/engine/connection-engine.ts";
import type { NetworkConditions } from "../../../src/client/simulator/index.ts";
import type { Ack } from "../../../src/protocol/index.ts";
import { type DataFrame, NoNagle, Pair, Reliable, framesOf, header, pattern, pullAll } from "./harness.ts";

const KIB = 1024;
const LOSSY = { handle: 7, ordered: false, maxPayload: 1000, sendRate: Infinity };

/** An engine whose round trip has been measured as `rtt` ms, by its first probe. Its clock stands at `rtt`. */
function measured(rtt: number): ConnectionEngine {
  const engine = new ConnectionEngine(LOSSY);
  engine.setConnected(true);
  const [probe] = framesOf(pullAll(engine, 0, 1200)[0] ?? new Uint8Array()).probes;
  engine.receiveProbe({ handle: 7, answer: true, stamp: probe?.stamp ?? 0, quality: 0xffff, jitter: 0xffff }, rtt);
  engine.receiveAck({ handle: 7, lane: 0, cumulative: 0, selective: 0, window: 1024 * KIB }, rtt);
  return engine;
}

function leaving(engine: ConnectionEngine, now: number): DataFrame[] {
  return pullAll(engine, now, 1200).flatMap((batch) => framesOf(batch).data);
}

/** Sends messages 1 to `count`, each in a batch of its own, 1 ms apart from `now` on. */
function sendEach(engine: ConnectionEngine, count: number, now: number): void {
  for (let i = 0; i < count; i++) {
    engine.send(Uint8Array.of(i), { flags: Reliable | NoNagle }, now + i);
    expect(leaving(engine, now + i).length).toBe(1);
  }
}

function acknowledge(engine: ConnectionEngine, cumulative: number, others: number[], now: number): void {
  const selective = others.reduce((bits, sequence) => bits | (1 << (sequence - cumulative - 2)), 0) >>> 0;
  engine.receiveAck({ handle: 7, lane: 0, cumulative, selective, window: 1024 * KIB }, now);
}

const sequences = (frames: readonly DataFrame[]) => frames.map(({ sequence }) => sequence);

/** An engine to which these segments have come, in this order, at 200 ms. */
function received(...segments: number[]): ConnectionEngine {
  const engine = measured(10);
  leaving(engine, 200);
  for (const sequence of segments) {
    engine.receiveData(header({ flags: Reliable, number: sequence, sequence }), Uint8Array.of(sequence), 200);
  }
  return engine;
}

function acks(engine: ConnectionEngine, now: number): Ack[] {
  return pullAll(engine, now, 1200).flatMap((batch) => framesOf(batch).acks);
}

function engineWith(options: Partial<EngineOptions> = {}): ConnectionEngine {
  const engine = new ConnectionEngine({ ...LOSSY, ...options });
  engine.setConnected(true);
  return engine;
}

function reliable(engine: ConnectionEngine, sequence: number, lane = 0): void {
  engine.receiveData(header({ flags: Reliable, lane, number: sequence, sequence }), Uint8Array.of(sequence), 0);
}

function unreliable(engine: ConnectionEngine, number: number, lane = 0): void {
  engine.receiveData(header({ lane, number }), Uint8Array.of(number & 0xff), 0);
}

/** 512 KiB at the default rate; how long it took, and what it cost. */
function transfer(network: Partial<NetworkConditions>) {
  const pair = new Pair({ engine: { ordered: false, maxPayload: 1000 }, budget: 1100, network });
  pair.a.send(pattern(512 * KIB), { flags: Reliable }, 0);
  const took = pair.until(() => pair.b.received.length === 1, 60_000) ?? Infinity;
  expect(pair.b.received[0]?.payload).toEqual(pattern(512 * KIB));
  return { took, resent: pair.a.engine.counters.framesResent, lost: pair.a.out.counters.lost };
}

describe("the resend timer (RFC 6298)", () => {
  test("fires after 1 s before anything is measured, then after 2 s each", () => {
    const pair = new Pair({ engine: LOSSY, budget: 1200, network: { loss: 100 } });
    pair.a.send(10, { flags: Reliable | NoNagle }, 0);
    pair.run(20_000);
    const times = pair.a.log.filter(({ frames }) => frames.data.length > 0).map(({ at }) => at);
    expect(times).toEqual([0, 1000, 3000, 5000, 7000, 9000, 11_000, 13_000, 15_000, 17_000, 19_000]);
    expect(pair.a.engine.counters).toMatchObject({ framesSent: 11, framesResent: 10 });
  });

  test("fires after the measured round trip and four times its variation", () => {
    const engine = measured(100);
    sendEach(engine, 1, 100);
    expect(engine.nextDeadline(100)).toBe(100 + 100 + 4 * 50);
    expect(leaving(engine, 399.9)).toEqual([]);
    expect(sequences(leaving(engine, 400))).toEqual([1]);
    expect(engine.nextDeadline(400)).toBe(400 + 600);
  });

  test("starts anew with each acknowledgement of something new, and rests when all is acknowledged", () => {
    const engine = measured(100);
    sendEach(engine, 3, 100);
    acknowledge(engine, 1, [], 250);
    acknowledge(engine, 1, [], 280); // nothing new
    const rto = engine.nextDeadline(280) - 250;
    expect(rto).toBeGreaterThan(200);
    expect(rto).toBeLessThan(400);
    acknowledge(engine, 3, [], 300);
    expect(engine.nextDeadline(300)).toBeGreaterThan(4000); // the next probe
    expect(engine.drained).toBe(true);
  });

  test("does not measure what was sent twice when the second cannot have been it (Karn), and forgets its backoff", () => {
    const engine = measured(100);
    sendEach(engine, 1, 100);
    leaving(engine, 400);
    leaving(engine, 1000); // its third time; the backoff is at 1200
    acknowledge(engine, 1, [], 1001);
    engine.send(Uint8Array.of(1), { flags: Reliable | NoNagle }, 1001);
    leaving(engine, 1001);
    expect(engine.nextDeadline(1001)).toBe(1001 + 300);
  });

  test("measures the newest of what is acknowledged: the others may have waited for it (RFC 8985)", () => {
    const engine = measured(100);
    sendEach(engine, 3, 100); // the first is lost
    expect(sequences(leaving(engine, 400))).toEqual([1]);
    acknowledge(engine, 3, [], 505);
    engine.send(Uint8Array.of(1), { flags: Reliable | NoNagle }, 505);
    leaving(engine, 505);
    expect(engine.nextDeadline(505)).toBe(505 + 100.625 + 4 * 38.75); // 105 ms, and not 404
  });

  test("sends what is as old again as well, but not what no acknowledgement could have told of", () => {
    const engine = measured(100);
    for (let i = 0; i < 50; i++) engine.send(Uint8Array.of(i), { flags: Reliable | NoNagle }, 100);
    expect(leaving(engine, 100).length).toBe(50);
    expect(sequences(leaving(engine, 400))).toEqual(Array.from({ length: 33 }, (_, index) => index + 1));
  });
});

describe("fast retransmit", () => {
  test("a segment is lost when one that left three batches later has arrived", () => {
    const engine = measured(100);
    sendEach(engine, 6, 100);
    acknowledge(engine, 1, [3], 210);
    acknowledge(engine, 1, [3, 4], 211);
    expect(leaving(engine, 211)).toEqual([]);
    acknowledge(engine, 1, [3, 4, 5], 212);
    expect(sequences(leaving(engine, 212))).toEqual([2]);
    acknowledge(engine, 1, [3, 4, 5, 6], 213); // it is on its way again, and not lost again
    expect(leaving(engine, 213)).toEqual([]);
    acknowledge(engine, 6, [], 320);
    expect([engine.drained, engine.counters.framesResent]).toEqual([true, 1]);
  });

  test("segments of one batch do not count against each other", () => {
    const engine = measured(100);
    for (let i = 0; i < 6; i++) engine.send(Uint8Array.of(i), { flags: Reliable | NoNagle }, 100);
    leaving(engine, 100);
    acknowledge(engine, 0, [2, 3, 4, 5, 6], 200);
    expect(leaving(engine, 200)).toEqual([]);
  });

  test("several gaps are filled at once, and nothing but the gaps", () => {
    const engine = measured(100);
    sendEach(engine, 30, 100);
    acknowledge(engine, 4, [6, 7, 9, 10, 11, 20, 21, 29, 30], 230);
    expect(sequences(leaving(engine, 230))).toEqual(
      [5, 8, 12, 13, 14, 15, 16, 17, 18, 19, 22, 23, 24, 25, 26].concat(27),
    );
  });

  test("a resend that was lost too is sent again when an acknowledgement comes that should tell of it", () => {
    const engine = measured(100);
    for (let sequence = 1; sequence <= 40; sequence++) {
      sendEach(engine, 1, sequence * 100);
      acknowledge(engine, sequence, [], sequence * 100 + 100); // a steady 100 ms: late is 125
    }
    sendEach(engine, 5, 4200);
    acknowledge(engine, 40, [42, 43, 44, 45], 4305);
    expect(sequences(leaving(engine, 4305))).toEqual([41]);
    sendEach(engine, 1, 4310);
    sendEach(engine, 1, 4335);
    acknowledge(engine, 40, [42, 43, 44, 45, 46], 4410); // too early to tell
    expect(leaving(engine, 4410)).toEqual([]);
    acknowledge(engine, 40, [42, 43, 44, 45, 46, 47], 4435); // and the timer would be at 4535
    expect(sequences(leaving(engine, 4435))).toEqual([41]);
    expect(engine.counters.framesResent).toBe(2);
  });

  test("happens long before the timer, in a round trip and a little", () => {
    const pair = new Pair({ engine: LOSSY, budget: 1200, network: { lagMs: 100 } });
    pair.run(1000);
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      pair.a.send(Uint8Array.of(i), { flags: Reliable | NoNagle }, pair.now);
      pair.settle();
      if (i === 2) pair.a.out.cut(); // loses messages 1 to 3
      times.push(pair.now);
      pair.run(5);
    }
    const start = times[3] ?? 0;
    pair.until(() => pair.b.received.length === 10, 5000);
    expect(pair.now - start).toBeLessThan(3 * 100 + 20);
    expect(pair.b.received.map(({ payload }) => payload[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("what was lost is pending again in the status, and leaves before anything new", () => {
    const engine = measured(100);
    sendEach(engine, 5, 100);
    expect(engine.status(110)).toMatchObject({ pendingReliable: 0, sentUnackedReliable: 5 });
    engine.send(new Uint8Array(10), { flags: Reliable | NoNagle }, 210);
    acknowledge(engine, 0, [4, 5], 210);
    expect(engine.status(210)).toMatchObject({ pendingReliable: 10 + 2, sentUnackedReliable: 1 });
    expect(sequences(leaving(engine, 210))).toEqual([1, 2, 6]);
    acknowledge(engine, 6, [], 300);
    expect(engine.status(300)).toMatchObject({ pendingReliable: 0, sentUnackedReliable: 0 });
  });

  test("what was thought lost and arrives after all is not sent", () => {
    const engine = measured(100);
    sendEach(engine, 5, 100);
    acknowledge(engine, 0, [2, 3, 4, 5], 210);
    acknowledge(engine, 5, [], 211);
    expect(leaving(engine, 211)).toEqual([]);
    expect([engine.drained, engine.status(211).pendingReliable]).toEqual([true, 0]);
  });
});

describe("acknowledgements", () => {
  test("wait 25 ms when all is in order, and come at once for 10 KiB", () => {
    const engine = received(1, 2);
    expect(engine.nextDeadline(200)).toBe(225);
    expect(acks(engine, 224)).toEqual([]);
    expect(acks(engine, 225)).toMatchObject([{ lane: 0, cumulative: 2, selective: 0 }]);
    for (let sequence = 3; sequence < 13; sequence++) {
      engine.receiveData(header({ flags: Reliable, number: sequence, sequence }), pattern(1000), 300);
    }
    expect(engine.nextDeadline(300)).toBeLessThanOrEqual(300);
  });

  test("come at once for a gap, and tell what is behind it", () => {
    expect(acks(received(1, 3, 4, 35), 200)).toMatchObject([
      { cumulative: 1, selective: 0b11 }, // 35 is beyond the 32 bits
    ]);
    expect(acks(received(1, 34), 200)).toMatchObject([{ cumulative: 1, selective: 0x8000_0000 }]);
    expect(acks(received(3), 200)).toMatchObject([{ cumulative: 0, selective: 0b10 }]);
  });

  test("come at once when a gap is filled, and for what was there before", () => {
    const engine = received(1, 3);
    acks(engine, 200);
    engine.receiveData(header({ flags: Reliable, number: 2, sequence: 2 }), Uint8Array.of(2), 210);
    expect(acks(engine, 210)).toMatchObject([{ cumulative: 3, selective: 0 }]);
    engine.receiveData(header({ flags: Reliable, number: 2, sequence: 2 }), Uint8Array.of(2), 220);
    expect(acks(engine, 220)).toMatchObject([{ cumulative: 3, selective: 0 }]);
    expect(engine.counters.framesRepeated).toBe(1);
    expect(engine.read().map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  test("ride on data that leaves, however little is to be acknowledged", () => {
    const engine = received(1);
    engine.send(Uint8Array.of(1), { flags: NoNagle }, 201);
    expect(framesOf(pullAll(engine, 201, 1200)[0] ?? new Uint8Array()).kinds).toBe("ad");
    expect(acks(engine, 225)).toEqual([]);
  });

  test("are one for each lane that has news", () => {
    const engine = received();
    for (const lane of [4, 200, 4]) {
      const sequence = engine.counters.framesReceived < 2 ? 1 : 2;
      engine.receiveData(header({ flags: Reliable, lane, number: sequence, sequence }), Uint8Array.of(1), 200);
    }
    const told = acks(engine, 225);
    expect(told).toMatchObject([
      { lane: 4, cumulative: 2 },
      { lane: 200, cumulative: 1 },
    ]);
    expect(new Set(told.map(({ window }) => window)).size).toBe(1);
  });
});

describe("order and repetition", () => {
  test("reliable messages wait for those before them in their lane, and in no other", () => {
    const engine = engineWith();
    for (const sequence of [2, 4, 3]) reliable(engine, sequence);
    reliable(engine, 1, 9);
    expect(engine.read().map(({ lane, number }) => [lane, number])).toEqual([[9, 1]]);
    reliable(engine, 1);
    expect(engine.read().map(({ lane, number }) => [lane, number])).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
      [0, 4],
    ]);
    for (const sequence of [1, 2, 3, 4, 4, 1]) reliable(engine, sequence);
    expect([engine.read(), engine.counters.framesRepeated]).toEqual([[], 6]);
  });

  test("unreliable messages wait for nothing and come once, in whatever order", () => {
    const engine = engineWith();
    for (const number of [3, 1, 3, 2, 1, 7, 7, 2]) unreliable(engine, number);
    unreliable(engine, 3, 1);
    expect(engine.read().map(({ lane, number }) => [lane, number])).toEqual([
      [0, 3],
      [0, 1],
      [0, 2],
      [0, 7],
      [1, 3],
    ]);
    expect(engine.counters.framesRepeated).toBe(4);
  });

  test("unreliable repetitions are known within 1024 numbers; what is later still is dropped", () => {
    const engine = engineWith({ receiveBufferMessages: 10_000 });
    for (let number = 2; number <= 1024; number++) unreliable(engine, number);
    unreliable(engine, 1); // the last of the window
    expect(engine.read().length).toBe(1024);
    for (let number = 1; number <= 1024; number++) unreliable(engine, number);
    expect(engine.read().length).toBe(0);
    unreliable(engine, 1027);
    unreliable(engine, 1025);
    unreliable(engine, 1026);
    unreliable(engine, 2); // 1025 behind
    unreliable(engine, 1026);
    expect(engine.read().map(({ number }) => number)).toEqual([1027, 1025, 1026]);
    unreliable(engine, 50_000);
    unreliable(engine, 50_000 - 1023);
    unreliable(engine, 50_000 - 1024);
    expect(engine.read().map(({ number }) => number)).toEqual([50_000, 50_000 - 1023]);
  });

  test("segments that come early are kept up to receiveBufferSize, and neither kept nor acknowledged beyond", () => {
    const engine = engineWith({ maxPayload: 64 * KIB, maxMessageSize: 64 * KIB, receiveBufferSize: 128 * KIB });
    for (let sequence = 2; sequence <= 20; sequence++) {
      engine.receiveData(header({ flags: Reliable, number: sequence, sequence }), pattern(16 * KIB, sequence), 0);
    }
    expect(engine.bytesHeld).toBeLessThanOrEqual(128 * KIB);
    expect(engine.counters.overflowed).toBe(12);
    const [ack] = pullAll(engine, 0, 1200).flatMap((batch) => framesOf(batch).acks);
    expect(ack).toMatchObject({ cumulative: 0, selective: 0b111_1111 });
    engine.receiveData(header({ flags: Reliable, number: 1, sequence: 1 }), pattern(16 * KIB, 1), 0);
    expect(engine.read().map(({ number, payload }) => [number, payload[5] === pattern(16, number)[5]])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((number) => [number, true]),
    );
    expect(engine.bytesHeld).toBe(0);
  });
});

describe("how well it does", () => {
  /** 512 KiB at 256 KiB/s, and one way. */
  const IDEAL = 2000 + 20;

  test.each([1, 5, 10])("%i percent loss: little more is sent again than was lost, and little time", (loss) => {
    const { took, resent, lost } = transfer({ loss, lagMs: 20 });
    expect(lost).toBeGreaterThan(0);
    expect(resent).toBeLessThanOrEqual(lost * 1.1 + 1);
    expect(took).toBeLessThan((IDEAL / (1 - loss / 100)) * 1.15);
  });

  test("30 percent loss", () => {
    const { took, resent, lost } = transfer({ loss: 30, lagMs: 20 });
    expect(resent).toBeLessThanOrEqual(lost * 1.1);
    expect(took).toBeLessThan((IDEAL / 0.7) * 1.6);
  });

  test("jitter and lag alone make it send nothing again", () => {
    expect(transfer({ lagMs: 100, jitterMs: 50 }).resent).toBe(0);
    expect(transfer({ lagMs: 400 }).resent).toBe(0);
  });

  test.each([100_000, 30_000])(
    "nor does a way that carries only %i bytes a second and queues the rest",
    (rateBytesPerSecond) => {
      const { took, resent } = transfer({ lagMs: 20, rateBytesPerSecond });
      expect(resent).toBe(0);
      expect(took).toBeLessThan(((540 * KIB) / rateBytesPerSecond) * 1000 * 1.05);
    },
  );

  test("reordering makes it send again no more than what was late", () => {
    const pair = new Pair({
      engine: { ordered: false, maxPayload: 1000 },
      budget: 1100,
      network: { lagMs: 20, reorderPercent: 20, reorderMs: 30, duplicatePercent: 10 },
    });
    pair.a.send(pattern(512 * KIB), { flags: Reliable }, 0);
    pair.until(() => pair.b.received.length === 1, 60_000);
    expect(pair.a.engine.counters.framesResent).toBeLessThanOrEqual(pair.a.out.counters.reordered * 1.05);
    expect(pair.b.received[0]?.payload).toEqual(pattern(512 * KIB));
  });

  test("an outage of 3 s is made good within a second of its end", () => {
    const pair = new Pair({ engine: { ordered: false, maxPayload: 1000 }, budget: 1100, network: { lagMs: 20 } });
    const links = [pair.a.out, pair.b.out];
    for (let i = 0; i < 300; i++) {
      if (i === 100 || i === 250) {
        for (const link of links) link.conditions = { ...link.conditions, loss: i === 100 ? 100 : 0 };
      }
      pair.a.send(pattern(100, i), { flags: Reliable }, pair.now);
      pair.run(20);
    }
    pair.until(() => pair.b.received.length === 300, 60_000);
    expect(pair.now).toBeLessThan(6000 + 1000);
    expect(pair.b.received.map(({ number }) => number)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
  });
});
