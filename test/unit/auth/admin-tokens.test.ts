import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { loadAdminTokens } from "../../../src/auth/admin-tokens.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const reader = { name: "grafana", sha256: sha256("reading"), scope: "read", apps: [480, 730] };

async function identify(variables: { ADMIN_TOKEN?: string; ADMIN_TOKENS?: string }, token: string) {
  const loaded = await loadAdminTokens(variables);
  if (!loaded.ok) throw new Error(loaded.message);
  return loaded.tokens?.identify(token);
}

async function mistakeOf(tokens: unknown, ADMIN_TOKEN = "single-token-of-tests"): Promise<string> {
  const text = typeof tokens === "string" ? tokens : JSON.stringify(tokens);
  const loaded = await loadAdminTokens({ ADMIN_TOKEN, ADMIN_TOKENS: text });
  return loaded.ok ? "" : loaded.message;
}

describe("loadAdminTokens", () => {
  test("none: there is no admin API", async () => {
    for (const nothing of [undefined, null, ""]) {
      expect(await loadAdminTokens({ ADMIN_TOKEN: nothing, ADMIN_TOKENS: nothing })).toEqual({ ok: true });
    }
    expect(await loadAdminTokens({ ADMIN_TOKENS: "[]" })).toEqual({ ok: true });
  });

  test("ADMIN_TOKEN is for all apps, and may operate", async () => {
    const admin = { name: "admin", scope: "operate", apps: undefined };
    expect(await identify({ ADMIN_TOKEN: "single-token-of-tests" }, "single-token-of-tests")).toEqual(admin);
    for (const wrong of [
      "",
      "single-token-of-test",
      "single-token-of-tests ",
      "Single-token-of-tests",
      sha256("single-token-of-tests"),
    ]) {
      expect(await identify({ ADMIN_TOKEN: "single-token-of-tests" }, wrong)).toBeUndefined();
    }
  });

  test("ADMIN_TOKENS: each with its name, scope and apps; digests in either case", async () => {
    const operator = { name: "ops", sha256: sha256("operating").toUpperCase(), scope: "operate" };
    const variables = { ADMIN_TOKEN: "single-token-of-tests", ADMIN_TOKENS: JSON.stringify([reader, operator]) };
    expect(await identify(variables, "reading")).toEqual({ name: "grafana", scope: "read", apps: new Set([480, 730]) });
    expect(await identify(variables, "operating")).toEqual({ name: "ops", scope: "operate", apps: undefined });
    expect(await identify(variables, "single-token-of-tests")).toMatchObject({ name: "admin" });
    expect(await identify(variables, sha256("reading"))).toBeUndefined();
  });

  test.each([
    ["{", "is not JSON"],
    [{}, "must be a JSON array"],
    [Array.from({ length: 101 }, (_, n) => ({ ...reader, name: `n${n}` })), "more than 100"],
    [[reader, 5], "ADMIN_TOKENS[1] is no object"],
    [[null], "ADMIN_TOKENS[0] is no object"],
    [[{ ...reader, token: "x" }], 'ADMIN_TOKENS[0] has the unknown field "token"'],
    [[{ ...reader, name: "" }], "ADMIN_TOKENS[0].name must be"],
    [[{ ...reader, name: "a b" }], "ADMIN_TOKENS[0].name must be"],
    [[{ ...reader, name: "admin" }], "ADMIN_TOKENS[0].name must not be"],
    [[{ ...reader, name: undefined }], "ADMIN_TOKENS[0].name"],
    [[{ ...reader, sha256: "abc" }], "ADMIN_TOKENS[0].sha256 must be"],
    [[{ ...reader, sha256: "g".repeat(64) }], "ADMIN_TOKENS[0].sha256 must be"],
    [[{ ...reader, scope: "write" }], "ADMIN_TOKENS[0].scope must be"],
    [[{ ...reader, scope: undefined }], "ADMIN_TOKENS[0].scope"],
    [[{ ...reader, apps: [] }], "ADMIN_TOKENS[0].apps must be"],
    [[{ ...reader, apps: 480 }], "ADMIN_TOKENS[0].apps must be"],
    [[{ ...reader, apps: null }], "ADMIN_TOKENS[0].apps must be"],
    [[{ ...reader, apps: [480, 0] }], "ADMIN_TOKENS[0].apps[1] must be"],
    [[{ ...reader, apps: ["480"] }], "ADMIN_TOKENS[0].apps[0] must be"],
    [[reader, { ...reader, name: "other" }], "ADMIN_TOKENS[1].sha256 is that of ADMIN_TOKENS[0]"],
    [[reader, { ...reader, sha256: sha256("other") }], "ADMIN_TOKENS[1].name is that of ADMIN_TOKENS[0]"],
    [
      [reader, { ...reader, name: "x", sha256: sha256("single-token-of-tests") }],
      "ADMIN_TOKENS[1] is the token of ADMIN_TOKEN",
    ],
  ])("a mistake refuses them all, and says where: %j", async (tokens, message) => {
    expect(await mistakeOf(tokens)).toContain(message);
  });

  test("a token that no header can carry", async () => {
    for (const token of ["two words", "é", "line\n"]) expect(await mistakeOf([], token)).toContain("ADMIN_TOKEN has");
  });

  test("a token that can be guessed", async () => {
    expect(await mistakeOf([], "x".repeat(15))).toContain("ADMIN_TOKEN must have at least 16 characters");
    expect(await identify({ ADMIN_TOKEN: "x".repeat(16) }, "x".repeat(16))).toMatchObject({ name: "admin" });
  });

  test("a mistake is told without any digest", async () => {
    expect(await mistakeOf([{ ...reader, sha256: `${"5".repeat(63)}x` }])).not.toContain("5555");
  });
});
