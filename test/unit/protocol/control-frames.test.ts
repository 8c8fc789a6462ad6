import { describe, expect, test } from "vitest";
import {
  type ControlFrame,
  FrameType,
  MAX_DEBUG,
  MAX_ERROR_TEXT,
  decodeControl,
  encodeControl,
} from "../../../src/protocol/index.ts";

function decode(bytes: Uint8Array, offset = 0): ControlFrame | undefined {
  return decodeControl(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset);
}

/** The debug text of a bye after its way over the wire. */
function sent(debug: string): string | undefined {
  const frame = decode(encodeControl("bye", { code: 1000, reconnectAfterMs: 0, debug }));
  return frame?.frame === "bye" ? frame.values.debug : undefined;
}

const utf8 = new TextEncoder();

describe("texts", () => {
  test.each([
    ["one byte", "x", 127],
    ["two bytes", "é", 63],
    ["three bytes", "€", 42],
    ["four bytes", "🎮", 31],
  ])("of characters of %s are cut to as many as fit", (_, character, fit) => {
    expect(sent(character.repeat(200))).toBe(character.repeat(fit));
  });

  test.each([
    ["é", 126, 126],
    ["é", 125, 127],
    ["€", 126, 126],
    ["€", 125, 125],
    ["€", 124, 127],
    ["🎮", 126, 126],
    ["🎮", 125, 125],
    ["🎮", 124, 124],
    ["🎮", 123, 127],
  ])("keep or lose %s behind %i bytes as a whole", (character, before, bytes) => {
    const text = "x".repeat(before) + character;
    const kept = sent(`${text}!`) ?? "";
    expect(utf8.encode(kept).length).toBe(bytes);
    expect(kept).toBe(bytes === 127 ? text : "x".repeat(before));
  });

  test("of exactly the limit are whole, and one byte more is cut", () => {
    expect(sent("x".repeat(MAX_DEBUG))).toBe("x".repeat(MAX_DEBUG));
    expect(sent("x".repeat(MAX_DEBUG + 1))).toBe("x".repeat(MAX_DEBUG));
    const values = { code: 1, frame: 0, about: 0 };
    const full = { ...values, message: "m".repeat(MAX_ERROR_TEXT) };
    expect(decode(encodeControl("error", full))?.values).toEqual(full);
    expect(encodeControl("error", { ...values, message: "m".repeat(MAX_ERROR_TEXT + 1) })).toEqual(
      encodeControl("error", full),
    );
  });

  test.each([
    ["a byte order mark", "\ufefflobby"],
    ["nothing but byte order marks", "\ufeff\ufeff"],
    ["zero bytes", "\u0000a\u0000"],
    ["a combining accent", "e\u0301"],
    ["the last code point", "\u{10ffff}"],
    ["a noncharacter", "\uffff"],
  ])("arrive as written: %s", (_, text) => {
    expect(sent(text)).toBe(text);
  });

  test("half of a surrogate pair arrives as U+FFFD, and the frame stays whole", () => {
    expect(sent("a\ud83cb")).toBe("a\ufffdb");
    expect(sent("\udfae")).toBe("\ufffd");
    // Cut at the limit, too: the replacement has three bytes where the half had one unit.
    expect(sent("\ud83c".repeat(200))).toBe("\ufffd".repeat(42));
  });

  test("[P6] that are not UTF-8 are refused, and leave no trace in the next frame", () => {
    const bad = encodeControl("bye", { code: 1000, reconnectAfterMs: 0, debug: "ab" });
    bad[bad.length - 1] = 0xe2;
    expect(decode(bad)).toBeUndefined();
    expect(sent("\u0082\u00ac")).toBe("\u0082\u00ac");
  });
});

function helloWithToken(size: number): Uint8Array {
  return encodeControl("hello", { version: 1, session: 0n, token: new Uint8Array(size).fill(9) });
}

describe("encodeControl", () => {
  test("gives the bytes of the layout, in a buffer of their own", () => {
    const bytes = encodeControl("close", { handle: 0x01020304, reason: 0x0506, closedBy: 7, debug: "é" }, 1);
    expect([...bytes]).toEqual([0x15, 1, 0, 0, 10, 0, 0, 0, 0x04, 0x03, 0x02, 0x01, 0x06, 0x05, 0x07, 2, 0xc3, 0xa9]);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  test("[P9] writes 0 for flags that are not asked for, for the lane and the reserved byte", () => {
    expect([...encodeControl("accept", { handle: 7 }).subarray(0, 4)]).toEqual([FrameType.Accept, 0, 0, 0]);
  });

  test("wraps integers outside of their field, and touches no other field", () => {
    const values = { handle: 2 ** 32 + 7, reason: -1, closedBy: 256 + 2, debug: "x" };
    expect(decode(encodeControl("close", values, 256 + 1))).toEqual({
      frame: "close",
      flags: 1,
      values: { handle: 7, reason: 0xffff, closedBy: 2, debug: "x" },
    });
    const hello = encodeControl("hello", { version: 1, session: 2n ** 64n + 5n, token: new Uint8Array() });
    expect(decode(hello)?.values).toMatchObject({ session: 5n });
  });

  test("keeps a token of 255 bytes, and refuses a longer one instead of cutting a secret", () => {
    expect(decode(helloWithToken(255))?.values).toMatchObject({ token: new Uint8Array(255).fill(9) });
    expect(() => helloWithToken(256)).toThrow(RangeError);
    expect(() => helloWithToken(257)).toThrow("Cannot write 257 bytes: the field holds 255");
  });

  test("writes a token that is a part of a larger buffer", () => {
    const token = Uint8Array.of(1, 2, 3, 4, 5).subarray(2, 4);
    expect([...encodeControl("hello", { version: 1, session: 0n, token }).subarray(-3)]).toEqual([2, 3, 4]);
  });
});

describe("decodeControl", () => {
  test("gives bytes of its own: the message's buffer may be used again", () => {
    const bytes = encodeControl("hello", { version: 1, session: 0n, token: Uint8Array.of(1, 2, 3) });
    const frame = decode(bytes);
    bytes.fill(0xee);
    expect(frame?.values).toMatchObject({ token: Uint8Array.of(1, 2, 3) });
  });

  test.each([FrameType.Data, FrameType.Ack, FrameType.Probe, FrameType.Multicast, 0x00, 0x08, 0x7f, 0x80, 0xff])(
    "answers undefined for type %i, which is no control frame",
    (type) => {
      const bytes = new Uint8Array(64);
      bytes[0] = type;
      bytes[4] = 56;
      expect(decode(bytes)).toBeUndefined();
    },
  );

  test("[P9] ignores lane and reserved byte, and gives the flags as they came", () => {
    const bytes = encodeControl("accept", { handle: 7 });
    bytes.set([0xfe, 0xff, 0xff], 1);
    expect(decode(bytes)).toEqual({ frame: "accept", flags: 0xfe, values: { handle: 7 } });
  });

  test("[P6] does not take the next frame's bytes for missing ones", () => {
    const bytes = new Uint8Array(32);
    bytes.set(encodeControl("accept", { handle: 7 }));
    bytes[4] = 3;
    expect(decode(bytes)).toBeUndefined();
  });
});
