import { describe, expect, test } from "vitest";
import { awakeMinutesOf, estimate, perMonth } from "../../../src/dashboard/cost/estimate.ts";

const bucket = (values: object) => ({
  ...{ at: 0, packets: 0, bytes: 0, messages: 0, joins: 0, opened: 0, peers: 0, connections: 0, drops: {} },
  ...values,
});

describe("what a room costs", () => {
  test("nothing, when nothing happened", () => {
    expect(estimate([], 0).total).toBe(0);
    expect(awakeMinutesOf([bucket({ peers: 5 })])).toBe(0);
  });

  test("messages are billed 20:1, joins and alarms one by one", () => {
    const { usage } = estimate([bucket({ messages: 2_000, joins: 7 })], 1);
    expect(usage.requests).toBe(2_000 / 20 + 7 + 6);
  });

  test("a month awake without traffic is what the published price list makes of 128 MB", () => {
    const minutes = 30 * 24 * 60;
    const { usage, duration } = estimate([], minutes);
    // The example of the documentation: 2,592,000 s × 128 MB = 331,776 GB-s.
    expect(usage.gigabyteSeconds).toBeCloseTo(331_776, 3);
    expect(duration).toBeCloseTo((331_776 * 12.5) / 1e6, 6);
  });

  test("an hour's cost goes 730 times into a month", () => {
    expect(perMonth(0.5, 1)).toBe(365);
    expect(perMonth(24, 24)).toBe(730);
  });
});
