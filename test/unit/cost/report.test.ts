import { expect, test } from "vitest";
import type { Comparison, Measured } from "../../../bench/cost/measure.ts";
import { dollars, reportOf, textOf } from "../../../bench/cost/report.ts";

function measured(messages: number): Measured {
  return {
    awakeShare: 0.9,
    counted: { platform: messages, relay: messages, clients: messages },
    room: {
      players: 8,
      seconds: 10,
      playing: { calls: 0, messages, gigabyteSeconds: 1.152, rowsRead: 0, rowsWritten: 2 },
      comingAndGoing: { calls: 8, messages: 0, gigabyteSeconds: 0, rowsRead: 0, rowsWritten: 100 },
      packets: 11_200,
      payloadBytes: 716_800,
      storedBytes: 40_960,
      messagesPerSecond: messages / 10,
    },
  };
}

const comparison: Comparison = {
  scenario: { players: 8, ticksPerSecond: 20, payload: 64, seconds: 10 },
  ours: measured(1600),
  naive: measured(11_600),
};
const report = reportOf(comparison, { players: 1000, hoursPerDay: 4, sessionMinutes: 30 });

test("the naive client is shown where it is asked for, and its ratio always", () => {
  const [with_, without] = [textOf(report, true), textOf(report, false)];
  expect(with_).toMatch(/messages\/s of a player +20\.00 +145\.00\n/);
  expect(without).toMatch(/messages\/s of a player +20\.00\n/);
  for (const text of [with_, without]) expect(text).toContain("billed for 7.25 times as many messages");
  expect(with_).toMatch(/share of an object's 1000 messages\/s +16\.0 % +116\.0 %\n/);
});

test("an hour is the sum of its parts", () => {
  const { requests, duration, rows, total } = report.ours.perHour;
  expect(requests + duration + rows).toBeCloseTo(total, 10);
  expect(textOf(report, false)).toMatch(new RegExp(`an hour of play +\\${dollars(total)}\\n`));
});

test.each([
  [0, "$0.0000"],
  [0.01234, "$0.0123"],
  [1.5, "$1.50"],
  [12_345.6, "$12,346"],
])("%d dollars are %s", (amount, text) => expect(dollars(amount)).toBe(text));
