import { describe, expect, test } from "vitest";
import { NOTHING, freeTierOf, minus, monthlyBill, plus, priceOf, times } from "../../../src/cost/bill.ts";
import { PRICES } from "../../../src/cost/prices.ts";

const usage = { calls: 10, messages: 200, gigabyteSeconds: 3, rowsRead: 7, rowsWritten: 5 };

describe("usage", () => {
  test("adds up, and comes off again", () => {
    expect(minus(plus(usage, times(usage, 3)), times(usage, 4))).toEqual(NOTHING);
  });
});

describe("a price", () => {
  test("twenty messages are a request", () => {
    const messages = priceOf({ ...NOTHING, messages: 20e6 });
    expect(messages).toEqual(priceOf({ ...NOTHING, calls: 1e6 }));
    expect(messages.total).toBeCloseTo(0.15, 10);
  });

  test("an object that is awake for a month costs four dollars", () => {
    const seconds = 730 * 3600;
    const { duration, total } = priceOf({ ...NOTHING, gigabyteSeconds: seconds * PRICES.gigabytesPerObject });
    expect(duration).toBeCloseTo(4.2048, 10);
    expect(total).toBe(duration);
  });

  test("a million rows are a dollar, a thousand million read as much", () => {
    expect(priceOf({ ...NOTHING, rowsWritten: 1e6, rowsRead: 1e9 }).rows).toBeCloseTo(2, 10);
  });
});

describe("a month", () => {
  test("is the plan's fee as long as what it includes suffices", () => {
    const { requests, gigabyteSeconds, rowsWritten, rowsRead, storedGigabytes } = PRICES.included;
    const all = { calls: requests - 1, messages: 20, gigabyteSeconds, rowsWritten, rowsRead };
    expect(monthlyBill(all, storedGigabytes).total).toBe(PRICES.planPerMonth);
  });

  test("costs only what is beyond", () => {
    const bill = monthlyBill({ ...NOTHING, calls: 3e6 }, 15);
    expect(bill.requests).toBeCloseTo(0.3, 10);
    expect(bill.storage).toBeCloseTo(2, 10);
    expect(bill.total).toBeCloseTo(PRICES.planPerMonth + 2.3, 10);
  });
});

describe("the free tier", () => {
  test("ends by what is used up first", () => {
    expect(freeTierOf({ ...NOTHING, messages: 1e6, rowsWritten: 25_000 })).toEqual({ endsBy: "requests", fits: 2 });
    expect(freeTierOf({ ...NOTHING, messages: 1e6, rowsWritten: 200_000 })).toEqual({
      endsBy: "rowsWritten",
      fits: 0.5,
    });
    expect(freeTierOf({ ...NOTHING, gigabyteSeconds: 26_000 })).toEqual({ endsBy: "gigabyteSeconds", fits: 0.5 });
  });
});
