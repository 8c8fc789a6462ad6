import { describe, expect, test } from "vitest";
import { sampleBetween } from "../../../src/dashboard/live/rates.ts";
import { LIVE, columnsOf, historySamples, liveSamples } from "../../../src/dashboard/live/series.ts";
import type { RoomStatistics } from "../../../src/dashboard/api/types.ts";

const statistics = (values: Partial<RoomStatistics>): RoomStatistics =>
  ({ totalBytes: 0, totalPackets: 0, peers: 2, activeConnections: 1, drops: {}, ...values }) as RoomStatistics;
const bucket = (at: number, packets: number) => ({
  ...{ at, packets, bytes: packets * 100, messages: 0, joins: 0, opened: 0, peers: 3, connections: 2, drops: {} },
});

describe("rates", () => {
  test("are differences of counters over the time between them", () => {
    const before = { at: 10_000, statistics: statistics({ totalPackets: 100, totalBytes: 1_000 }) };
    const now = { at: 12_000, statistics: statistics({ totalPackets: 140, totalBytes: 5_000 }) };
    expect(sampleBetween(before, now)).toMatchObject({ at: 12_000, packets: 20, bytes: 2_000, peers: 2 });
  });

  test("counters that begin anew are not a negative rate", () => {
    const before = { at: 0, statistics: statistics({ totalPackets: 900 }) };
    expect(sampleBetween(before, { at: 1_000, statistics: statistics({ totalPackets: 5 }) })?.packets).toBe(0);
  });

  test("two that are close together give none", () => {
    const before = { at: 0, statistics: statistics({}) };
    expect(sampleBetween(before, { at: 100, statistics: statistics({ totalPackets: 5 }) })).toBeUndefined();
  });
});

describe("series", () => {
  const now = 600_000;

  test("minutes that were left out are there, with nothing relayed and no word on who was there", () => {
    const { packets, peers, times } = columnsOf(historySamples([bucket(480_000, 60)], LIVE, now));
    const index = times.indexOf(510);
    expect(packets[index]).toBe(1);
    expect([packets[index - 1], packets[index + 1]]).toEqual([0, 0]);
    expect([peers[index - 1], peers[index], peers[index + 1]]).toEqual([null, 3, null]);
  });

  test("history ends where the live feed begins", () => {
    const sample = { at: 555_000, bytes: 1, packets: 1, drops: 0, peers: 1, connections: 1 };
    const times = liveSamples([sample], [bucket(480_000, 60), bucket(540_000, 60)], now).map(({ at }) => at);
    expect(times.at(-1)).toBe(555_000);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});
