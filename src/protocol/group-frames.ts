/**
 * Groups: channels of a room that peers join and leave (docs/protocol.md, "Groups"). Their types are from 0x80 on, so that
 * a relay of before passes over them; and they stand apart from the other frames, so that a client without groups does not
 * carry them.
 */
import { writeFrameHeader } from "./data-frames.ts";
import { text8, u32 } from "./fields.ts";
import { type FieldValues, defineFrame } from "./field-frames.ts";
import { FrameType, HEADER_SIZE } from "./frames.ts";
import { MAX_GROUP_NAME } from "./limits.ts";

/** client → relay. The empty name is the room's own group. */
export const JOIN = defineFrame(FrameType.Join, { request: u32, name: text8(MAX_GROUP_NAME) });
/** relay → client, the answer to join: the group's number, the same for all its members. */
export const JOINED = defineFrame(FrameType.Joined, { request: u32, group: u32 });
/** client → relay */
export const LEAVE = defineFrame(FrameType.Leave, { group: u32 });

export type Join = FieldValues<typeof JOIN>;
export type Joined = FieldValues<typeof JOINED>;
export type Leave = FieldValues<typeof LEAVE>;

/**
 * Cast, type 0x93, both ways: a message to a group. The members get the bytes that the sender sent, but for its name.
 *
 *      8  u32  group
 *     12  u32  number    message number of this sender in this group, from 1
 *     16  u64  sender    written by the relay, whatever the client wrote
 *     24       payload
 */
export const CAST_GROUP_OFFSET = 8;
export const CAST_SENDER_OFFSET = 16;
export const CAST_PAYLOAD_OFFSET = 24;

export interface CastHeader {
  readonly group: number;
  readonly number: number;
  readonly sender: bigint;
}

/** Writes everything before the payload. Returns the payload's offset. */
export function writeCastHeader(
  view: DataView,
  offset: number,
  { group, number, sender }: CastHeader,
  payloadLength: number,
): number {
  writeFrameHeader(view, offset, FrameType.Cast, 0, 0, CAST_PAYLOAD_OFFSET - HEADER_SIZE + payloadLength);
  view.setUint32(offset + CAST_GROUP_OFFSET, group, true);
  view.setUint32(offset + 12, number, true);
  view.setBigUint64(offset + CAST_SENDER_OFFSET, sender, true);
  return offset + CAST_PAYLOAD_OFFSET;
}

/** The frame must be at least `CAST_PAYLOAD_OFFSET` long. */
export function readCastHeader(view: DataView, offset: number): CastHeader {
  return {
    group: view.getUint32(offset + CAST_GROUP_OFFSET, true),
    number: view.getUint32(offset + 12, true),
    sender: view.getBigUint64(offset + CAST_SENDER_OFFSET, true),
  };
}
