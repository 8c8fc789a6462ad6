import { describe, expect, test } from "vitest";
import {
  CLOSE_MEANINGS,
  CloseCode,
  ERRORS,
  type ErrorName,
  closeMeaning,
  closeName,
  errorName,
} from "../../../src/protocol/index.ts";

const codes = Object.entries(CloseCode);
const errors = Object.entries(ERRORS) as [ErrorName, (typeof ERRORS)[ErrorName]][];

describe("close codes", () => {
  test("have no number twice", () => {
    expect(new Set(codes.map(([, code]) => code)).size).toBe(codes.length);
  });

  test("are the keys of the meanings, no more and no fewer", () => {
    expect(Object.keys(CLOSE_MEANINGS).map(Number).toSorted()).toEqual(codes.map(([, code]) => code).toSorted());
  });

  test.each(codes)("%s (%i) is one that an application may close with, RFC 6455 §7.4.2", (_, code) => {
    expect(code === 1000 || (code >= 4000 && code <= 4999)).toBe(true);
  });

  test.each(codes)("%s (%i) is named as its constant", (constant, code) => {
    expect(closeMeaning(code)?.name.replaceAll("_", "")).toBe(constant.toLowerCase());
    expect(closeMeaning(code)?.meaning).not.toBe("");
    expect(closeName(code)).toBe(constant);
  });

  test("may be retried only when the cause can pass", () => {
    const retry = codes.filter(([, code]) => closeMeaning(code)?.retry).map(([name]) => name);
    expect(retry).toEqual(["HelloTimeout", "HeartbeatLost", "InternalError", "Restarting", "Stalled"]);
  });

  test.each([0, 1, 999, 1001, 1005, 1006, 1009, 3000, 4000, 4012, 4999, -1000, 1000.5, Number.NaN])(
    "of others have no meaning and no name: %d",
    (code) => {
      expect(closeMeaning(code)).toBeUndefined();
      expect(closeName(code)).toBeUndefined();
    },
  );
});

describe("errors", () => {
  test("[E1] have no code twice, and none is 0", () => {
    expect(new Set(errors.map(([, { code }]) => code)).size).toBe(errors.length);
    for (const [, { code }] of errors) {
      expect(code).toBeGreaterThan(0);
      expect(code).toBeLessThanOrEqual(0xffff);
    }
  });

  test.each(errors)("[E1] %s is found by its code", (name, { code }) => {
    expect(errorName(code)).toBe(name);
  });

  test.each([0, 13, 31, 41, 65535, -1, 1.5, Number.NaN])("of a later revision have no name: %d", (code) => {
    expect(errorName(code)).toBeUndefined();
  });

  test.each(errors.filter(([, { close }]) => close !== undefined))(
    "[E2] %s ends the session with a code of the table, and not the normal one",
    (_, { close }) => {
      expect(closeMeaning(close ?? 0)).toBeDefined();
      expect(close).not.toBe(CloseCode.Normal);
    },
  );

  test("[E2] that end the session, and with which code", () => {
    const closing = errors.flatMap(([name, { close }]) => (close === undefined ? [] : [[name, close]]));
    expect(Object.fromEntries(closing)).toEqual({
      malformed_frame: 4001,
      truncated_batch: 4001,
      unknown_frame: 4001,
      unexpected_frame: 4001,
      text_message: 4001,
      hello_expected: 4001,
      hello_repeated: 4001,
      unsupported_version: 4001,
      batch_too_large: 4006,
      internal: 4007,
      hello_timeout: 4002,
      flooding: 4010,
    });
  });
});
