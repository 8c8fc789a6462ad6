/** Decoding: no bytes make it throw, and what was read is written as it was read. */
import { deepStrictEqual } from "node:assert/strict";
import {
  ACK_SIZE,
  DATA_PAYLOAD_OFFSET,
  type DataHeader,
  FrameType,
  CAST_PAYLOAD_OFFSET,
  decodeFrame,
  encodeFrame,
  PROBE_SIZE,
  decodeControl,
  encodeControl,
  errorName,
  frameEnd,
  isControlType,
  readAck,
  readDataHeader,
  readProbe,
} from "../../../src/protocol/index.ts";
import { ASKED_FRAMES, ackFrame, dataFrame, probeFrame, walk } from "../../support/frames.ts";
import { type Message, bytesOf, mutateMessage, randomMessage } from "../messages.ts";
import { Random } from "../random.ts";
import type { Target } from "../target.ts";

export const codec: Target<Message> = {
  name: "codec",
  seeds: () => Array.from({ length: 40 }, (_, seed) => [randomMessage(new Random(seed))]),
  randomStep: (random) => randomMessage(random),
  mutateStep: (message, random) => mutateMessage(message, random),
  run(messages, feature) {
    for (const message of messages)
      check(
        bytesOf(message, () => []),
        feature,
      );
  },
};

function check(bytes: Uint8Array, feature: (name: string) => void): void {
  // In the middle of a larger buffer, so that reading outside is seen as another value.
  const buffer = new Uint8Array(bytes.length + 32).fill(0xee);
  buffer.set(bytes, 16);
  const view = new DataView(buffer.buffer, 16, bytes.length);
  let problem: string | undefined;
  for (let offset = 0; offset < bytes.length && !problem;) {
    const end = frameEnd(view, offset);
    if (end < 0) {
      problem = `truncated_batch at ${offset}`;
      break;
    }
    problem = checkFrame(bytes, view, offset, end, feature);
    offset = end;
  }
  if (bytes.length === 0) problem = "malformed_frame at 0";
  feature(problem?.replace(/ at .*/, "") ?? "good");
  let walked: string | undefined;
  try {
    walk(bytes);
  } catch (error) {
    walked = (error as Error).message;
  }
  // The strict reader of the tests knows multicast's count, which is the relay's to check.
  if (walked !== problem && !bytes.includes(FrameType.Multicast)) throw new Error(`${problem} here, ${walked} there`);
}

function checkFrame(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  end: number,
  feature: (name: string) => void,
): string | undefined {
  const type = view.getUint8(offset);
  const size = end - offset;
  if (isControlType(type)) {
    const control = decodeControl(view, offset);
    if (!control) return `malformed_frame at ${offset}`;
    feature(`read ${control.frame}`);
    if (control.frame === "error") feature(`error ${errorName(control.values.code)}`);
    const written = encodeControl(control.frame, control.values, control.flags);
    if (written.length > size) throw new Error(`${control.frame} of ${size} bytes is written in ${written.length}`);
    deepStrictEqual(decodeControl(new DataView(written.buffer), 0), control);
    return undefined;
  }
  if (type === FrameType.Cast) return size < CAST_PAYLOAD_OFFSET ? `malformed_frame at ${offset}` : undefined;
  const asked = Object.values(ASKED_FRAMES).find((frame) => frame.type === type);
  if (asked) {
    const values = decodeFrame(asked, view, offset);
    if (!values) return `malformed_frame at ${offset}`;
    feature(`read ${type}`);
    deepStrictEqual(decodeFrame(asked, new DataView(encodeFrame(asked, values).buffer), 0), values);
    return undefined;
  }
  const fixed = { [FrameType.Data]: DATA_PAYLOAD_OFFSET, [FrameType.Ack]: ACK_SIZE, [FrameType.Probe]: PROBE_SIZE }[
    type
  ];
  if (fixed === undefined)
    return type < 0x80 && type !== FrameType.Multicast ? `unknown_frame at ${offset}` : undefined;
  if (size < fixed) return `malformed_frame at ${offset}`;
  const again = rewritten(bytes, view, offset, end, type);
  const reread = rewritten(again, new DataView(again.buffer), 0, again.length, type);
  deepStrictEqual(reread, again);
  return undefined;
}

function rewritten(bytes: Uint8Array, view: DataView, offset: number, end: number, type: number): Uint8Array {
  if (type === FrameType.Ack) return ackFrame(readAck(view, offset));
  if (type === FrameType.Probe) return probeFrame(readProbe(view, offset));
  const header: DataHeader = { flags: 0, lane: 0, handle: 0, channel: 0, number: 0, sequence: 0 };
  readDataHeader(view, offset, header);
  return dataFrame({ ...header, payload: bytes.slice(offset + DATA_PAYLOAD_OFFSET, end) });
}
