/**
 * End-to-end frames, read in place at fixed offsets: the relay's hot path builds no object from them.
 * A handle names the connection for both ends, so a forwarded frame is a copy of the bytes that came in.
 */
import { FrameType, HEADER_SIZE } from "./frames.ts";

/** Offset of the handle in data, ack and probe frames. */
export const HANDLE_OFFSET = 8;

/**
 * Data, type 0x20, after the header (docs/protocol.md, "Data"):
 *
 *      8  u32  handle
 *     12  i32  channel    routing number of the families that have channels; 0 elsewhere
 *     16  u32  number     message number in its lane, from 1, all messages
 *     20  u32  sequence   segment number in its lane, from 1, reliable segments only; 0 when unreliable
 *     24       payload
 */
export const DATA_PAYLOAD_OFFSET = 24;
export const DATA_FIXED = DATA_PAYLOAD_OFFSET - HEADER_SIZE;

export interface DataHeader {
  flags: number;
  lane: number;
  handle: number;
  channel: number;
  number: number;
  sequence: number;
}

/** Writes header and fixed fields; the caller copies `payloadLength` bytes behind. Returns the payload's offset. */
export function writeDataHeader(view: DataView, offset: number, frame: DataHeader, payloadLength: number): number {
  writeFrameHeader(view, offset, FrameType.Data, frame.flags, frame.lane, DATA_FIXED + payloadLength);
  view.setUint32(offset + 8, frame.handle, true);
  view.setInt32(offset + 12, frame.channel, true);
  view.setUint32(offset + 16, frame.number, true);
  view.setUint32(offset + 20, frame.sequence, true);
  return offset + DATA_PAYLOAD_OFFSET;
}

/** Sets what differs between the copies of a multicast: handle, number and sequence, as its target at `from` has them. */
export function patchDataHeader(view: DataView, offset: number, target: DataView, from: number): void {
  view.setUint32(offset + 8, target.getUint32(from, true), true);
  view.setUint32(offset + 16, target.getUint32(from + 4, true), true);
  view.setUint32(offset + 20, target.getUint32(from + 8, true), true);
}

/** Reads into `into`, so that a receiver can reuse one object. The frame must be at least `DATA_PAYLOAD_OFFSET` long. */
export function readDataHeader(view: DataView, offset: number, into: DataHeader): void {
  into.flags = view.getUint8(offset + 1);
  into.lane = view.getUint8(offset + 2);
  into.handle = view.getUint32(offset + 8, true);
  into.channel = view.getInt32(offset + 12, true);
  into.number = view.getUint32(offset + 16, true);
  into.sequence = view.getUint32(offset + 20, true);
}

/**
 * Ack, type 0x21: which reliable segments of the header's lane have arrived.
 *
 *      8  u32  handle
 *     12  u32  cumulative   all segments up to and including this one
 *     16  u32  selective    bit i: segment cumulative + 2 + i has arrived too
 *     20  u32  window       bytes of reliable payload that the receiver takes behind `cumulative`, all lanes together
 */
export const ACK_SIZE = 24;

export interface Ack {
  handle: number;
  lane: number;
  cumulative: number;
  selective: number;
  window: number;
}

export function writeAck(view: DataView, offset: number, ack: Ack): void {
  writeFrameHeader(view, offset, FrameType.Ack, 0, ack.lane, ACK_SIZE - HEADER_SIZE);
  view.setUint32(offset + 8, ack.handle, true);
  view.setUint32(offset + 12, ack.cumulative, true);
  view.setUint32(offset + 16, ack.selective, true);
  view.setUint32(offset + 20, ack.window, true);
}

export function readAck(view: DataView, offset: number): Ack {
  return {
    lane: view.getUint8(offset + 2),
    handle: view.getUint32(offset + 8, true),
    cumulative: view.getUint32(offset + 12, true),
    selective: view.getUint32(offset + 16, true),
    window: view.getUint32(offset + 20, true),
  };
}

