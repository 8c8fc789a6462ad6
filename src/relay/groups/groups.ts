/** Joining and leaving groups, and what is sent to them (rules G1 to G9). */
import {
  FrameType,
  JOINED,
  CAST_GROUP_OFFSET,
  CAST_PAYLOAD_OFFSET,
  CAST_SENDER_OFFSET,
  type Join,
  MAX_MULTICAST_BYTES,
  encodeFrame,
} from "../../protocol/index.ts";
import { send, sendToMember } from "../flow/flow-control.ts";
import { type Inbound, refuseShort, refuseSize } from "../forwarding.ts";
import { mayAsk, tellOnce } from "../limits/limiting.ts";
import { type RoomState, dropTimes } from "../room-state.ts";
import type { Link } from "../sessions/link.ts";
import { refuse } from "../telling.ts";
import type { Group } from "./group.ts";

export function joinGroup(room: RoomState, link: Link, { request, name }: Join, now: number): void {
  const { groups, settings } = room;
  const offending = { frame: FrameType.Join, about: request };
  if (!mayAsk(room, link, offending, now)) return;
  const known = [...(link.groups?.values() ?? [])].find((group) => group.name === name);
  if (!known && (link.groups?.size ?? 0) >= settings.maxGroupsPerPeer) {
    const message = `a peer may be in ${settings.maxGroupsPerPeer} groups here; leave another one first`;
    return refuse(room, link, "too_many_groups", offending, message);
  }
  if (!known && groups.sizeOf(name) >= settings.maxGroupMembers) {
    const message = `the group has ${settings.maxGroupMembers} members, which is the limit; try again later`;
    return refuse(room, link, "group_full", offending, message);
  }
  const group = known ?? groups.join(link, name);
  if (!known) link.save(); // before it is told
  send(room, link, encodeFrame(JOINED, { request, group: group.id }));
}

export function leaveGroup(room: RoomState, link: Link, id: number): void {
  const group = link.groups?.get(id);
  if (!group) return refuseGroup(room, link, FrameType.Leave, id);
  room.groups.leave(link, group);
  link.save();
}

/** To every other member the bytes that came in, with the sender written into them: nothing is copied here, or made. */
export function forwardToGroup(room: RoomState, link: Link, inbound: Inbound, offset: number, end: number): void {
  if (end - offset < CAST_PAYLOAD_OFFSET) return refuseShort(room, link, FrameType.Cast);
  const { view, bytes } = inbound;
  const id = view.getUint32(offset + CAST_GROUP_OFFSET, true);
  const group = link.groups?.get(id);
  if (!group) {
    dropTimes(room, "unknown_group", 1);
    return refuseGroup(room, link, FrameType.Cast, id);
  }
  const size = end - offset - CAST_PAYLOAD_OFFSET;
  if (!mayPass(room, link, group, inbound, size)) return;
  view.setBigUint64(offset + CAST_SENDER_OFFSET, link.peer, true);
  for (const member of group.members) if (member !== link) sendToMember(room, member, bytes, offset, end, size);
}

/** One frame in is many out, and it is the sender who pays for them (G6). */
function mayPass(room: RoomState, link: Link, { id, members }: Group, inbound: Inbound, size: number): boolean {
  const copies = members.size - 1;
  if (size > room.settings.maxPayload) {
    refuseSize(room, link, FrameType.Cast, id, size, copies);
    return false;
  }
  inbound.copied += (CAST_PAYLOAD_OFFSET + size) * copies;
  if (inbound.copied > MAX_MULTICAST_BYTES) {
    dropTimes(room, "payload_too_large", copies);
    const message = `${size} bytes to ${copies} members exceed the ${MAX_MULTICAST_BYTES} bytes that one message may multicast`;
    refuse(room, link, "payload_too_large", { frame: FrameType.Cast, about: id }, message);
    return false;
  }
  if (!inbound.isBeyondRate && link.rates.takeCopies(copies, inbound.now)) return true;
  dropTimes(room, "rate_limited", copies);
  const { messagesPerSecond, groupCopiesPerSecond } = link.rates.limits;
  const message = `more than ${messagesPerSecond} messages a second, or ${groupCopiesPerSecond} copies to members of groups`;
  tellOnce(room, link, inbound, { frame: FrameType.Cast, about: id }, message);
  return false;
}

function refuseGroup(room: RoomState, link: Link, frame: number, id: number): void {
  refuse(room, link, "unknown_group", { frame, about: id }, `this socket is in no group ${id}; join it first`);
}
