import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Handle,
  ID_RULES,
  NO_CONNECTION,
  handleOf,
  makeConnectionId,
  parseAppId,
  parseConnectionId,
  parsePeerId,
  parseRoomName,
} from "../../../src/protocol/index.ts";

const MAX_U64 = 2n ** 64n - 1n;

/** What no id parser takes, whatever it parses: other types, and objects that turn into a good text when asked. */
const NOT_IDS: readonly (readonly [string, unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["true", true],
  ["a symbol", Symbol("1")],
  ["an object", {}],
  ["an object that prints as 1", { toString: () => "1" }],
  ["an array that prints as 1", ["1"]],
  ["a boxed bigint", Object(1n)],
  ["a boxed string", Object("1")],
  ["a function", () => "1"],
];

/** Texts that are no canonical decimal. Each of them is a number to one of JavaScript's own parsers, or looks like one. */
const NOT_DECIMALS: readonly (readonly [string, unknown])[] = [
  ["empty", ""],
  ["zero", "0"],
  ["minus zero", "-0"],
  ["negative", "-1"],
  ["plus sign", "+1"],
  ["leading zero", "01"],
  ["leading zeros", "0000000000000000001"],
  ["leading space", " 1"],
  ["trailing space", "1 "],
  ["trailing line feed", "1\n"],
  ["second line", "x\n1"],
  ["trailing zero byte", "1\u0000"],
  ["exponent", "1e3"],
  ["float", "1.0"],
  ["fraction", "1.5"],
  ["hexadecimal", "0x10"],
  ["binary", "0b1"],
  ["bigint literal", "1n"],
  ["separators", "1_000"],
  ["thousands", "1,000"],
  ["full-width digit", "１"],
  ["Arabic digit", "١"],
  ["text", "peer"],
  ["NaN", "NaN"],
  ["Infinity", "Infinity"],
  ["10 KB of digits", "9".repeat(10_240)],
  ["10 KB of letters", "x".repeat(10_240)],
  ["21 digits", "1".repeat(21)],
];

describe.each([
  ["parsePeerId", parsePeerId],
  ["parseConnectionId", parseConnectionId],
])("%s", (_, parse: (value: unknown) => bigint | undefined) => {
  test.each([
    ["1", 1n],
    ["9", 9n],
    ["10", 10n],
    ["9007199254740993", 9007199254740993n],
    ["76561197960287930", 76561197960287930n],
    ["18446744073709551615", MAX_U64],
    [1n, 1n],
    [76561197960287930n, 76561197960287930n],
    [MAX_U64, MAX_U64],
  ])("takes %s exactly", (value, expected) => {
    expect(parse(value)).toBe(expected);
  });

  test.each([...NOT_IDS, ...NOT_DECIMALS])("refuses %s", (_, value) => {
    expect(parse(value)).toBeUndefined();
  });

  test.each([
    ["0n", 0n],
    ["-1n", -1n],
    ["2^64", MAX_U64 + 1n],
    ["2^64 as text", "18446744073709551616"],
    ["the largest 20 digits", "99999999999999999999"],
    ["a bigint of 10 000 bits", 2n ** 10_000n],
  ])("refuses %s: outside of u64", (_, value) => {
    expect(parse(value)).toBeUndefined();
  });

  test.each([0, 1, 480, 1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, Number("76561197960287930")])(
    "refuses the number %s: a number cannot hold every id",
    (value) => {
      expect(parse(value)).toBeUndefined();
    },
  );

  test("has one text per id: what it takes prints as it came", () => {
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 21 });
    const nearly = fc.string({ unit: fc.constantFrom(..."0123456789+-. \nen_x"), maxLength: 22 });
    const any = fc.oneof(
      digits,
      nearly,
      fc.string({ unit: "binary" }),
      fc.bigInt({ min: 0n, max: 2n ** 65n }).map(String),
    );
    fc.assert(
      fc.property(any, (text) => {
        const id = parse(text);
        const canonical =
          /^\d+$/.test(text) && BigInt(text) >= 1n && BigInt(text) <= MAX_U64 && String(BigInt(text)) === text;
        expect(id).toBe(canonical ? BigInt(text) : undefined);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("parseAppId", () => {
  test.each([
    [1, 1],
    [480, 480],
    [4294967295, 4294967295],
    ["1", 1],
    ["480", 480],
    ["4294967295", 4294967295],
  ])("takes %j", (value, expected) => {
    expect(parseAppId(value)).toBe(expected);
  });

  test.each([...NOT_IDS, ...NOT_DECIMALS])("refuses %s", (_, value) => {
    expect(parseAppId(value)).toBeUndefined();
  });

  test.each([
    ["0", 0],
    ["-0", -0],
    ["-1", -1],
    ["1.5", 1.5],
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["2^32", 2 ** 32],
    ["2^32 + 480, which is 480 in 32 bits", 2 ** 32 + 480],
    ["2^32 as text", "4294967296"],
    ["2^64 - 1 as text", "18446744073709551615"],
    ["a bigint", 480n],
    ["a boxed number", Object(480)],
  ])("refuses %s", (_, value) => {
    expect(parseAppId(value)).toBeUndefined();
  });
});

describe("parseRoomName", () => {
  test.each(["a", "Z", "0", "lobby-1", "A.b_c~d-9", "a..b", "a-", "x".repeat(64)])("takes %j", (name) => {
    expect(parseRoomName(name)).toBe(name);
  });

  test.each<readonly [string, unknown]>([
    ["empty", ""],
    ["65 characters", "x".repeat(65)],
    ["10 KB", "x".repeat(10_240)],
    ["dot first", ".a"],
    ["parent folder", ".."],
    ["hyphen first", "-a"],
    ["underscore first", "_a"],
    ["tilde first", "~a"],
    ["space", "a b"],
    ["slash", "a/b"],
    ["backslash", "a\\b"],
    ["percent", "a%2f"],
    ["colon", "a:b"],
    ["line feed at the end", "a\n"],
    ["zero byte", "a\u0000"],
    ["letter outside of ASCII", "é"],
    ["letter that folds into ASCII", "\u212a"],
    ["a number", 1],
    ...NOT_IDS,
  ])("refuses %s", (_, name) => {
    expect(parseRoomName(name)).toBeUndefined();
  });
});

describe("connection ids", () => {
  test.each([
    [0, 1, 1n],
    [999, 1, 1n],
    [1000, 1, 0x1_0000_0001n],
    [1_767_225_600_999, 7, 0x6955_b900_0000_0007n],
    [1000, 0xffff_ffff, 0x1_ffff_ffffn],
    [2 ** 31 * 1000, 0x8000_0000, 0x8000_0000_8000_0000n],
    [(2 ** 32 - 1) * 1000, 0xffff_ffff, MAX_U64],
  ])("created at %i ms with handle %i", (createdMs, handle, id) => {
    expect(makeConnectionId(createdMs, handle as Handle)).toBe(id);
  });

  test("come apart into the handle, and pass their own parser", () => {
    const created = fc.integer({ min: 0, max: (2 ** 32 - 1) * 1000 });
    const handles = fc.integer({ min: 1, max: 0xffff_ffff });
    fc.assert(
      fc.property(created, handles, (createdMs, handle) => {
        const id = makeConnectionId(createdMs, handle as Handle);
        expect(handleOf(id)).toBe(handle);
        expect(id >> 32n).toBe(BigInt(Math.floor(createdMs / 1000)));
        expect(parseConnectionId(id)).toBe(id);
        expect(parseConnectionId(String(id))).toBe(id);
      }),
      { numRuns: 1000 },
    );
  });

  test("stay in 64 bits when the seconds no longer fit 32, in 2106", () => {
    expect(makeConnectionId(2 ** 32 * 1000 + 5000, 7 as Handle)).toBe(0x5_0000_0007n);
  });

  test("of no connection is none that the parser takes", () => {
    expect(NO_CONNECTION).toBe(0n);
    expect(parseConnectionId(NO_CONNECTION)).toBeUndefined();
  });
});

function bounds(rule: string): bigint[] | undefined {
  return rule.match(/\d+/g)?.map(BigInt);
}

test("the rules that refusals quote name the bounds that the parsers have", () => {
  expect(bounds(ID_RULES.peer)).toEqual([1n, MAX_U64]);
  expect(bounds(ID_RULES.connection)).toEqual([1n, MAX_U64]);
  expect(bounds(ID_RULES.app)).toEqual([1n, 4294967295n]);
  expect(bounds(ID_RULES.room)?.slice(0, 2)).toEqual([1n, 64n]);
});
