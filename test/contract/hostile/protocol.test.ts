/** Broken frames of the relay's own protocol, in sound WebSocket messages. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ACK_SIZE,
  type ErrorName,
  FrameType,
  HEADER_SIZE,
  MAX_BATCH,
  encodeControl,
} from "../../../src/protocol/index.ts";
import { batch, dataFrame, multicastFrame } from "../../support/frames.ts";
import { Siege } from "./siege.ts";

let siege: Siege;
beforeAll(async () => {
  siege = await Siege.start();
});
afterAll(() => siege[Symbol.asyncDispose]());

const HELLO = encodeControl("hello", { version: 1, session: 0n, token: new Uint8Array() });

/** A frame of any type, whose header may lie about its length. */
function forged(type: number, body: Uint8Array = new Uint8Array(), length = body.length): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + body.length);
  bytes[0] = type;
  new DataView(bytes.buffer).setUint32(4, length, true);
  bytes.set(body, HEADER_SIZE);
  return bytes;
}

const ENDING: readonly (readonly [string, ErrorName, number, Uint8Array])[] = [
  ["[P7] an empty message", "malformed_frame", 4001, new Uint8Array()],
  ["[P3] a frame of 4 GiB - 1 in a message of 8 bytes", "truncated_batch", 4001, forged(0x80, undefined, 0xffff_ffff)],
  ["[P3] a header cut short", "truncated_batch", 4001, Uint8Array.of(0x20, 0, 0)],
  ["[P3] a frame one byte longer than its message", "truncated_batch", 4001, forged(0x20, new Uint8Array(16), 17)],
  ["[P4] type 0", "unknown_frame", 4001, forged(0)],
  ["[P4] type 0x7f", "unknown_frame", 4001, forged(0x7f)],
  ["[P6] a data frame of zero length", "malformed_frame", 4001, forged(FrameType.Data)],
  ["[P6] an ack one byte short", "malformed_frame", 4001, forged(FrameType.Ack, new Uint8Array(ACK_SIZE - 9))],
  ["[P6] an ack as a way past the payload limit", "malformed_frame", 4001, forged(FrameType.Ack, new Uint8Array(57))],
  ["[P6] a probe of 1 MiB", "malformed_frame", 4001, forged(FrameType.Probe, new Uint8Array(MAX_BATCH - 8))],
  ["[P6] a connect of zero length", "malformed_frame", 4001, forged(FrameType.Connect)],
  ["[P6] a close whose text is no UTF-8", "malformed_frame", 4001, closeWithText(Uint8Array.of(0xff, 0xfe))],
  ["[P6] a close whose text is longer than it is", "malformed_frame", 4001, closeWithText(new Uint8Array(2), 120)],
  ["[P6] a close whose text is above 127 bytes", "malformed_frame", 4001, closeWithText(new Uint8Array(200).fill(65))],
  ["[P6] a multicast that names 65,535 targets and has none", "malformed_frame", 4001, multicastOf(0xffff)],
  ["[S1] a second hello", "hello_repeated", 4001, HELLO],
  ["[P7] a message one byte above maxBatch", "batch_too_large", 4006, forged(0x80, new Uint8Array(MAX_BATCH - 7))],
];

/** handle, reason, closedBy, and a text with a length that may lie. */
function closeWithText(text: Uint8Array, length = text.length): Uint8Array {
  return forged(FrameType.Close, batch(Uint8Array.of(1, 0, 0, 0, 0xe8, 3, 0, length), text));
}

function multicastOf(count: number): Uint8Array {
  const frame = forged(FrameType.Multicast, new Uint8Array(8));
  new DataView(frame.buffer).setUint16(12, count, true);
  return frame;
}

describe("[E2] what ends the session: the error, a bye, the close code", () => {
  test.each(ENDING)("%s is %s, and closes with %i", (_, error, code, message) =>
    siege.withstand({ refusals: { [error]: 1 } }, async () => {
      const attacker = await siege.attacker();
      attacker.send(message);
      expect(await attacker.error()).toBe(error);
      expect((await attacker.next("bye")).code).toBe(code);
      expect(await attacker.closed()).toEqual({ code, reason: error });
    }),
  );

  test.each([
    ["welcome", FrameType.Welcome, 80],
    ["error", FrameType.Error, 16],
    ["mark", FrameType.Mark, 4],
    ["resumed", FrameType.Resumed, 4],
    ["connecting", FrameType.Connecting, 17],
    ["incoming", FrameType.Incoming, 29],
    ["state", FrameType.State, 6],
    ["path", FrameType.Path, 5],
  ] as const)("[P5] %s, sent by a client, is unexpected_frame", (_, type, size) =>
    siege.withstand({ refusals: { unexpected_frame: 1 } }, async () => {
      const attacker = await siege.attacker();
      attacker.send(forged(type, new Uint8Array(size)));
      expect(await attacker.error()).toBe("unexpected_frame");
      expect((await attacker.closed()).code).toBe(4001);
    }),
  );

  test.each([
    ["data", dataFrame({ handle: 1, payload: new Uint8Array(4) })],
    ["connect", forged(FrameType.Connect, new Uint8Array(25))],
    ["a skippable frame", forged(0xff)],
  ])("[S1] %s before the hello is hello_expected", (_, message) =>
    siege.withstand({ refusals: { hello_expected: 1 } }, async () => {
      const guest = await siege.knock();
      guest.send(message);
      expect(await guest.error()).toBe("hello_expected");
      expect((await guest.closed()).code).toBe(4001);
    }),
  );

  test.each([0, 2, 65_535])("[S1] version %i is unsupported_version", (version) =>
    siege.withstand({ refusals: { unsupported_version: 1 } }, async () => {
      const guest = await siege.knock();
      guest.hello(0n, undefined, version);
      expect(await guest.error()).toBe("unsupported_version");
      expect((await guest.closed()).code).toBe(4001);
    }),
  );
});

describe("[E3] what does not end it", () => {
  test("[P4] 131,072 tiny frames in one batch of 1 MiB are skipped one by one", () =>
    siege.withstand({}, async () => {
      const attacker = await siege.attacker();
      const bytes = new Uint8Array(MAX_BATCH);
      for (let at = 0; at < bytes.length; at += HEADER_SIZE) bytes[at] = 0x80;
      attacker.send(bytes);
      await attacker.settled();
      expect(attacker.errors()).toEqual([]);
    }));

  test("[E1] 87,381 frames for others in one batch: all counted, 16 answered", () =>
    siege.withstand({ refusals: { unknown_handle: 87_381 } }, async () => {
      const attacker = await siege.attacker();
      const accept = encodeControl("accept", { handle: 0 });
      attacker.send(batch(...Array.from({ length: Math.floor(MAX_BATCH / accept.length) }, () => accept)));
      await attacker.settled();
      expect(attacker.errors().length).toBe(16);
    }));

  test("[D4] a multicast to nobody is invalid_argument", () =>
    siege.withstand({ refusals: { invalid_argument: 2 } }, async () => {
      const attacker = await siege.attacker();
      attacker.send(multicastFrame({ targets: [], payload: new Uint8Array(8) }));
      expect(await attacker.error()).toBe("invalid_argument");
      await attacker.settled();
    }));

  test("[P9] reserved bits, and a lane, where there is none, are ignored", () =>
    siege.withstand({ refusals: { invalid_argument: 1 } }, async () => {
      const attacker = await siege.attacker();
      const frame = forged(0x80, new Uint8Array(3));
      frame.set([0xff, 0xff, 0xff], 1);
      attacker.send(frame);
      await attacker.settled();
      expect(attacker.errors()).toEqual([]);
    }));
});
