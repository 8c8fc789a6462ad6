/**
 * The hot path: data, acks and probes from one end of a connection to the other (rules D1 to D7).
 * Fixed offsets, one map lookup by number, bytes handed on as they are: no object, promise or string per frame.
 */
import {
  ACK_SIZE,
  ConnectionState,
  DATA_PAYLOAD_OFFSET,
  FrameType,
  HANDLE_OFFSET,
  MAX_MULTICAST,
  MAX_MULTICAST_BYTES,
  MULTICAST_TARGETS_OFFSET,
  MULTICAST_TARGET_SIZE,
  PROBE_SIZE,
  multicastPayloadOffset,
  patchDataHeader,
  writeDataHeader,
} from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";
import { isEnd, linkOfOtherEnd } from "./ends.ts";
import { sendData, sendPart } from "./flow/flow-control.ts";
import { type Charged, isDropped, isWithinConnection } from "./limits/limiting.ts";
import type { Link } from "./sessions/link.ts";
import { type RoomState, drop, dropTimes } from "./room-state.ts";
import { refuse } from "./telling.ts";

/** One inbound message while it is being read. */
export interface Inbound extends Charged {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly now: number;
  /** What its multicasts have made of copies so far, in bytes. */
  copied: number;
  /** It carries data, and so is (part of) a tick of its sender (rule T2). */
  hasData: boolean;
}

/** Acks and probes may grow by a few fields in later revisions, never into a way past the payload limit. */
const MAX_SIGNAL = 64;

export function forwardData(room: RoomState, link: Link, inbound: Inbound, offset: number, end: number): void {
  if (end - offset < DATA_PAYLOAD_OFFSET) return refuseShort(room, link, FrameType.Data);
  const size = end - offset - DATA_PAYLOAD_OFFSET;
  const handle = inbound.view.getUint32(offset + HANDLE_OFFSET, true);
  if (size > room.settings.maxPayload) return refuseSize(room, link, FrameType.Data, handle, size);
  if (isDropped(room, link, inbound, offset, 1)) return;
  const connection = connectionForData(room, link, handle, FrameType.Data);
  if (!connection) return;
  if (!isWithinConnection(room, link, connection, inbound, offset, size)) return;
  deliver(room, link, connection, inbound.bytes, offset, end, size, inbound.now);
}

/** Acks and probes: forwarded like data, not counted as packets, and still wanted while Disconnecting. */
export function forwardSignal(
  room: RoomState,
  link: Link,
  inbound: Inbound,
  offset: number,
  end: number,
  type: typeof FrameType.Ack | typeof FrameType.Probe,
): void {
  if (end - offset < (type === FrameType.Ack ? ACK_SIZE : PROBE_SIZE)) return refuseShort(room, link, type);
  if (end - offset > MAX_SIGNAL) return refuseLong(room, link, type);
  const handle = inbound.view.getUint32(offset + HANDLE_OFFSET, true);
  const connection = ownConnection(room, link, handle);
  if (!connection) return refuseHandle(room, link, type, handle);
  if (connection.state === ConnectionState.Connecting) return refuseUnconnected(room, link, type, handle);
  const target = linkOfOtherEnd(room, connection, link);
  if (target) sendPart(room, target, inbound.bytes, offset, end);
}

/** One payload to many connections: each target gets the data frame it would have got from one of its own. */
export function forwardMulticast(room: RoomState, link: Link, inbound: Inbound, offset: number, end: number): void {
  const { view } = inbound;
  if (end - offset < MULTICAST_TARGETS_OFFSET) return refuseShort(room, link, FrameType.Multicast);
  const count = view.getUint16(offset + 12, true);
  const payload = offset + multicastPayloadOffset(count);
  if (payload > end) return refuseShort(room, link, FrameType.Multicast);
  if (count === 0 || count > MAX_MULTICAST) {
    const message = `a multicast of ${count} targets is out of range; use 1 to ${MAX_MULTICAST}`;
    return refuse(room, link, "invalid_argument", { frame: FrameType.Multicast }, message);
  }
  const size = end - payload;
  if (size > room.settings.maxPayload) return refuseSize(room, link, FrameType.Multicast, 0, size, count);
  if (isDropped(room, link, inbound, offset, count)) return;
  const copies = (DATA_PAYLOAD_OFFSET + size) * count;
  if (inbound.copied + copies > MAX_MULTICAST_BYTES) return refuseAmplification(room, link, size, count);
  inbound.copied += copies;
  const frames = framesOfMulticast(inbound, offset, payload, end, count);
  const stride = DATA_PAYLOAD_OFFSET + size;
  for (let i = 0; i < count; i++) {
    const handle = view.getUint32(offset + MULTICAST_TARGETS_OFFSET + i * MULTICAST_TARGET_SIZE, true);
    const connection = connectionForData(room, link, handle, FrameType.Multicast);
    if (!connection) continue;
    if (!isWithinConnection(room, link, connection, inbound, offset, size)) continue;
    deliver(room, link, connection, frames, i * stride, (i + 1) * stride, size, inbound.now);
  }
}

