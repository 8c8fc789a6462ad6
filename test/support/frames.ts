/**
 * Frames for tests: build a message, take one apart. The strict twin of what the relay and the client do: `walk`
 * throws where they answer, and names the error of docs/protocol.md. Imports the protocol only, so it runs in workerd.
 */
import {
  ACK_SIZE,
  ATTEND,
  type Ack,
  CAST_PAYLOAD_OFFSET,
  type CastHeader,
  type ControlFrame,
  DATA_PAYLOAD_OFFSET,
  DataFlag,
  type DataHeader,
  type ErrorName,
  FIRST_IGNORABLE_TYPE,
  type FieldFrame,
  FrameType,
  HOST,
  JOIN,
  JOINED,
  LEAVE,
  MAX_MULTICAST,
  MULTICAST_TARGETS_OFFSET,
  MULTICAST_TARGET_SIZE,
  type MulticastTarget,
  PROBE_SIZE,
  type Probe,
  decodeControl,
  decodeFrame,
  frameEnd,
  isControlType,
  multicastPayloadOffset,
  readAck,
  readCastHeader,
  readDataHeader,
  probeSize,
  readProbe,
  writeAck,
  writeCastHeader,
  writeDataHeader,
  writeMulticastHeader,
  writeProbe,
} from "../../src/protocol/index.ts";

export interface Multicast {
  channel: number;
  targets: MulticastTarget[];
  payload: Uint8Array;
}

/** One frame of a message. A skippable frame of an unknown type has none of the optional parts. */
export interface WalkedFrame {
  type: number;
  flags: number;
  lane: number;
  offset: number;
  end: number;
  control?: ControlFrame;
  data?: DataHeader & { payload: Uint8Array };
  ack?: Ack;
  probe?: Probe;
  multicast?: Multicast;
  /** A frame of those that only some clients know (groups, hosting). */
  asked?: { readonly frame: string; readonly values: Record<string, unknown> };
  cast?: CastHeader & { payload: Uint8Array };
}

/** By their names in docs/protocol.md. */
export const ASKED_FRAMES: Readonly<Record<string, FieldFrame>> = {
  join: JOIN,
  joined: JOINED,
  leave: LEAVE,
  attend: ATTEND,
  host: HOST,
};

/** The frames of a message. Payloads are copies. Throws `<error name> at <offset>` on bytes that break the protocol. */
export function walk(bytes: Uint8Array): WalkedFrame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 0) throw refusal("malformed_frame", 0);
  const frames: WalkedFrame[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const end = frameEnd(view, offset);
    if (end < 0) throw refusal("truncated_batch", offset);
    frames.push(frameAt(bytes, view, offset, end));
    offset = end;
  }
  return frames;
}

