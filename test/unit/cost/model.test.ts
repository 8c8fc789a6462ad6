import { describe, expect, test } from "vitest";
import { NOTHING } from "../../../src/cost/bill.ts";
import { type Game, type MeasuredRoom, alternatives, estimate } from "../../../src/cost/model.ts";
import { PRICES, TURN, VPS } from "../../../src/cost/prices.ts";

/** 8 players with 20 messages a second each, watched for 10 s. */
const room: MeasuredRoom = {
  players: 8,
  seconds: 10,
  playing: { calls: 1, messages: 1600, gigabyteSeconds: 1.28, rowsRead: 0, rowsWritten: 2 },
  comingAndGoing: { ...NOTHING, calls: 8, rowsWritten: 100 },
  packets: 11_200,
  payloadBytes: 11_200 * 100,
  storedBytes: 40_000,
  messagesPerSecond: 160,
};
const game: Game = { players: 80, hoursPerDay: 24, sessionMinutes: 60 };

describe("an estimate", () => {
  const found = estimate(room, game);

  test("has as many rooms as it takes to hold everybody", () => {
    expect(found.rooms).toBe(10);
    expect(estimate(room, { ...game, players: 81 }).rooms).toBe(11);
  });

  test("an hour is what 3,600 s of ten rooms use, and their comings and goings", () => {
    const requests = 10 * (360 * (1 + 1600 / 20) + 8);
    const { perHour } = found;
    expect(perHour.requests).toBeCloseTo((requests * PRICES.perMillionRequests) / 1e6, 10);
    expect(perHour.duration).toBeCloseTo((10 * 3600 * 0.128 * PRICES.perMillionGigabyteSeconds) / 1e6, 10);
    expect(perHour.rows).toBeCloseTo((10 * (720 + 100)) / 1e6, 10);
    expect(perHour.total).toBeCloseTo(perHour.requests + perHour.duration + perHour.rows, 10);
    expect(found.per1000PlayerHours).toBeCloseTo(perHour.total * 12.5, 10);
  });

  test("short sessions cost more than long ones", () => {
    const short = estimate(room, { ...game, sessionMinutes: 10 }).perHour.total;
    expect(short).toBeGreaterThan(found.perHour.total);
  });

  test("a GB is 1e9 bytes of payload that arrived", () => {
    const gigabytesPerHour = (10 * 112_000 * 3600) / 1e9;
    expect(found.perGigabyteRelayed).toBeCloseTo(found.perHour.total / gigabytesPerHour, 10);
    expect(found.gigabytesPerMonth).toBeCloseTo((gigabytesPerHour * 24 * 365) / 12, 6);
  });

  test("says how full an object is, and how many messages a player is billed for", () => {
    expect(found.messagesPerPlayerSecond).toBe(20);
    expect(found.utilisation).toBeCloseTo(0.16, 10);
  });

  test("the free tier carries as much of one room, however many are asked for", () => {
    const one = estimate(room, { ...game, players: 8 }).freeTier;
    expect(found.freeTier.roomHours).toBeCloseTo(one.roomHours, 10);
    expect(found.freeTier.endsBy).toBe("requests");
  });
});

describe("other ways", () => {
  test("TURN bills what goes to players, with a header, beyond what is free", () => {
    const { turnPerMonth, turnPerGigabyte } = alternatives(room, game);
    const gigabytes = (10 * 1120 * 104 * 3600 * 24 * 365) / 12 / 1e9;
    expect(turnPerMonth).toBeCloseTo((gigabytes - TURN.includedGigabytesPerMonth) * TURN.perGigabyte, 6);
    expect(turnPerGigabyte).toBeCloseTo(1.04 * TURN.perGigabyte, 10);
    expect(alternatives(room, { ...game, players: 8 }).turnPerMonth).toBe(0);
  });

  test("machines are counted by packets, and never fewer than one", () => {
    expect(alternatives(room, { ...game, players: 8 })).toMatchObject({ machines: 1, machinesPerMonth: VPS.perMonth });
    expect(alternatives(room, { ...game, players: 8 * 1000 }).machines).toBe(5);
  });
});