/** The data frames of all targets, back to back in one buffer: the payload is copied once for each, by one call. */
function framesOfMulticast(
  { bytes, view }: Inbound,
  offset: number,
  payload: number,
  end: number,
  count: number,
): Uint8Array {
  const size = end - payload;
  const stride = DATA_PAYLOAD_OFFSET + size;
  const frames = new Uint8Array(count * stride);
  const into = new DataView(frames.buffer);
  const channel = view.getInt32(offset + 8, true);
  const [flags, lane] = [view.getUint8(offset + 1), view.getUint8(offset + 2)];
  writeDataHeader(into, 0, { flags, lane, channel, handle: 0, number: 0, sequence: 0 }, size);
  frames.set(bytes.subarray(payload, end), DATA_PAYLOAD_OFFSET);
  let target = offset + MULTICAST_TARGETS_OFFSET;
  for (let at = 0; at < frames.length; at += stride, target += MULTICAST_TARGET_SIZE) {
    if (at > 0) frames.copyWithin(at, 0, stride);
    patchDataHeader(into, at, view, target);
  }
  return frames;
}

function deliver(
  room: RoomState,
  link: Link,
  connection: P2PConnection,
  source: Uint8Array,
  start: number,
  end: number,
  size: number,
  now: number,
): void {
  const target = linkOfOtherEnd(room, connection, link);
  if (!target) return drop(room, "peer_away");
  sendData(room, target, source, start, end, connection, size, now);
}

function ownConnection(room: RoomState, link: Link, handle: number): P2PConnection | undefined {
  const connection = room.manager.getConnectionByHandle(handle);
  return connection && isEnd(connection, link) ? connection : undefined;
}

function connectionForData(room: RoomState, link: Link, handle: number, frame: number): P2PConnection | undefined {
  const connection = ownConnection(room, link, handle);
  if (!connection) {
    drop(room, "unknown_handle");
    refuseHandle(room, link, frame, handle);
    return undefined;
  }
  if (connection.state === ConnectionState.Connected) return connection;
  drop(room, "not_connected");
  refuseUnconnected(room, link, frame, handle);
  return undefined;
}

export function refuseHandle(room: RoomState, link: Link, frame: number, handle: number): void {
  const message = `handle ${handle} names no open connection of this session; it may have been closed`;
  refuse(room, link, "unknown_handle", { frame, about: handle }, message);
}

function refuseUnconnected(room: RoomState, link: Link, frame: number, handle: number): void {
  const message = `connection ${handle} is not connected; wait for its state frame before sending`;
  refuse(room, link, "not_connected", { frame, about: handle }, message);
}

export function refuseShort(room: RoomState, link: Link, frame: number): void {
  refuse(room, link, "malformed_frame", { frame }, "the frame's length is too small for its fixed fields");
}

function refuseLong(room: RoomState, link: Link, frame: number): void {
  refuse(room, link, "malformed_frame", { frame }, `an ack or probe has at most ${MAX_SIGNAL} bytes`);
}

/** `about`: handle or group. */
export function refuseSize(room: RoomState, link: Link, frame: number, about: number, size: number, copies = 1): void {
  dropTimes(room, "payload_too_large", copies);
  const message = `payload of ${size} bytes is above the limit of ${room.settings.maxPayload}; split it`;
  refuse(room, link, "payload_too_large", { frame, about }, message);
}

/** Without this bound, one message of half a megabyte could make the relay hold half a gigabyte of copies. */
function refuseAmplification(room: RoomState, link: Link, size: number, count: number): void {
  dropTimes(room, "payload_too_large", count);
  const message = `${size} bytes to ${count} targets exceed the ${MAX_MULTICAST_BYTES} bytes that one message may multicast`;
  refuse(room, link, "payload_too_large", { frame: FrameType.Multicast }, message);
}
