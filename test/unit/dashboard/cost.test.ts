import { describe, expect, test } from "vitest";
import {
  ALARMS_PER_QUIET_MINUTE,
  ASSUMPTIONS,
  awakeMinutesOf,
  estimate,
  perMonth,
} from "../../../src/dashboard/cost/estimate.ts";
import { TestRoom, peerId } from "../../support/room.ts";

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

  test("what a room costs whose peers say nothing is told, and what it does", () => {
    const room = new TestRoom();
    const peers = [room.join(peerId(1)), room.join(peerId(2))];
    const before = room.alarms.length;
    for (let s = 0; s < 3_600; s += 5) {
      for (const [i, peer] of peers.entries()) if ((s + 5 * i) % 15 === 0) peer.ping();
      room.advance(5_000);
    }
    const perMinute = (room.alarms.length - before) / 60;
    expect(perMinute).toBeGreaterThan(1.5);
    expect(perMinute).toBeLessThanOrEqual(ALARMS_PER_QUIET_MINUTE);
    expect(ASSUMPTIONS.join()).toContain("at most 17 cents a month");
  });

  test("an hour's cost goes 730 times into a month", () => {
    expect(perMonth(0.5, 1)).toBe(365);
    expect(perMonth(24, 24)).toBe(730);
  });
});
