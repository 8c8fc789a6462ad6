/** From an inbound message to the rule for each of its frames (rules P1 to P10, E1 to E3). */
import {
  ATTEND,
  CloseCode,
  FIRST_IGNORABLE_TYPE,
  FrameType,
  JOIN,
  LEAVE,
  decodeControl,
  decodeFrame,
  frameEnd,
  isControlType,
} from "../protocol/index.ts";
import { credit } from "./flow/flow-control.ts";
import { type Inbound, forwardData, forwardMulticast, forwardSignal } from "./forwarding.ts";
import { forwardToGroup, joinGroup, leaveGroup } from "./groups/groups.ts";
import { attendHosting } from "./hosting/hosting.ts";
import { chargeMessage } from "./limits/limiting.ts";
import type { Link } from "./sessions/link.ts";
import { accept, close, connect, refuseConnection } from "./negotiation.ts";
import { Charge } from "./limits/rates.ts";
import { paced } from "./pacing/pacing.ts";
import { noteQuality } from "./quality.ts";
import type { RoomState } from "./room-state.ts";
import { hello } from "./sessions/hello.ts";
import { loseSocket } from "./sessions/sessions.ts";
import { BATCH_LIMIT } from "./settings.ts";
import { closeLink, refuse } from "./telling.ts";

/** Reads a batch in place, frame by frame, until it ends or one of them has ended the session. */
export function readMessage(room: RoomState, link: Link, bytes: Uint8Array, now: number): void {
  if (bytes.length === 0) return refuse(room, link, "malformed_frame", { frame: 0 }, "the message is empty");
  if (bytes.length > BATCH_LIMIT) {
    const message = `message of ${bytes.length} bytes is above the limit of ${BATCH_LIMIT}; send smaller batches`;
    return refuse(room, link, "batch_too_large", { frame: 0 }, message);
  }
  const charge = chargeMessage(room, link, bytes.length, now);
  if (charge === Charge.Far) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isBeyondRate = charge !== Charge.Within;
  const inbound: Inbound = { bytes, view, now, copied: 0, hasData: false, isBeyondRate, isTold: false };
  for (let offset = 0; offset < view.byteLength && link.state !== "over";) {
    const end = frameEnd(view, offset);
    if (end < 0) {
      const message = `the batch ends inside the frame that begins at byte ${offset}`;
      return refuse(room, link, "truncated_batch", { frame: view.getUint8(offset) }, message);
    }
    readFrame(room, link, inbound, offset, end);
    offset = end;
  }
  if (inbound.hasData && link.isOpen) paced(room, link, now);
}

/** Text has no place in the protocol but the keep-alive, which the platform answers by itself. */
export function refuseText(room: RoomState, link: Link): void {
  const message = "frames travel in binary messages; text is for ping only";
  refuse(room, link, "text_message", { frame: 0 }, message);
}

function readFrame(room: RoomState, link: Link, inbound: Inbound, offset: number, end: number): void {
  const type = inbound.view.getUint8(offset);
  if (!link.isOpen && type !== FrameType.Hello) {
    return refuse(room, link, "hello_expected", { frame: type }, "the first frame of a socket must be hello");
  }
  switch (type) {
    case FrameType.Data:
      inbound.hasData = true;
      return forwardData(room, link, inbound, offset, end);
    case FrameType.Ack:
    case FrameType.Probe:
      return forwardSignal(room, link, inbound, offset, end, type);
    case FrameType.Multicast:
      inbound.hasData = true;
      return forwardMulticast(room, link, inbound, offset, end);
    case FrameType.Quality:
      return readControl(room, link, inbound, offset, type);
    case FrameType.Cast:
      inbound.hasData = true;
      return forwardToGroup(room, link, inbound, offset, end);
    case FrameType.Join:
    case FrameType.Leave:
    case FrameType.Attend:
      return readAsked(room, link, inbound, offset, type);
    default:
      if (type < FIRST_IGNORABLE_TYPE) readControl(room, link, inbound, offset, type);
  }
}

/** What only clients send that want groups, or a host. */
function readAsked(room: RoomState, link: Link, { view, now }: Inbound, offset: number, type: number): void {
  if (type === FrameType.Join) {
    const values = decodeFrame(JOIN, view, offset);
    if (values) return joinGroup(room, link, values, now);
  } else if (type === FrameType.Leave) {
    const values = decodeFrame(LEAVE, view, offset);
    if (values) return leaveGroup(room, link, values.group);
  } else {
    const values = decodeFrame(ATTEND, view, offset);
    if (values) return attendHosting(room, link, values.role, now);
  }
  refuseUnread(room, link, type);
}

function refuseUnread(room: RoomState, link: Link, type: number): void {
  refuse(room, link, "malformed_frame", { frame: type }, `the fields of frame type ${type} do not parse`);
}

function readControl(room: RoomState, link: Link, inbound: Inbound, offset: number, type: number): void {
  const { view, now } = inbound;
  if (!isControlType(type)) {
    return refuse(room, link, "unknown_frame", { frame: type }, `frame type ${type} is unknown to this relay`);
  }
  const control = decodeControl(view, offset);
  if (!control) return refuseUnread(room, link, type);
  switch (control.frame) {
    case "hello":
      if (!link.isOpen) return hello(room, link, control.values, now);
      return refuse(room, link, "hello_repeated", { frame: type }, "hello was already said on this socket");
    case "connect":
      return connect(room, link, control.values, now);
    case "accept":
      return accept(room, link, control.values.handle, now);
    case "refuse":
      return refuseConnection(room, link, control.values);
    case "close":
      return close(room, link, control.values, control.flags, now);
    case "bye":
      closeLink(room, link, CloseCode.Normal, "bye");
      return loseSocket(room, link, now, "bye", true);
    case "credit":
      if (credit(room, link, control.values.mark, now)) return;
      return refuse(room, link, "unknown_mark", { frame: type }, "this mark is not waited for");
    case "quality":
      return noteQuality(room, link, control.values, now);
    default: {
      const message = `${control.frame} is sent by the relay, never to it`;
      return refuse(room, link, "unexpected_frame", { frame: type }, message);
    }
  }
}
