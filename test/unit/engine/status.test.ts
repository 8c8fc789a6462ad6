import { describe, expect, test } from "vitest";
import { ConnectionEngine } from "../../../src/client/engine/connection-engine.ts";
import { type End, NoNagle, Pair, Reliable, framesOf, header, pattern, pullAll } from "./harness.ts";

const KIB = 1024;
const LOSSY = { ordered: false, maxPayload: 1000 };

/** Sends one message of `size` bytes each way every 10 ms. */
function chat(pair: Pair, ms: number, flags: number, size = 100): void {
  for (let i = 0; i < ms / 10; i++) {
    pair.a.send(pattern(size), { flags: flags | NoNagle }, pair.now);
    pair.b.send(pattern(size), { flags: flags | NoNagle }, pair.now);
    pair.run(10);
  }
}

/** Each end ticks every 50 ms, 25 ms after the other. */
function tick(pair: Pair, ms: number): void {
  for (let i = 0; i < ms / 50; i++) {
    pair.a.send(64, { flags: NoNagle }, pair.now);
    pair.run(25);
    pair.b.send(64, { flags: NoNagle }, pair.now);
    pair.run(25);
  }
}

/** When it asked. */
function asks({ log }: End): number[] {
  return log.filter(({ frames }) => frames.probes.some(({ answer }) => !answer)).map(({ at }) => at);
}

/** When an end with this seed asked, within half a minute. */
function asksOf(seed: number): number[] {
  const pair = new Pair({ a: { seed } });
  chat(pair, 30_000, 0);
  return asks(pair.a);
}

/** The quality after these frames: flags, number, sequence. */
function qualityAfter(frames: [number, number, number][]): number {
  const { engine } = new Pair().a;
  for (const [flags, number, sequence] of frames)
    engine.receiveData(header({ flags, number, sequence }), pattern(1), 0);
  return engine.status(0).qualityLocal;
}

describe("before anything is known", () => {
  test("unknown is -1, and the rest is 0", () => {
    const engine = new ConnectionEngine({ maxPayload: 1000, ordered: true });
    expect(engine.status(0)).toEqual({
      pingMs: -1,
      qualityLocal: -1,
      qualityRemote: -1,
      outPacketsPerSecond: 0,
      outBytesPerSecond: 0,
      inPacketsPerSecond: 0,
      inBytesPerSecond: 0,
      sendRateBytesPerSecond: 256 * KIB,
      pendingUnreliable: 0,
      pendingReliable: 0,
      sentUnackedReliable: 0,
      queueTimeUs: 0,
      maxJitterUs: -1,
    });
  });
});

describe("ping", () => {
  test.each([1, 20, 100])("is the round trip: twice a lag of %i ms, known after the first", (lagMs) => {
    const pair = new Pair({ network: { lagMs } });
    pair.run(2 * lagMs);
    expect(pair.a.engine.status(pair.now).pingMs).toBe(2 * lagMs);
    expect(pair.b.engine.status(pair.now).pingMs).toBe(2 * lagMs);
  });

  test("follows the lag, smoothed", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    chat(pair, 1000, 0);
    for (const { out } of [pair.a, pair.b]) out.conditions = { ...out.conditions, lagMs: 60 };
    chat(pair, 7000, 0);
    expect(pair.a.engine.status(pair.now).pingMs).toBe(40 + 80 / 4);
    chat(pair, 60_000, 0);
    expect(pair.a.engine.status(pair.now).pingMs).toBeGreaterThanOrEqual(115);
  });

  test("is measured every 5 to 7 s while there is traffic, at times that drift apart", () => {
    const pair = new Pair();
    chat(pair, 60_000, 0);
    for (const end of [pair.a, pair.b]) {
      const times = asks(end);
      const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      expect(times[0]).toBe(0);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5000);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(7010);
      expect(new Set(gaps).size).toBeGreaterThan(5);
    }
    expect(asks(pair.a)[1]).not.toBe(asks(pair.b)[1]);
  });

  test("the same seed asks at the same times", () => {
    expect(asksOf(5)).toEqual(asksOf(5));
    expect(asksOf(5)).not.toEqual(asksOf(6));
  });

  test("a first question that is lost is asked again after half a second where that happens", () => {
    const pair = new Pair({ engine: LOSSY, network: { lagMs: 10 } });
    pair.settle();
    pair.a.out.cut();
    expect(pair.until(() => pair.a.engine.status(pair.now).pingMs > 0, 10_000)).toBe(520);
  });

  test("the answer repeats the stamp, and says how well things arrive here", () => {
    const { engine } = new Pair({ connected: false }).a;
    engine.setConnected(true);
    pullAll(engine, 0, 64 * KIB);
    engine.receiveProbe({ handle: 7, answer: false, stamp: 0xfedc_ba98, quality: 9000, jitter: 3 }, 1);
    expect(engine.nextDeadline(1)).toBeLessThanOrEqual(1);
    const [frames] = pullAll(engine, 1, 64 * KIB).map(framesOf);
    expect(frames?.kinds).toBe("ap"); // what is missing has to be known before the answer
    expect(frames?.probes).toEqual([{ handle: 7, answer: true, stamp: 0xfedc_ba98, quality: 0xffff, jitter: 0xffff }]);
    expect(engine.status(1).qualityRemote).toBe(0.9);
    for (const number of [1, 2, 3, 5]) engine.receiveData(header({ number }), pattern(1), 2);
    engine.receiveProbe({ handle: 7, answer: false, stamp: 1, quality: 0xffff, jitter: 0xffff }, 3);
    expect(framesOf(pullAll(engine, 3, 64 * KIB)[0] ?? new Uint8Array()).probes[0]).toMatchObject({ quality: 8000 });
    expect(engine.status(3).qualityRemote).toBe(0.9); // unknown there: the last one known here
  });

  test("stamps are the clock modulo 2^32", () => {
    const pair = new Pair({ network: { lagMs: 15 }, connected: false });
    pair.now = 1_763_800_000_000.25;
    pair.a.engine.setConnected(true);
    pair.b.engine.setConnected(true);
    pair.run(100);
    expect(pair.a.engine.status(pair.now).pingMs).toBe(30);
    expect(pair.a.log[0]?.frames.probes[0]?.stamp).toBe(1_763_800_000_000 % 2 ** 32);
  });
});

