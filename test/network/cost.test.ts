/** The goal of issue G: 8 players, 20 ticks a second, everybody to everybody, against a naive client in the same ticks. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Comparison, measure } from "../../bench/cost/measure.ts";

const SCENARIO = { players: 8, ticksPerSecond: 20, payload: 64, seconds: 8 };
const TICKS = SCENARIO.seconds * SCENARIO.ticksPerSecond * SCENARIO.players;
const PACKETS = TICKS * (SCENARIO.players - 1);

let comparison: Comparison;
beforeAll(async () => {
  comparison = await measure(SCENARIO);
});

test("billed inbound messages are at most a seventh of the naive client's", () => {
  const [ours, naive] = [comparison.ours.room.playing.messages, comparison.naive.room.playing.messages];
  expect(naive).toBeGreaterThanOrEqual(PACKETS);
  expect(ours).toBeGreaterThanOrEqual(TICKS * 0.9); // two ticks that a busy machine runs at once share a message
  expect(ours / naive).toBeLessThanOrEqual(1 / 7);
});

describe.each(["ours", "naive"] as const)("the room of %s", (side) => {
  test("every packet arrives", () => {
    const { packets, payloadBytes } = comparison[side].room;
    expect(packets).toBe(PACKETS);
    expect(payloadBytes).toBe(PACKETS * SCENARIO.payload);
  });

  test("platform, relay and clients have counted the same messages", () => {
    const { platform, relay, clients } = comparison[side].counted;
    expect(platform).toBe(clients);
    expect(relay).toBe(clients);
  });

  test("rows are written by coming and going, and not by packets", () => {
    const { playing, comingAndGoing, storedBytes } = comparison[side].room;
    expect(playing.rowsWritten).toBeLessThan(20);
    expect(comingAndGoing.rowsWritten).toBeGreaterThan(SCENARIO.players * (SCENARIO.players - 1));
    expect(comingAndGoing.calls).toBeGreaterThanOrEqual(SCENARIO.players);
    expect(storedBytes).toBeGreaterThan(0);
  });

  test("an object that is played in is awake, and not for longer than that", () => {
    expect(comparison[side].awakeShare).toBeGreaterThan(0);
    expect(comparison[side].awakeShare).toBeLessThanOrEqual(1);
  });
});