function frameAt(bytes: Uint8Array, view: DataView, offset: number, end: number): WalkedFrame {
  const type = view.getUint8(offset);
  const frame: WalkedFrame = {
    type,
    flags: view.getUint8(offset + 1),
    lane: view.getUint8(offset + 2),
    offset,
    end,
  };
  const atLeast = (size: number) => {
    if (end - offset < size) throw refusal("malformed_frame", offset);
  };
  if (isControlType(type)) {
    const control = decodeControl(view, offset);
    if (!control) throw refusal("malformed_frame", offset);
    frame.control = control;
  } else if (type === FrameType.Data) {
    atLeast(DATA_PAYLOAD_OFFSET);
    const header: DataHeader = { flags: 0, lane: 0, handle: 0, channel: 0, number: 0, sequence: 0 };
    readDataHeader(view, offset, header);
    frame.data = { ...header, payload: bytes.slice(offset + DATA_PAYLOAD_OFFSET, end) };
  } else if (type === FrameType.Ack) {
    atLeast(ACK_SIZE);
    frame.ack = readAck(view, offset);
  } else if (type === FrameType.Probe) {
    atLeast(PROBE_SIZE);
    frame.probe = readProbe(view, offset);
  } else if (type === FrameType.Multicast) {
    atLeast(MULTICAST_TARGETS_OFFSET);
    const count = view.getUint16(offset + 12, true);
    if (count === 0 || count > MAX_MULTICAST) throw refusal("malformed_frame", offset);
    atLeast(multicastPayloadOffset(count));
    const targets = Array.from({ length: count }, (_, index) => {
      const at = offset + MULTICAST_TARGETS_OFFSET + index * MULTICAST_TARGET_SIZE;
      return {
        handle: view.getUint32(at, true),
        number: view.getUint32(at + 4, true),
        sequence: view.getUint32(at + 8, true),
      };
    });
    frame.multicast = {
      channel: view.getInt32(offset + 8, true),
      targets,
      payload: bytes.slice(offset + multicastPayloadOffset(count), end),
    };
  } else if (type === FrameType.Cast) {
    atLeast(CAST_PAYLOAD_OFFSET);
    frame.cast = { ...readCastHeader(view, offset), payload: bytes.slice(offset + CAST_PAYLOAD_OFFSET, end) };
  } else if (type >= FIRST_IGNORABLE_TYPE) {
    const [name, layout] = Object.entries(ASKED_FRAMES).find(([, each]) => each.type === type) ?? [];
    const values = layout && decodeFrame(layout, view, offset);
    if (layout && !values) throw refusal("malformed_frame", offset);
    if (name && values) frame.asked = { frame: name, values };
  } else {
    throw refusal("unknown_frame", offset);
  }
  return frame;
}

function refusal(error: ErrorName, offset: number): Error {
  return new Error(`${error} at ${offset}`);
}

/** A data frame; unless said otherwise an unreliable message 1 in lane 0, or reliable segment 1 with the flag for it. */
export function dataFrame(
  frame: Partial<DataHeader> & { handle: number; payload: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const { handle, payload, flags = 0, lane = 0, channel = 0, number = 1 } = frame;
  const sequence = frame.sequence ?? ((flags & DataFlag.Reliable) === 0 ? 0 : 1);
  const bytes = new Uint8Array(DATA_PAYLOAD_OFFSET + payload.length);
  const header = { flags, lane, handle, channel, number, sequence };
  bytes.set(payload, writeDataHeader(new DataView(bytes.buffer), 0, header, payload.length));
  return bytes;
}

export function castFrame(frame: {
  group: number;
  payload: Uint8Array;
  number?: number;
  sender?: bigint;
}): Uint8Array<ArrayBuffer> {
  const { group, payload, number = 1, sender = 0n } = frame;
  const bytes = new Uint8Array(CAST_PAYLOAD_OFFSET + payload.length);
  bytes.set(payload, writeCastHeader(new DataView(bytes.buffer), 0, { group, number, sender }, payload.length));
  return bytes;
}

export function ackFrame(ack: Ack): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ACK_SIZE);
  writeAck(new DataView(bytes.buffer), 0, ack);
  return bytes;
}

export function probeFrame(probe: Probe): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(probeSize(probe));
  writeProbe(new DataView(bytes.buffer), 0, probe);
  return bytes;
}

export function multicastFrame(frame: {
  targets: readonly MulticastTarget[];
  payload: Uint8Array;
  flags?: number;
  lane?: number;
  channel?: number;
}): Uint8Array<ArrayBuffer> {
  const { targets, payload, flags = 0, lane = 0, channel = 0 } = frame;
  const bytes = new Uint8Array(multicastPayloadOffset(targets.length) + payload.length);
  const header = { flags, lane, channel, targets };
  bytes.set(payload, writeMulticastHeader(new DataView(bytes.buffer), 0, header, payload.length));
  return bytes;
}

/** One message of several frames. */
export function batch(...frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(frames.reduce((size, frame) => size + frame.length, 0));
  let offset = 0;
  for (const frame of frames) {
    bytes.set(frame, offset);
    offset += frame.length;
  }
  return bytes;
}