describe("quality", () => {
  test("is 1 when nothing is lost, whatever is sent and however", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    pair.a.engine.configureLanes([0, 0], [1, 1]);
    for (let i = 0; i < 300; i++) {
      const flags = i % 3 === 0 ? Reliable : 0;
      pair.a.send(pattern(i % 7 === 0 ? 40 * KIB : 30), { flags, lane: i % 2 }, pair.now);
      pair.run(20);
    }
    pair.run(10_000);
    expect(pair.b.engine.status(pair.now).qualityLocal).toBe(1);
    expect(pair.a.engine.status(pair.now).qualityRemote).toBe(1);
    expect(pair.a.engine.status(pair.now).qualityLocal).toBe(-1); // nothing came
  });

  test.each([
    ["unreliable", 0],
    ["reliable", Reliable],
  ])("is the share that arrives under a known loss: %s messages", (_, flags) => {
    const pair = new Pair({ engine: LOSSY, budget: 1200, network: { lagMs: 20, loss: 20 } });
    chat(pair, 60_000, flags);
    const lost = pair.a.out.counters.lost / pair.a.out.counters.sent;
    const { qualityLocal } = pair.b.engine.status(pair.now);
    expect(Math.abs(qualityLocal - (1 - lost))).toBeLessThan(0.04);
    expect(Math.abs(pair.a.engine.status(pair.now).qualityRemote - 0.8)).toBeLessThan(0.05);
  });

  test("of a mixture, and of messages in many segments", () => {
    const pair = new Pair({ engine: LOSSY, budget: 1200, network: { lagMs: 20, loss: 20 } });
    for (let i = 0; i < 2000; i++) {
      pair.a.send(pattern(i % 10 === 0 ? 5000 : 100), { flags: (i % 2 === 0 ? Reliable : 0) | NoNagle }, pair.now);
      pair.run(20);
    }
    expect(Math.abs(pair.b.engine.status(pair.now).qualityLocal - 0.8)).toBeLessThan(0.05);
  });

  test("counts each gap once, of whichever kind", () => {
    const R = Reliable;
    expect(
      qualityAfter([
        [R, 1, 1],
        [R, 3, 3],
      ]),
    ).toBe(2 / 3);
    expect(
      qualityAfter([
        [0, 1, 0],
        [0, 4, 0],
      ]),
    ).toBe(2 / 4);
    expect(
      qualityAfter([
        [0, 1, 0],
        [0, 3, 0],
        [R, 4, 2],
      ]),
    ).toBe(3 / 4); // number 2 was segment 1
    expect(
      qualityAfter([
        [R, 1, 1],
        [R, 1, 4],
      ]),
    ).toBe(2 / 4); // segments 2 and 3 of one message
    expect(
      qualityAfter([
        [R, 2, 1],
        [R, 1, 1],
        [R, 2, 2],
      ]),
    ).toBe(2 / 3); // what is late counts neither way
    expect(
      qualityAfter([
        [0, 1, 0],
        [0, 1, 0],
        [0, 1, 0],
      ]),
    ).toBe(1);
  });

  test("forgets within 20 s, and keeps what it knew when nothing comes", () => {
    const pair = new Pair({ engine: LOSSY, network: { loss: 50 } });
    chat(pair, 20_000, 0);
    expect(pair.b.engine.status(pair.now).qualityLocal).toBeLessThan(0.6);
    for (const { out } of [pair.a, pair.b]) out.conditions = { ...out.conditions, loss: 0 };
    chat(pair, 21_000, 0);
    expect(pair.b.engine.status(pair.now).qualityLocal).toBeGreaterThan(0.999);
    pair.run(100_000);
    expect(pair.b.engine.status(pair.now).qualityLocal).toBeGreaterThan(0.999);
  });
});

