import { describe, expect, test } from "vitest";
import {
  ACK_SIZE,
  DATA_FIXED,
  DATA_PAYLOAD_OFFSET,
  HANDLE_OFFSET,
  MAX_MULTICAST,
  MULTICAST_TARGETS_OFFSET,
  MULTICAST_TARGET_SIZE,
  type MulticastTarget,
  PROBE_ANSWER,
  PROBE_SIZE,
  PROBE_UNKNOWN,
  multicastPayloadOffset,
  readDataHeader,
  readProbe,
  writeAck,
  writeDataHeader,
  writeFrameHeader,
  writeMulticastHeader,
  writeProbe,
} from "../../../src/protocol/index.ts";
import { ackFrame, dataFrame, multicastFrame, probeFrame, walk } from "../../support/frames.ts";

/** What `write` leaves in `size` bytes that were all 0xee, from byte 3 on. */
function written(size: number, write: (view: DataView, offset: number) => void): number[] {
  const bytes = new Uint8Array(size).fill(0xee);
  write(new DataView(bytes.buffer), 3);
  return [...bytes];
}

const around = [0xee, 0xee, 0xee];

test("the sizes and offsets are the ones of the layout comments", () => {
  expect([HANDLE_OFFSET, DATA_PAYLOAD_OFFSET, DATA_FIXED, ACK_SIZE, PROBE_SIZE]).toEqual([8, 24, 16, 24, 20]);
  expect([MULTICAST_TARGETS_OFFSET, MULTICAST_TARGET_SIZE]).toEqual([16, 12]);
  expect([multicastPayloadOffset(1), multicastPayloadOffset(3)]).toEqual([28, 52]);
  expect([PROBE_ANSWER, PROBE_UNKNOWN]).toEqual([1, 65535]);
});

describe("the bytes at an offset, and none beside them", () => {
  test("header", () => {
    expect(written(14, (view, at) => writeFrameHeader(view, at, 0x20, 1, 2, 0x04030201))).toEqual(
      [around, [0x20, 1, 2, 0, 1, 2, 3, 4], around].flat(),
    );
  });

  test("data", () => {
    const header = {
      flags: 9,
      lane: 2,
      handle: 0x04030201,
      channel: -2,
      number: 0x0c0b0a09,
      sequence: 0x100f0e0d,
    };
    expect(written(30, (view, at) => expect(writeDataHeader(view, at, header, 0x0200)).toBe(27))).toEqual(
      [
        around,
        [0x20, 9, 2, 0, 0x10, 2, 0, 0],
        [1, 2, 3, 4],
        [0xfe, 0xff, 0xff, 0xff],
        [9, 10, 11, 12],
        [13, 14, 15, 16],
        around,
      ].flat(),
    );
  });

  test("ack", () => {
    const ack = { handle: 0x04030201, lane: 7, cumulative: 0x08070605, selective: 0x0c0b0a09, window: 0x100f0e0d };
    expect(written(30, (view, at) => writeAck(view, at, ack))).toEqual(
      [around, [0x21, 0, 7, 0, 16, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], around].flat(),
    );
  });

  test("probe", () => {
    const probe = { handle: 0x04030201, answer: true, stamp: 0x08070605, quality: 0x0a09, jitter: 0x0c0b };
    expect(written(26, (view, at) => writeProbe(view, at, probe))).toEqual(
      [around, [0x22, 1, 0, 0, 12, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], around].flat(),
    );
  });

  test("multicast", () => {
    const targets = [
      { handle: 1, number: 2, sequence: 3 },
      { handle: 0x04030201, number: 0x08070605, sequence: 0x0c0b0a09 },
    ];
    const frame = { flags: 1, lane: 5, channel: -1, targets };
    expect(written(46, (view, at) => expect(writeMulticastHeader(view, at, frame, 6)).toBe(43))).toEqual(
      [
        around,
        [0x23, 1, 5, 0, 38, 0, 0, 0],
        [0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0],
        [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0],
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        around,
      ].flat(),
    );
  });
});

test("[P9] of a probe's flags only the answer bit counts", () => {
  const bytes = probeFrame({ handle: 7, answer: false, stamp: 1, quality: PROBE_UNKNOWN, jitter: PROBE_UNKNOWN });
  const answerWith = (flags: number) => {
    bytes[1] = flags;
    return readProbe(new DataView(bytes.buffer), 0).answer;
  };
  expect([0x00, 0x01, 0xfe, 0xff].map(answerWith)).toEqual([false, true, false, true]);
});

test("a data header is read into an object that is used again", () => {
  const into = { flags: 1, lane: 1, handle: 1, channel: 1, number: 1, sequence: 1 };
  const { buffer } = dataFrame({
    handle: 7,
    flags: 2,
    lane: 3,
    channel: -4,
    number: 5,
    sequence: 6,
    payload: new Uint8Array(),
  });
  readDataHeader(new DataView(buffer), 0, into);
  expect(into).toEqual({ flags: 2, lane: 3, handle: 7, channel: -4, number: 5, sequence: 6 });
});

function targetsOf(count: number): MulticastTarget[] {
  return Array.from({ length: count }, (_, index) => ({
    handle: 0xffff_ffff - index,
    number: index,
    sequence: index * 3,
  }));
}

test("[D4] a multicast to as many targets as there may be", () => {
  const targets = targetsOf(MAX_MULTICAST);
  const payload = Uint8Array.of(1, 2, 3);
  const [frame] = walk(multicastFrame({ targets, payload, channel: 9 }));
  expect(frame?.multicast).toEqual({ channel: 9, targets, payload });
  expect(() => walk(multicastFrame({ targets: targetsOf(MAX_MULTICAST + 1), payload }))).toThrow(
    "malformed_frame at 0",
  );
});

describe("the helpers of test/support/frames.ts", () => {
  test("dataFrame is an unreliable first message, or a reliable first segment", () => {
    const payload = Uint8Array.of(1);
    expect(walk(dataFrame({ handle: 7, payload }))).toEqual([
      {
        type: 0x20,
        flags: 0,
        lane: 0,
        offset: 0,
        end: 25,
        data: { flags: 0, lane: 0, handle: 7, channel: 0, number: 1, sequence: 0, payload },
      },
    ]);
    expect(walk(dataFrame({ handle: 7, flags: 1, payload }))[0]?.data?.sequence).toBe(1);
    expect(walk(dataFrame({ handle: 7, flags: 1, sequence: 0, payload }))[0]?.data?.sequence).toBe(0);
  });

  test("walk gives payloads of their own, from a part of a larger buffer", () => {
    const bytes = new Uint8Array(64).fill(0xee);
    bytes.set(dataFrame({ handle: 7, payload: Uint8Array.of(1, 2) }), 5);
    const [frame] = walk(bytes.subarray(5, 31));
    bytes.fill(0);
    expect(frame?.data).toMatchObject({ handle: 7, payload: Uint8Array.of(1, 2) });
    expect(frame?.end).toBe(26);
  });

  test("walk names the error and where it is", () => {
    const ack = ackFrame({ handle: 7, lane: 0, cumulative: 0, selective: 0, window: 0 });
    const two = new Uint8Array([...ack, ...ack]);
    expect(() => walk(two.subarray(0, 30))).toThrow("truncated_batch at 24");
    two[24] = 0x30;
    expect(() => walk(two)).toThrow("unknown_frame at 24");
    expect(() => walk(new Uint8Array())).toThrow("malformed_frame at 0");
  });
});
