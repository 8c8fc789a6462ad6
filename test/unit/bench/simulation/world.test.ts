import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../../src/client/simulator/index.ts";
import { Histogram } from "../../../../bench/simulation/histogram.ts";
import { readMatrix } from "../../../../bench/simulation/latency.ts";
import { loadsOf } from "../../../../bench/simulation/load.ts";
import { ObjectCounts } from "../../../../bench/simulation/object-counts.ts";
import { PUBLISHED_DAY } from "../../../../bench/simulation/options.ts";
import { PLACES } from "../../../../bench/simulation/places.ts";
import { DAY_MINUTES, activity, drawPlayers } from "../../../../bench/simulation/players.ts";
import { Ways } from "../../../../bench/simulation/ways.ts";
import { STRATEGIES, simulateDay } from "../../../../bench/simulation/world.ts";

const options = { ...PUBLISHED_DAY, players: 20_000 };
const day = simulateDay(options);
const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

describe("a day", () => {
  test("is the same for the same seed, and another for another", () => {
    expect(simulateDay(options)).toEqual(day);
    expect(simulateDay({ ...options, seed: 2 })).not.toEqual(day);
  });

  test("everybody comes, and at the peak there are some objects for them", () => {
    const { peak, roomsOpened, latency } = day;
    expect(peak.players).toBeGreaterThan(options.players / 200);
    expect(roomsOpened).toBeGreaterThanOrEqual(options.players / 8);
    expect(sum(peak.rooms)).toBeGreaterThanOrEqual(peak.players / 8);
    expect(sum(peak.shards)).toBeGreaterThanOrEqual(sum(peak.rooms) / 2);
    const met = STRATEGIES.map((strategy) => latency[strategy].all.samples);
    expect(new Set(met).size).toBe(1);
  });

  test("minutes add up: a room has one to eight players, and one shard or more", () => {
    const { playerMinutes, roomMinutes, shardMinutes, trunkMinutes } = day;
    expect(playerMinutes).toBeGreaterThanOrEqual(roomMinutes);
    expect(playerMinutes).toBeLessThanOrEqual(8 * roomMinutes);
    expect(shardMinutes).toBeGreaterThanOrEqual(roomMinutes);
    expect(trunkMinutes).toBeLessThanOrEqual(7 * playerMinutes);
    expect(trunkMinutes).toBeGreaterThanOrEqual(shardMinutes - roomMinutes);
  });

  test("with everybody in one area's rooms nobody meets anybody from another", () => {
    const { latency } = simulateDay({ ...options, worldwideShare: 0 });
    for (const strategy of STRATEGIES) {
      expect(latency[strategy].worldwide.samples).toBe(0);
      expect(Object.keys(latency[strategy].byAreas).filter((areas) => areas.includes("–"))).toEqual([]);
    }
  });

  test("rooms near somebody in them are nearer than one object for all, and shards nearer still", () => {
    const [app, room, shard] = STRATEGIES.map((strategy) => day.latency[strategy].all);
    expect(room!.p50).toBeLessThan(app!.p50);
    expect(shard!.p50).toBeLessThanOrEqual(room!.p50);
    expect(shard!.p99).toBeLessThan(room!.p99);
  });

  test("messages: one object for all takes what all players send, and a room's what eight do", () => {
    const [app, room, shard] = loadsOf(day, options.players, 20);
    expect(app).toMatchObject({ objectsAtPeak: 1, busiestPerSecond: day.peak.players * 20, messagesOverTrunks: 0 });
    expect(room).toMatchObject({ objectsAtPeak: sum(day.peak.rooms), utilisation: 0.16, messagesOverTrunks: 0 });
    expect(shard!.messagesOverTrunks).toBeCloseTo(day.trunkMinutes * 1200, 0);
    expect(shard!.dollarsPerDay).toBeGreaterThan(room!.dollarsPerDay);
    expect(new Set([app, room, shard].map((load) => load!.messagesFromPlayers)).size).toBe(1);
  });
});

describe("ways", () => {
  const players = drawPlayers({ ...options, players: 300 }, seededRandom(3));
  const ways = new Ways(readMatrix(), players);

  test("are the same both ways, and longer than the way through the air", () => {
    for (let a = 0; a < 300; a += 7) {
      for (let b = 0; b < 300; b += 11) {
        expect(ways.overTrunk(a, b)).toBeCloseTo(ways.overTrunk(b, a), 9);
        expect(ways.through(4, a, b)).toBeCloseTo(ways.through(4, b, a), 9);
        expect(ways.overTrunk(a, b)).toBeGreaterThan(players.accessMs[a]! + players.accessMs[b]!);
      }
    }
  });

  test("between two with the same object there is no trunk", () => {
    for (let a = 0; a < 300; a++) {
      for (let b = a + 1; b < 300; b += 13) {
        const hint = ways.hintOf(a);
        if (hint === ways.hintOf(b)) expect(ways.overTrunk(a, b)).toBe(ways.through(hint, a, b));
      }
    }
  });
});

describe("players", () => {
  const players = drawPlayers({ ...options, players: 50_000 }, seededRandom(4));

  test("come in order, within the day, and as many from each place as live there", () => {
    expect(players.arriveAt.every((at, i) => at >= 0 && at < DAY_MINUTES && at >= (players.arriveAt[i - 1] ?? 0))).toBe(
      true,
    );
    PLACES.forEach(({ share }, place) => {
      const count = players.place.filter((one) => one === place).length;
      expect(Math.abs(count / 500 - share)).toBeLessThan(1);
    });
  });

  test("play in the evening", () => {
    expect(activity(20)).toBe(1);
    expect(activity(8)).toBeCloseTo(0.125, 10);
    expect(activity(44)).toBeCloseTo(1, 10);
  });
});

describe("counting", () => {
  test("a histogram's quantiles are those of its samples, to half a millisecond", () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1000; ms++) histogram.add(ms / 2 - 0.25);
    expect(histogram.quantiles()).toEqual({ samples: 1000, p10: 50, p50: 250, p90: 450, p99: 495 });
    expect(new Histogram().quantiles()).toEqual({ samples: 0, p10: 0, p50: 0, p90: 0, p99: 0 });
  });

  test("objects are counted by hint, and by the minutes that they exist", () => {
    const counts = new ObjectCounts();
    counts.change(10, 2, 1);
    counts.change(20, 2, 1);
    counts.change(50, 2, -1);
    counts.change(50, 3, 1);
    expect([counts.total, counts.byHint[2], counts.byHint[3]]).toEqual([2, 1, 1]);
    expect(counts.minutes(60)).toBe(10 + 2 * 30 + 2 * 10);
  });
});
