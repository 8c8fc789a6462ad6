/** The parts that know nothing of connections. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Assembly } from "../../../src/client/engine/assembly.ts";
import { Fifo } from "../../../src/client/engine/fifo.ts";
import { FrameWriter } from "../../../src/client/engine/frame-writer.ts";
import { Pacer } from "../../../src/client/engine/pacer.ts";
import { seededRandom } from "../../../src/client/engine/random.ts";
import { RoundTrip } from "../../../src/client/engine/round-trip.ts";
import { advance, distance } from "../../../src/client/engine/sequence.ts";
import { SlidingSum } from "../../../src/client/engine/sliding-sum.ts";

describe("sequence (rule D9)", () => {
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

  test("what was advanced by n is n ahead, over the wrap too", () => {
    fc.assert(
      fc.property(u32, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (from, by) => {
        const to = advance(from, by);
        expect(to).toBe((from + by) % 2 ** 32);
        expect(distance(to, from)).toBe(by);
        expect(distance(from, to)).toBe(by === 0 ? 0 : -by);
      }),
    );
    expect(advance(0xffff_ffff)).toBe(0);
    expect(distance(0, 0xffff_ffff)).toBe(1);
  });
});

describe("Fifo", () => {
  test("is an array with push and shift", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer()), { maxLength: 400, size: "max" }), (steps) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        for (const step of steps) {
          if (step === null) expect(fifo.shift()).toBe(model.shift());
          else {
            fifo.push(step);
            model.push(step);
          }
          expect(fifo.length).toBe(model.length);
          for (let i = 0; i <= model.length; i += Math.max(1, model.length)) expect(fifo.at(i)).toBe(model[i]);
          if (model.length > 0) expect(fifo.at(model.length - 1)).toBe(model.at(-1));
        }
      }),
    );
  });

  test("keeps its order through compaction, and is empty after clear", () => {
    const fifo = new Fifo<number>();
    for (let i = 0; i < 1000; i++) fifo.push(i);
    for (let i = 0; i < 900; i++) expect(fifo.shift()).toBe(i);
    for (let i = 0; i < 100; i++) expect(fifo.at(i)).toBe(900 + i);
    fifo.clear();
    expect([fifo.length, fifo.shift()]).toEqual([0, undefined]);
  });
});

describe("FrameWriter", () => {
  test("grows without losing what was written, and gives exact copies", () => {
    const writer = new FrameWriter();
    let expected: number[] = [];
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 200; i++) {
        const at = writer.reserve(100);
        expect(at).toBe(i * 100);
        writer.bytes.fill((i * round) & 0xff, at, at + 100);
        expected = expected.concat(Array.from({ length: 100 }, () => (i * round) & 0xff));
      }
      writer.view.setUint8(0, 0xee);
      expected[0] = 0xee;
      const batch = writer.take();
      expect(batch).toEqual(Uint8Array.from(expected));
      expect(batch.buffer.byteLength).toBe(20_000);
      expect(writer.length).toBe(0);
      expected = [];
    }
    writer.reserve(5);
    writer.clear();
    expect(writer.take()).toEqual(new Uint8Array());
  });
});

describe("Assembly", () => {
  test("gives back what was appended, message by message", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 })), (messages) => {
        const assembly = new Assembly();
        for (const parts of messages) {
          for (const part of parts) assembly.append(part);
          const whole = Uint8Array.from(parts.flatMap((part) => [...part]));
          expect(assembly.size).toBe(whole.length);
          expect(assembly.take()).toEqual(whole);
          expect(assembly.size).toBe(0);
        }
      }),
    );
  });
});

describe("RoundTrip (RFC 6298)", () => {
  test("begins at 1 s; then the smoothed round trip and four times its variation, 100 ms at the least", () => {
    const roundTrip = new RoundTrip();
    expect(roundTrip.rto).toBe(1000);
    roundTrip.sample(400);
    expect(roundTrip.rto).toBe(400 + 4 * 200);
    roundTrip.sample(400);
    expect(roundTrip.rto).toBe(400 + 4 * 150);
    roundTrip.sample(800);
    expect(roundTrip.rto).toBe(450 + 4 * (0.75 * 150 + 0.25 * 400));
    for (let i = 0; i < 200; i++) roundTrip.sample(10);
    expect(roundTrip.rto).toBe(100);
    for (let i = 0; i < 200; i++) roundTrip.sample(300);
    expect(roundTrip.rto).toBeCloseTo(300 + 25); // an acknowledgement may wait for 25 ms
  });

  test("doubles when it backs off, to 2 s or what is measured, and comes back with progress", () => {
    const roundTrip = new RoundTrip();
    roundTrip.sample(200);
    const { rto } = roundTrip;
    roundTrip.backOff();
    expect(roundTrip.rto).toBe(2 * rto);
    for (let i = 0; i < 10; i++) roundTrip.backOff();
    expect(roundTrip.rto).toBe(2000);
    roundTrip.progress();
    expect(roundTrip.rto).toBe(rto);
    for (let i = 0; i < 100; i++) roundTrip.sample(5000);
    roundTrip.backOff();
    expect(roundTrip.rto).toBeGreaterThanOrEqual(5000);
  });

  test("a probe that came back sooner than expected says that a queue is gone", () => {
    const roundTrip = new RoundTrip();
    for (let i = 0; i < 20; i++) roundTrip.sample(3000 + 500 * (i % 2));
    expect(roundTrip.rto).toBeGreaterThan(3500);
    roundTrip.probed(100);
    expect(roundTrip.rto).toBeLessThan(300);
    expect(roundTrip.late).toBeLessThan(300);
    expect(roundTrip.shortest).toBe(100);
    roundTrip.probed(900); // one that was slower is one of many
    expect(roundTrip.rto).toBeLessThan(1300);
  });

  test("late is judged by the last round trip: a queue that grows is not a loss", () => {
    const roundTrip = new RoundTrip();
    for (let i = 0; i < 100; i++) roundTrip.sample(50);
    expect(roundTrip.late).toBeCloseTo(75);
    expect(roundTrip.rto).toBe(100);
    roundTrip.sample(500);
    expect(roundTrip.late).toBeGreaterThan(900);
  });
});

describe("Pacer", () => {
  test("lets a rate through, and no more than 20 ms of it at once", () => {
    const pacer = new Pacer(100_000);
    let now = 5000;
    let sent = 0;
    for (; now < 6000; now = Math.max(now, pacer.readyAt(now))) {
      expect(pacer.readyAt(now)).toBe(now);
      pacer.spend(500);
      sent += 500;
    }
    expect(sent).toBeGreaterThan(100_000);
    expect(sent).toBeLessThan(103_000);
    pacer.readyAt(60_000);
    pacer.spend(2000);
    expect(pacer.readyAt(60_000)).toBeGreaterThan(60_000);
  });

  test("lets frames come together rather than go one by one", () => {
    const pacer = new Pacer(100_000);
    let batches = 0;
    for (let now = 0; now < 1000; now = pacer.readyAt(now)) {
      for (batches++; pacer.readyAt(now) <= now;) pacer.spend(10);
    }
    expect(batches).toBeGreaterThan(150);
    expect(batches).toBeLessThan(210);
  });

  test("without a rate it never waits", () => {
    const pacer = new Pacer(Infinity);
    pacer.spend(1e12);
    expect(pacer.readyAt(3)).toBe(3);
  });
});

describe("SlidingSum", () => {
  test("follows a steady stream, and forgets it within two windows", () => {
    const sum = new SlidingSum(1000);
    for (let now = 0; now < 10_000; now += 10) {
      sum.add(3, now);
      if (now > 2000) expect(sum.sum(now)).toBeGreaterThan(290);
      expect(sum.sum(now)).toBeLessThan(304);
    }
    expect(sum.sum(10_500)).toBeCloseTo(150, -1);
    expect(sum.sum(12_000)).toBe(0);
    expect(sum.sum(1e9)).toBe(0);
  });
});

describe("seededRandom", () => {
  test("is the same for the same seed, between 0 and 1, and even", () => {
    const [a, b, other] = [seededRandom(42), seededRandom(42), seededRandom(43)];
    const buckets = Array.from({ length: 10 }, () => 0);
    let same = 0;
    for (let i = 0; i < 10_000; i++) {
      const value = a();
      expect(b()).toBe(value);
      if (other() === value) same++;
      buckets[Math.floor(value * 10)]!++;
    }
    expect(same).toBe(0);
    expect(Math.min(...buckets)).toBeGreaterThan(900);
    expect(Math.max(...buckets)).toBeLessThan(1100);
  });
});
