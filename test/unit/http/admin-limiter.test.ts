import { describe, expect, test } from "vitest";
import type { AdminIdentity } from "../../../src/auth/admin-tokens.ts";
import {
  AdminLimiter,
  GUESSES_PER_MINUTE,
  REQUESTS_PER_SECOND,
  REQUEST_BURST,
} from "../../../src/http/admin/limiter.ts";
import { parseClientAddress } from "../../../src/relay/limits/client-address.ts";

const HERE = "203.0.113.7";
const identity = (name: string): AdminIdentity => ({ name, scope: "read", apps: undefined });

async function codeOf(response: Response | undefined): Promise<unknown> {
  return (
    response && { code: ((await response.json()) as { code: string }).code, retry: response.headers.get("retry-after") }
  );
}

describe("AdminLimiter", () => {
  test("a token: a burst, then its rate; others are not concerned", async () => {
    const limiter = new AdminLimiter();
    for (let i = 0; i < REQUEST_BURST; i++) expect(limiter.right(identity("a"), HERE, 0)).toBeUndefined();
    expect(await codeOf(limiter.right(identity("a"), HERE, 0))).toEqual({ code: "too_many_requests", retry: "1" });
    expect(limiter.right(identity("b"), HERE, 0)).toBeUndefined();
    for (let i = 0; i < REQUESTS_PER_SECOND; i++) expect(limiter.right(identity("a"), HERE, 1_000)).toBeUndefined();
    expect(limiter.right(identity("a"), HERE, 1_000)).toBeDefined();
  });

  test("guesses from an address: after ten nothing from there is looked at, for six seconds each", async () => {
    const limiter = new AdminLimiter();
    for (let i = 0; i < GUESSES_PER_MINUTE; i++) {
      expect(limiter.refuseGuess(HERE, 0)).toBeUndefined();
      expect(limiter.wrong(HERE, 0)).toBeUndefined();
    }
    expect(await codeOf(limiter.refuseGuess(HERE, 0))).toEqual({ code: "too_many_requests", retry: "6" });
    expect(limiter.refuseGuess("203.0.113.8", 0)).toBeUndefined();
    expect(limiter.refuseGuess(HERE, 6_000)).toBeUndefined();
    expect(limiter.wrong(HERE, 6_000)).toBeUndefined();
    expect(limiter.refuseGuess(HERE, 6_000)).toBeDefined();
  });

  test("an address from which a right token came is not shut out by guesses, which are still limited", async () => {
    const limiter = new AdminLimiter();
    limiter.right(identity("a"), HERE, 0);
    for (let i = 0; i < GUESSES_PER_MINUTE; i++) expect(limiter.wrong(HERE, 0)).toBeUndefined();
    expect(await codeOf(limiter.wrong(HERE, 0))).toMatchObject({ code: "too_many_requests" });
    expect(limiter.refuseGuess(HERE, 0)).toBeUndefined();
    expect(limiter.right(identity("a"), HERE, 0)).toBeUndefined();
  });

  test.each([
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.9.9",
    "192.168.0.7",
    "169.254.1.1",
    "::1",
    "fd12:3::1",
    "fe80::1",
  ])("behind %s, where a proxy may be, guesses are answered with 429, and the operator gets in", async (text) => {
    const limiter = new AdminLimiter();
    const address = parseClientAddress(text);
    for (let i = 0; i < 3 * GUESSES_PER_MINUTE; i++) limiter.wrong(address, 0);
    expect(await codeOf(limiter.wrong(address, 0))).toMatchObject({ code: "too_many_requests" });
    expect(limiter.refuseGuess(address, 0)).toBeUndefined();
  });

  test.each(["172.15.0.1", "172.32.0.1", "11.0.0.1", "192.169.0.1", "2001:db8::1", "fe00::1", "0:0:0:1::1"])(
    "%s is a client's, and shut out",
    (text) => {
      const limiter = new AdminLimiter();
      const address = parseClientAddress(text);
      for (let i = 0; i < GUESSES_PER_MINUTE; i++) limiter.wrong(address, 0);
      expect(limiter.refuseGuess(address, 0)).toBeDefined();
    },
  );

  test("an address that is not known is not limited", () => {
    const limiter = new AdminLimiter();
    for (let i = 0; i < 100; i++) expect(limiter.wrong(undefined, 0)).toBeUndefined();
    expect(limiter.refuseGuess(undefined, 0)).toBeUndefined();
  });
});
