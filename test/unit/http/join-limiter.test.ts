import { expect, test } from "vitest";
import { JoinLimiter } from "../../../src/http/join-limiter.ts";

const NOW = 1_700_000_000_000;
const A = "203.0.113.1";
const B = "203.0.113.2";

function taken(limiter: JoinLimiter, app: number, address: string | undefined, perMinute: number, now = NOW): number {
  for (let joins = 0; joins < 1_000; joins++) if (limiter.check(app, address, perMinute, now)) return joins;
  return Infinity;
}

test("[L3] a minute's worth at once, and then at the rate", async () => {
  const limiter = new JoinLimiter();
  expect(taken(limiter, 480, A, 6)).toBe(6);
  const refusal = limiter.check(480, A, 6, NOW)!;
  expect(refusal.status).toBe(429);
  expect(refusal.headers.get("retry-after")).toBe("10");
  expect(refusal.headers.get("content-type")).toBe("application/problem+json");
  expect(await refusal.json()).toMatchObject({ code: "too_many_joins", status: 429 });
  expect(taken(limiter, 480, A, 6, NOW + 9_999)).toBe(0);
  expect(taken(limiter, 480, A, 6, NOW + 10_000)).toBe(1);
  expect(taken(limiter, 480, A, 6, NOW + 10_000_000)).toBe(6);
});

test("[L3] another address and another app have their own", () => {
  const limiter = new JoinLimiter();
  expect(taken(limiter, 480, A, 2)).toBe(2);
  expect(taken(limiter, 480, B, 2)).toBe(2);
  expect(taken(limiter, 481, A, 2)).toBe(2);
});

test("0 is no limit, and an unknown address has none", () => {
  const limiter = new JoinLimiter();
  expect(taken(limiter, 480, A, 0)).toBe(Infinity);
  expect(taken(limiter, 480, undefined, 2)).toBe(Infinity);
});

test("remembers so many addresses; the one that was longest away is forgotten first", () => {
  const limiter = new JoinLimiter(2);
  for (const address of [A, B]) expect(taken(limiter, 480, address, 1)).toBe(1);
  expect(taken(limiter, 480, A, 1)).toBe(0); // used just now
  expect(taken(limiter, 480, "203.0.113.3", 1)).toBe(1); // in the place of B
  expect(taken(limiter, 480, A, 1)).toBe(0);
  expect(taken(limiter, 480, B, 1)).toBe(1);
});