/**
 * Probe, type 0x22: round-trip and quality between the two ends. Flag 0x01 marks the answer, which repeats `stamp`.
 *
 *      8  u32  handle
 *     12  u32  stamp      the asker's clock in ms, modulo 2^32; opaque to the other end
 *     16  u16  quality    share of frames that arrived in order, 0 to 10000; 65535 unknown
 *     18  u16  jitter     ms; 65535 unknown
 *     20  u16  held       tenths of a ms that an answer has waited for company; absent: it has not
 */
export const PROBE_SIZE = 20;
export const PROBE_HELD_SIZE = 22;
export const PROBE_ANSWER = 0x01;
export const PROBE_UNKNOWN = 0xffff;

export interface Probe {
  handle: number;
  answer: boolean;
  stamp: number;
  quality: number;
  jitter: number;
  /** In tenths of a ms, up to 65535. */
  held?: number;
}

export function probeSize({ held }: Pick<Probe, "held">): number {
  return held === undefined ? PROBE_SIZE : PROBE_HELD_SIZE;
}

export function writeProbe(view: DataView, offset: number, probe: Probe): void {
  const length = probeSize(probe) - HEADER_SIZE;
  writeFrameHeader(view, offset, FrameType.Probe, probe.answer ? PROBE_ANSWER : 0, 0, length);
  view.setUint32(offset + 8, probe.handle, true);
  view.setUint32(offset + 12, probe.stamp, true);
  view.setUint16(offset + 16, probe.quality, true);
  view.setUint16(offset + 18, probe.jitter, true);
  if (probe.held !== undefined) view.setUint16(offset + 20, probe.held, true);
}

export function readProbe(view: DataView, offset: number): Probe {
  const hasHeld = view.getUint32(offset + 4, true) >= PROBE_HELD_SIZE - HEADER_SIZE;
  return {
    handle: view.getUint32(offset + 8, true),
    answer: (view.getUint8(offset + 1) & PROBE_ANSWER) !== 0,
    stamp: view.getUint32(offset + 12, true),
    quality: view.getUint16(offset + 16, true),
    jitter: view.getUint16(offset + 18, true),
    ...(hasHeld && { held: view.getUint16(offset + 20, true) }),
  };
}

/**
 * Multicast, type 0x23, to the relay only: one payload to many connections, relayed as one data frame to each.
 *
 *      8  i32  channel
 *     12  u16  count       1 to 1024
 *     14  u16  reserved
 *     16       count × { u32 handle, u32 number, u32 sequence }
 *              payload
 */
export const MULTICAST_TARGETS_OFFSET = 16;
export const MULTICAST_TARGET_SIZE = 12;

export function multicastPayloadOffset(count: number): number {
  return MULTICAST_TARGETS_OFFSET + count * MULTICAST_TARGET_SIZE;
}

export interface MulticastTarget {
  handle: number;
  number: number;
  sequence: number;
}

/** Writes everything before the payload. Returns the payload's offset. */
export function writeMulticastHeader(
  view: DataView,
  offset: number,
  frame: { flags: number; lane: number; channel: number; targets: readonly MulticastTarget[] },
  payloadLength: number,
): number {
  const payload = multicastPayloadOffset(frame.targets.length);
  writeFrameHeader(view, offset, FrameType.Multicast, frame.flags, frame.lane, payload - HEADER_SIZE + payloadLength);
  view.setInt32(offset + 8, frame.channel, true);
  view.setUint16(offset + 12, frame.targets.length, true);
  view.setUint16(offset + 14, 0, true);
  let at = offset + MULTICAST_TARGETS_OFFSET;
  for (const target of frame.targets) {
    view.setUint32(at, target.handle, true);
    view.setUint32(at + 4, target.number, true);
    view.setUint32(at + 8, target.sequence, true);
    at += MULTICAST_TARGET_SIZE;
  }
  return offset + payload;
}

export function writeFrameHeader(
  view: DataView,
  offset: number,
  type: number,
  flags: number,
  lane: number,
  length: number,
): void {
  view.setUint8(offset, type);
  view.setUint8(offset + 1, flags);
  view.setUint8(offset + 2, lane);
  view.setUint8(offset + 3, 0);
  view.setUint32(offset + 4, length, true);
}
