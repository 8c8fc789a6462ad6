import { describe, expect, test } from "vitest";
import { EndReason, applicationReason, endReasonName } from "../../../src/protocol/index.ts";

describe("applicationReason", () => {
  test.each([1000, 1001, 1998, 1999, 2000, 2001, 2999])("[C13] keeps %i", (reason) => {
    expect(applicationReason(reason)).toBe(reason);
  });

  test.each([0, -0])("[C13] takes %d for no reason given", (reason) => {
    expect(applicationReason(reason)).toBe(1000);
  });

  test.each([1, 999, 3000, 4001, 5003, 5101, 65535, -1, -1000, 2 ** 32, 2 ** 32 + 1000])(
    "[C13] replaces %d",
    (reason) => {
      expect(applicationReason(reason)).toBe(1999);
    },
  );

  test.each([1000.5, 2998.9, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "[C13] replaces %d, which the wire would carry as another number",
    (reason) => {
      expect(applicationReason(reason)).toBe(1999);
    },
  );
});

describe("EndReason", () => {
  const reasons = Object.entries(EndReason);

  test("has Steam's numbers where it has Steam's names", () => {
    expect(EndReason).toMatchObject({
      AppGeneric: 1000,
      AppInvalidReason: 1999,
      AppExceptionGeneric: 2000,
      RemoteTimeout: 4001,
      MiscGeneric: 5001,
      InternalError: 5002,
      Timeout: 5003,
    });
  });

  test("has no number twice", () => {
    expect(new Set(reasons.map(([, reason]) => reason)).size).toBe(reasons.length);
  });

  test.each(reasons.filter(([, reason]) => reason > 5003))(
    "%s (%i) is in Steam's misc range, from 5100 on",
    (_, reason) => {
      expect(reason).toBeGreaterThanOrEqual(5100);
      expect(reason).toBeLessThanOrEqual(5999);
    },
  );

  test.each(reasons)("%s (%i) is the application's exactly when applicationReason keeps it", (name, reason) => {
    expect(applicationReason(reason) === reason).toBe(name.startsWith("App"));
  });
});

test("operators read names; the application's own numbers have one together", () => {
  const names = [999, 1000, 2999, 3000, EndReason.IdleTimeout, EndReason.ClosedByAdmin, EndReason.RemoteTimeout];
  expect(names.map(endReasonName)).toEqual([
    "other",
    "app",
    "app",
    "other",
    "idle_timeout",
    "closed_by_admin",
    "remote_timeout",
  ]);
});
