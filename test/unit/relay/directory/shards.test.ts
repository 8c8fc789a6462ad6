/** Rooms divided among several directory objects. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formerShards, pageOfAll } from "../../../../src/relay/directory/division.ts";
import { HEAD, shardOf } from "../../../../src/relay/directory/shards.ts";

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,20}$/);
const shards = fc.integer({ min: 1, max: 64 });

describe("shardOf", () => {
  test("is one of them, and the first's for the app's own room", () => {
    fc.assert(
      fc.property(name, shards, (room, count) => {
        expect(shardOf(room, count)).toBeLessThan(count);
        expect(shardOf("", count)).toBe(HEAD);
      }),
    );
  });

  test("one more moves rooms to it, and none between the others", () => {
    fc.assert(
      fc.property(name, shards, (room, count) => {
        const [before, after] = [shardOf(room, count), shardOf(room, count + 1)];
        expect([before, count]).toContain(after);
      }),
    );
  });

  test("shares them out evenly, names that count up too", () => {
    const counts = Array.from({ length: 8 }, () => 0);
    for (let i = 0; i < 8_000; i++) counts[shardOf(`match-${i}`, 8)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1_150);
  });
});

test("where else a room may be known is each shard that it ever had, but for who asks", () => {
  expect(formerShards([1], 0, () => 0)).toEqual([]);
  expect(formerShards([1, 4, 2], 1, (count) => ({ 1: 0, 4: 3, 2: 1 })[count] ?? -1)).toEqual([0, 3]);
});

function room(named: string | null): never {
  return { room: named } as never;
}

test("a page of all is the first of all pages, in order of name, the app's own room first", () => {
  const names = fc.uniqueArray(fc.option(name, { nil: null }), { maxLength: 30 });
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 10 }), (all, parts, limit) => {
      const sorted = all.toSorted((a, b) => ((a ?? "") < (b ?? "") ? -1 : 1));
      const pages = Array.from({ length: parts }, (_, part) =>
        sorted
          .filter((one) => shardOf(one ?? "", parts) === part)
          .slice(0, limit)
          .map(room),
      );
      expect(pageOfAll(pages, limit)).toEqual(sorted.slice(0, limit).map(room));
    }),
  );
});
