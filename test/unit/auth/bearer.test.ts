import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bearerToken, secretsEqual } from "../../../src/auth/bearer.ts";

describe("bearerToken", () => {
  it.each([
    ["Bearer abc.def-_~+/=", "abc.def-_~+/="],
    ["bearer abc", "abc"],
    ["BEARER   abc  ", "abc"],
    ["Bearer p@ss:word!", "p@ss:word!"],
  ])("%j", (header, token) => {
    expect(bearerToken(header)).toBe(token);
  });

  it.each([
    undefined,
    null,
    "",
    "Bearer",
    "Bearer ",
    "abc",
    "Basic abc",
    "Bearerabc",
    "Bearer a b",
    "Bearer a, Bearer b",
    "Bearer é",
    "Bearer a\nb",
    "x Bearer a",
  ])("%j holds none", (header) => {
    expect(bearerToken(header)).toBeUndefined();
  });
});

describe("secretsEqual", () => {
  it("tells equal from different, whatever the length", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), async (a, b) => {
        expect(await secretsEqual(a, a)).toBe(true);
        expect(await secretsEqual(a, b)).toBe(a === b);
      }),
    );
  });

  it.each([
    ["secret", "secres"],
    ["secret", "Secret"],
    ["secret", "secret "],
    ["secret", ""],
    ["é", "e\u0301"],
  ])("%j is not %j", async (a, b) => {
    expect(await secretsEqual(a, b)).toBe(false);
  });
});
