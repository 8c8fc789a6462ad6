/** What the lobby list takes in, and who finds it. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseLobbyQuery } from "../../../../src/http/lobby-query.ts";
import { type ListingData, meets, parseListing } from "../../../../src/relay/directory/lobby.ts";

const field = fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/);
const value = fc.oneof(fc.string({ maxLength: 20 }), fc.integer(), fc.boolean());
const data: fc.Arbitrary<ListingData> = fc.dictionary(field, value, { maxKeys: 8 });

function problemOf(listing: unknown): string {
  const parsed = parseListing(listing);
  if (parsed.ok) throw new Error("it was taken");
  return parsed.message;
}

function asked(query: string) {
  const parsed = parseLobbyQuery(new URLSearchParams(query));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.query;
}

function room(more: { data?: ListingData; players?: number; maxPlayers?: number | null; region?: string | null } = {}) {
  return { room: "a", region: null, players: 0, maxPlayers: null, data: {}, ...more };
}

describe("a listing", () => {
  test("is taken as it is", () => {
    fc.assert(
      fc.property(data, fc.integer({ min: 1, max: 32_768 }), (fields, maxPlayers) => {
        expect(parseListing({ data: fields, maxPlayers })).toEqual({ ok: true, listing: { data: fields, maxPlayers } });
      }),
    );
    expect(parseListing({})).toEqual({ ok: true, listing: { data: {} } });
  });

  test.each([
    [5, "the listing must be a JSON object"],
    [undefined, "the listing must be a JSON object"],
    [{ players: 3 }, 'the listing has the unknown field "players"'],
    [{ maxPlayers: 0 }, "maxPlayers must be an integer from 1 to 32768"],
    [{ maxPlayers: 1.5 }, "maxPlayers must be an integer from 1 to 32768"],
    [{ data: [] }, "data must be a JSON object"],
    [{ data: { Mode: "x" } }, "data has a field whose name is not 1 to 32"],
    [{ data: { mode: null } }, "data.mode must be a text of at most 128 characters, a number, true or false"],
    [{ data: { mode: "x".repeat(129) } }, "data.mode must be"],
    [{ data: { mode: { a: 1 } } }, "data.mode must be"],
    [
      { data: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`f${i}`, 1])) },
      "data must have at most 16 fields",
    ],
  ])("%j is refused", (listing, message) => {
    expect(problemOf(listing)).toContain(message);
  });
});

describe("a query", () => {
  test("finds by each field's own value, and by none but its own", () => {
    fc.assert(
      fc.property(data, field, value, (fields, name, other) => {
        for (const [known, own] of Object.entries(fields)) {
          const query = asked(String(new URLSearchParams([[`data.${known}`, String(own)]])));
          expect(meets(room({ data: fields }), query)).toBe(true);
        }
        const query = asked(String(new URLSearchParams([[`data.${name}`, String(other)]])));
        const isIt = Object.hasOwn(fields, name) && String(fields[name]) === String(other);
        expect(meets(room({ data: fields }), query)).toBe(isIt);
      }),
    );
  });

  test("finds numbers within both bounds, and nothing else", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), value, (a, b, own) => {
        const query = asked(`data.level.min=${a}&data.level.max=${b}`);
        const isWithin = typeof own === "number" && own >= a && own <= b;
        expect(meets(room({ data: { level: own } }), query)).toBe(isWithin);
      }),
    );
    expect(meets(room(), asked("data.level.min=1"))).toBe(false);
  });

  test("finds free places and regions", () => {
    const full = room({ players: 8, maxPlayers: 8, region: "weur" });
    const two = room({ players: 6, maxPlayers: 8, region: "oc" });
    const open = room({ players: 900 });
    const found = (query: string) => [full, two, open].map((one) => meets(one, asked(query)));
    expect(found("")).toEqual([true, true, true]);
    expect(found("free=1")).toEqual([false, true, true]);
    expect(found("free=3")).toEqual([false, false, true]);
    expect(found("region=weur")).toEqual([true, false, false]);
  });

  test("a name that every object has is a field like any other", () => {
    expect(meets(room(), asked("data.constructor=x"))).toBe(false);
    expect(meets(room({ data: { constructor: "x" } as never }), asked("data.constructor=x"))).toBe(true);
  });

  test.each([
    ["mode=x", 'there is no parameter "mode" here'],
    ["data.=x", 'there is no parameter "data." here'],
    ["data.a.b=1", "data.a has the bounds min and max, and no others"],
    ["data.a.min=x", "data.a.min must be a number"],
    ["data.a.min=", "data.a.min must be a number"],
    ["data.a.min.max=1", 'there is no parameter "data.a.min.max" here'],
    ["free=0", "free must be an integer from 1 to 32768"],
    ["limit=201", "limit must be an integer from 1 to 200"],
    ["limit=-1", "limit must be an integer"],
    ["region=SYD", "region must be one of wnam"],
    ["after=%20", "after must be the `next` of an earlier page"],
    [Array.from({ length: 17 }, (_, i) => `data.f${i}=1`).join("&"), "there are at most 16 conditions"],
  ])("%s is refused", (query, message) => {
    const parsed = parseLobbyQuery(new URLSearchParams(query));
    expect(parsed.ok ? "" : parsed.message).toContain(message);
  });
});
