/** The arithmetic of rates. What follows from it in a room is in limiting.test.ts. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Charge, Meter, SessionRates, chargeConnection } from "../../../src/relay/limits/rates.ts";
import { DEFAULT_SETTINGS } from "../../../src/relay/settings.ts";

const START = 1_700_000_000_000;
const limits = (more: Partial<typeof DEFAULT_SETTINGS>) => ({ ...DEFAULT_SETTINGS, ...more });
/** Waits of 0 to 5 s, and what is then taken. */
const events = fc.array(fc.record({ wait: fc.nat(5_000), amount: fc.integer({ min: 1, max: 50 }) }), {
  maxLength: 200,
});

describe("a meter", () => {
  test("is full at first, refills in proportion, and never beyond its burst", () => {
    const meter = new Meter(10, 20, START);
    expect(meter.spend(20, START)).toBe(0);
    expect(meter.level(START + 500)).toBe(5);
    expect(meter.level(START + 60_000)).toBe(20);
    expect(meter.spend(50, START + 60_000)).toBe(-30);
    expect(meter.level(START + 63_000)).toBe(0);
  });

  test("gives one when it is there, and says how long it takes", () => {
    const meter = new Meter(2, 1, START);
    expect(meter.takeOne(START)).toBe(true);
    expect(meter.takeOne(START)).toBe(false);
    expect(meter.waitForOne(START)).toBe(500);
    expect(meter.takeOne(START + 499)).toBe(false);
    expect(meter.takeOne(START + 500)).toBe(true);
  });

  test("a clock that goes back gives and takes nothing, and counts on from there", () => {
    const meter = new Meter(10, 20, START);
    meter.spend(20, START);
    expect(meter.level(START - 10_000)).toBe(0);
    expect(meter.level(START - 9_900)).toBe(1);
  });

  test("in any stretch of time no more passes than a burst and the rate of that time", () => {
    fc.assert(
      fc.property(events, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 100 }), (all, rate, burst) => {
        const meter = new Meter(rate, burst, START);
        const passed: { at: number; amount: number }[] = [];
        let now = START;
        for (const { wait, amount } of all) {
          now += wait;
          if (meter.spend(amount, now) >= 0) passed.push({ at: now, amount });
        }
        for (const [first, from] of passed.entries()) {
          let sum = 0;
          for (const { at, amount } of passed.slice(first)) {
            sum += amount;
            expect(sum).toBeLessThanOrEqual(burst + ((at - from.at) * rate) / 1000 + 1e-6);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test("who keeps to the rate is never in debt", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.array(fc.nat(3_000), { maxLength: 300 }), (rate, waits) => {
        const meter = new Meter(rate, 2 * rate, START);
        let now = START;
        for (const wait of waits) {
          now += wait;
          expect(meter.spend((Math.min(wait, 2_000) * rate) / 1000, now)).toBeGreaterThanOrEqual(-1e-6);
        }
      }),
    );
  });
});

describe("[L1] a session", () => {
  test("a burst of two seconds' worth, then debt, then far beyond", () => {
    const rates = new SessionRates(limits({ messagesPerSecond: 5, bytesPerSecond: 0 }), START);
    const charges = Array.from({ length: 21 }, () => rates.message(1_000_000, START));
    expect(charges).toEqual([
      ...Array.from({ length: 10 }, () => Charge.Within),
      ...Array.from({ length: 10 }, () => Charge.Beyond),
      Charge.Far,
    ]);
  });

  test("messages and bytes each for themselves; the worse counts", () => {
    const rates = new SessionRates(limits({ messagesPerSecond: 100, bytesPerSecond: 100 }), START);
    expect(rates.message(200, START)).toBe(Charge.Within);
    expect(rates.message(1, START)).toBe(Charge.Beyond);
    expect(rates.message(199, START)).toBe(Charge.Beyond);
    expect(rates.message(1, START)).toBe(Charge.Far);
  });

  test("0 is no limit", () => {
    const rates = new SessionRates(limits({ messagesPerSecond: 0, bytesPerSecond: 0 }), START);
    for (let n = 0; n < 100_000; n++) expect(rates.message(1e9, START)).toBe(Charge.Within);
  });
});

describe("[L2] a connection", () => {
  test("each end for itself, and anew with another limit", () => {
    const rates = {};
    expect(chargeConnection(rates, "from", 100, 200, START)).toBe(Charge.Within);
    expect(chargeConnection(rates, "from", 100, 1, START)).toBe(Charge.Beyond);
    expect(chargeConnection(rates, "to", 100, 200, START)).toBe(Charge.Within);
    expect(chargeConnection(rates, "from", 100, 200, START)).toBe(Charge.Far);
    expect(chargeConnection(rates, "from", 200, 400, START)).toBe(Charge.Within);
  });
});

test("[C14] the thousandth refused connect of a minute is one too many", () => {
  const rates = new SessionRates(DEFAULT_SETTINGS, START);
  for (let n = 1; n < 1_000; n++) expect(rates.mayRefuseConnect(START + n)).toBe(true);
  expect(rates.mayRefuseConnect(START + 59_999)).toBe(false);
  expect(rates.mayRefuseConnect(START + 60_001)).toBe(true);
});