describe("rates", () => {
  test("are data frames and payload bytes of the last second, out of one end and into the other", () => {
    const pair = new Pair();
    for (let i = 0; i < 500; i++) {
      pair.a.send(pattern(200), { flags: NoNagle }, pair.now);
      pair.run(10);
    }
    const [out, into] = [pair.a.engine.status(pair.now), pair.b.engine.status(pair.now)];
    expect(out.outPacketsPerSecond).toBeCloseTo(100, -1);
    expect(out.outBytesPerSecond).toBeCloseTo(20_000, -3);
    expect(into.inPacketsPerSecond).toBeCloseTo(100, -1);
    expect(into.inBytesPerSecond).toBeCloseTo(20_000, -3);
    expect([out.inPacketsPerSecond, into.outPacketsPerSecond]).toEqual([0, 0]);
    pair.run(2000);
    expect(pair.a.engine.status(pair.now)).toMatchObject({ outPacketsPerSecond: 0, outBytesPerSecond: 0 });
    expect(pair.b.engine.status(pair.now)).toMatchObject({ inPacketsPerSecond: 0, inBytesPerSecond: 0 });
  });

  test("the send rate is the configured one, or what was seen to pass", () => {
    const paced = new ConnectionEngine({ maxPayload: 1000, ordered: false });
    expect(paced.status(0).sendRateBytesPerSecond).toBe(256 * KIB);
    const pair = new Pair();
    for (let i = 0; i < 300; i++) {
      pair.a.send(pattern(16 * KIB), { flags: NoNagle }, pair.now);
      pair.run(10);
    }
    const seen = pair.a.engine.status(pair.now).sendRateBytesPerSecond;
    expect(seen / (1600 * KIB)).toBeCloseTo(1, 1);
    pair.run(5000);
    expect(pair.a.engine.status(pair.now).sendRateBytesPerSecond).toBe(seen); // idle says nothing against it
    for (let i = 0; i < 300; i++) {
      pair.a.isWritable = i % 10 === 0; // the transport takes one in ten
      pair.a.send(pattern(KIB), {}, pair.now);
      pair.a.send(pattern(KIB), {}, pair.now);
      pair.run(10);
    }
    expect(pair.a.engine.status(pair.now).sendRateBytesPerSecond).toBeLessThan(seen);
  });
});

describe("queues", () => {
  test("pending and unacknowledged bytes, and how long they wait, over all and lane by lane", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    pair.a.engine.configureLanes([0, 0, 0], [1, 1, 1]);
    pair.a.send(1000, { flags: Reliable, lane: 0 }, 0);
    pair.a.send(300, { flags: 0, lane: 1 }, 0);
    expect(pair.a.engine.status(0)).toMatchObject({
      pendingReliable: 1000,
      pendingUnreliable: 300,
      sentUnackedReliable: 0,
    });
    pair.settle();
    expect(pair.a.engine.status(0)).toMatchObject({
      pendingReliable: 0,
      pendingUnreliable: 0,
      sentUnackedReliable: 1000,
    });
    pair.a.isWritable = false;
    pair.a.send(50, { flags: Reliable, lane: 2 }, 0);
    pair.run(30);
    pair.a.send(7, { flags: 0, lane: 1 }, 30);
    pair.run(5);
    expect(pair.a.engine.laneStatus(35)).toEqual([
      { pendingUnreliable: 0, pendingReliable: 0, sentUnackedReliable: 1000, queueTimeUs: 0 },
      { pendingUnreliable: 7, pendingReliable: 0, sentUnackedReliable: 0, queueTimeUs: 5000 },
      { pendingUnreliable: 0, pendingReliable: 50, sentUnackedReliable: 0, queueTimeUs: 35_000 },
    ]);
    expect(pair.a.engine.status(35)).toMatchObject({ pendingReliable: 50, pendingUnreliable: 7, queueTimeUs: 35_000 });
    pair.a.isWritable = true;
    pair.run(500);
    expect(pair.a.engine.status(pair.now)).toMatchObject({
      pendingReliable: 0,
      sentUnackedReliable: 0,
      queueTimeUs: 0,
    });
    expect(pair.a.engine.drained).toBe(true);
  });

  test("a paced queue takes its bytes by its rate", () => {
    const engine = new ConnectionEngine({ maxPayload: 1000, ordered: false, sendRate: 100_000 });
    engine.send(pattern(50_000), { flags: Reliable }, 0);
    expect(engine.status(0).queueTimeUs).toBe(500_000);
  });
});

