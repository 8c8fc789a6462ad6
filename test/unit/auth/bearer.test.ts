import { describe, expect, it } from "vitest";
import { bearerToken } from "../../../src/auth/bearer.ts";

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
