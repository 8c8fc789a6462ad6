import { describe, expect, test } from "vitest";
import { frameEnd } from "../../../src/protocol/index.ts";

/** A message of `size` zero bytes whose frame at `offset` announces `length`. */
function message(size: number, length: number, offset = 0): DataView {
  const view = new DataView(new ArrayBuffer(size));
  view.setUint32(offset + 4, length, true);
  return view;
}

describe("frameEnd", () => {
  test.each([
    ["no body", 8, 0, 8],
    ["a body up to the end", 12, 4, 12],
    ["a body with bytes behind", 20, 4, 12],
    ["more than 255 bytes", 8 + 0x0102, 0x0102, 8 + 0x0102],
    ["more than 65535 bytes", 8 + 0x01_0203, 0x01_0203, 8 + 0x01_0203],
  ])("[P2] %s", (_, size, length, end) => {
    expect(frameEnd(message(size, length), 0)).toBe(end);
  });

  test.each([
    ["one byte", 12, 5],
    ["2^31 - 1", 12, 0x7fff_ffff],
    ["2^31, negative as i32", 12, 0x8000_0000],
    ["2^32 - 8, which leads back to the frame in 32 bits", 12, 0xffff_fff8],
    ["2^32 - 4, which leads back to the body in 32 bits", 12, 0xffff_fffc],
    ["2^32 - 1", 12, 0xffff_ffff],
  ])("[P3] -1 when the length is beyond the message by %s", (_, size, length) => {
    expect(frameEnd(message(size, length), 0)).toBe(-1);
  });

  test.each([0, 1, 4, 7])("[P3] -1 when only %i bytes of a header are there", (size) => {
    expect(frameEnd(new DataView(new ArrayBuffer(size)), 0)).toBe(-1);
  });

  test("[P1] the second frame of a batch counts from its own offset", () => {
    expect(frameEnd(message(20, 4, 8), 8)).toBe(20);
    expect(frameEnd(message(20, 5, 8), 8)).toBe(-1);
    expect(frameEnd(message(20, 0, 8), 13)).toBe(-1);
    expect(frameEnd(message(20, 0, 8), 20)).toBe(-1);
    expect(frameEnd(message(20, 0, 8), 21)).toBe(-1);
  });

  test("ends with the view, not with the buffer that it is a part of", () => {
    const { buffer } = message(64, 5, 16);
    expect(frameEnd(new DataView(buffer, 16, 12), 0)).toBe(-1);
    expect(frameEnd(new DataView(buffer, 16, 13), 0)).toBe(13);
    expect(frameEnd(new DataView(buffer, 16, 7), 0)).toBe(-1);
  });
});