describe("jitter", () => {
  test("is the largest change between two round trips, and is cleared when it is read", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    chat(pair, 1000, 0);
    expect(pair.a.engine.status(pair.now).maxJitterUs).toBe(-1); // one round trip has no change
    for (const lagMs of [30, 22]) {
      for (const { out } of [pair.a, pair.b]) out.conditions = { ...out.conditions, lagMs };
      chat(pair, 7500, 0);
    }
    expect(pair.a.engine.status(pair.now).maxJitterUs).toBe(20_000);
    expect(pair.a.engine.status(pair.now).maxJitterUs).toBe(-1);
  });
});

describe("questions", () => {
  test("come with a packet after a silence, in its message, and none comes on its own later", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    pair.run(20_000);
    const before = [pair.a.log.length, pair.b.log.length];
    pair.a.send(64, { flags: NoNagle }, pair.now);
    pair.run(15_000);
    const sent = pair.a.log.slice(before[0]).map(({ frames }) => frames);
    expect(sent[0]).toMatchObject({ data: [{}], probes: [{ answer: false }] });
    expect(pair.a.log.slice(before[0]).every(({ at }) => at < pair.now - 14_000)).toBe(true);
    expect(pair.b.log.slice(before[1]).every(({ at }) => at < pair.now - 14_000)).toBe(true);
    expect(pair.a.engine.status(pair.now).pingMs).toBe(40);
  });
});

describe("company", () => {
  test("[D11] among ticks neither questions nor answers are messages of their own, and no wait counts as a way", () => {
    const pair = new Pair({ network: { lagMs: 20 } });
    tick(pair, 200);
    const before = [pair.a.log.length, pair.b.log.length];
    tick(pair, 30_000);
    for (const [i, { log, engine }] of [pair.a, pair.b].entries()) {
      const sent = log.slice(before[i]).map(({ frames }) => frames);
      expect(sent.filter(({ probes }) => probes.length > 0).length).toBeGreaterThan(5);
      expect(sent.filter(({ data }) => data.length === 0)).toEqual([]);
      expect(sent.flatMap(({ probes }) => probes).some(({ held }) => held === 50)).toBe(true);
      expect(engine.status(pair.now)).toMatchObject({ pingMs: 40, qualityRemote: 1 });
    }
  });

  test("an answer for which no company comes leaves 100 ms later", () => {
    const { engine } = new Pair({ connected: false }).a;
    engine.setConnected(true);
    engine.send(pattern(64), { flags: NoNagle }, 1000);
    pullAll(engine, 1000, 64 * KIB);
    engine.receiveProbe({ handle: 7, answer: false, stamp: 1, quality: 0xffff, jitter: 0xffff }, 1040);
    expect(engine.nextDeadline(1040)).toBe(1140);
    expect(pullAll(engine, 1139, 64 * KIB)).toEqual([]);
    const [frames] = pullAll(engine, 1140, 64 * KIB).map(framesOf);
    expect(frames?.kinds).toBe("ap");
    expect(frames?.probes).toMatchObject([{ answer: true, stamp: 1, held: 1000 }]);
  });

  test("a wait that is claimed makes a ping zero at the least, and where resends hang on it counts for nothing", () => {
    for (const [options, pingMs] of [
      [LOSSY, 300],
      [{}, 0],
    ] as const) {
      const { engine } = new Pair({ connected: false, engine: options }).a;
      engine.setConnected(true);
      const [asked] = pullAll(engine, 0, 64 * KIB).map(framesOf);
      const { stamp } = asked!.probes[0]!;
      engine.receiveProbe({ handle: 7, answer: true, stamp, quality: 0xffff, jitter: 0xffff, held: 0xffff }, 300);
      expect(engine.status(300).pingMs).toBe(pingMs);
    }
  });

  test("where frames can be lost, and after a silence, nothing waits", () => {
    for (const [options, silence] of [
      [LOSSY, 10],
      [{}, 101],
    ] as const) {
      const { engine } = new Pair({ connected: false, engine: options }).a;
      engine.setConnected(true);
      engine.send(pattern(64), { flags: NoNagle }, 1000);
      pullAll(engine, 1000, 64 * KIB);
      const at = 1000 + silence;
      engine.receiveProbe({ handle: 7, answer: false, stamp: 1, quality: 0xffff, jitter: 0xffff }, at);
      const [frames] = pullAll(engine, at, 64 * KIB).map(framesOf);
      expect(frames?.probes).toEqual([{ handle: 7, answer: true, stamp: 1, quality: 0xffff, jitter: 0xffff }]);
    }
  });
});
