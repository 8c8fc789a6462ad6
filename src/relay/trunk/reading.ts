/** From a message of another room to the rule for each of its frames (rules X3, X9). */
import {
  ACK_SIZE,
  ConnectionState,
  DATA_PAYLOAD_OFFSET,
  FrameType,
  HANDLE_OFFSET,
  PROBE_SIZE,
  type PeerId,
  decodeControl,
  encodeControl,
  frameEnd,
} from "../../protocol/index.ts";
import type { ConnectionRecord } from "../connection.ts";
import { credit, sendData, sendPart } from "../flow/flow-control.ts";
import { type RoomState, drop } from "../room-state.ts";
import type { Link } from "../sessions/link.ts";
import { heardBring, heardMissed, heardYield, heardYielded } from "../shards/adopting.ts";
import { heardUnclaimed } from "../shards/claiming.ts";
import { heardClaim, heardTook } from "../shards/yielding.ts";
import { type TrunkFrame, decodeTrunk } from "./frames.ts";
import { heardConnected, heardEnd, heardGone, heardOpen, heardPath, sayGone } from "./hearing.ts";
import { heardHalf, heardList, heardListed } from "./listing.ts";
import { heardRest, heardRested } from "./resting.ts";
import type { Trunk } from "./trunk.ts";

interface Message {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly now: number;
  /** Halves that are not here any more, and that it has said so of. */
  readonly unknown: Set<number>;
}

/** The bytes are the rules' own: handles are written over in them. */
export function readTrunk(room: RoomState, link: Link, trunk: Trunk, bytes: Uint8Array, now: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const message = { bytes, view, now, unknown: new Set<number>() };
  for (let offset = 0; offset < view.byteLength && link.state !== "over";) {
    const end = frameEnd(view, offset);
    if (end < 0) throw new Error(`Cannot read a trunk message: it ends inside the frame at byte ${offset}`);
    readFrame(room, link, trunk, message, offset, end);
    offset = end;
  }
}

function readFrame(room: RoomState, link: Link, trunk: Trunk, message: Message, offset: number, end: number): void {
  switch (message.view.getUint8(offset)) {
    case FrameType.Data:
      return readData(room, trunk, message, offset, end);
    case FrameType.Ack:
      return readSignal(room, trunk, message, offset, end, ACK_SIZE);
    case FrameType.Probe:
      return readSignal(room, trunk, message, offset, end, PROBE_SIZE);
    default:
      return readControl(room, link, trunk, message, offset);
  }
}

function readData(room: RoomState, trunk: Trunk, message: Message, offset: number, end: number): void {
  if (end - offset < DATA_PAYLOAD_OFFSET) return;
  const half = halfOf(room, trunk, message, offset);
  if (!half) return drop(room, "unknown_handle");
  if (half.state !== ConnectionState.Connected) return drop(room, "not_connected");
  const target = linkOfNearEnd(room, half);
  if (!target) return drop(room, "peer_away");
  const size = end - offset - DATA_PAYLOAD_OFFSET;
  sendData(room, target, message.bytes, offset, end, half, size, message.now);
}

function readSignal(
  room: RoomState,
  trunk: Trunk,
  { bytes, view }: Message,
  offset: number,
  end: number,
  size: number,
): void {
  if (end - offset < size) return;
  const half = trunk.byFarHandle.get(view.getUint32(offset + HANDLE_OFFSET, true));
  if (!half || half.state === ConnectionState.Connecting) return;
  view.setUint32(offset + HANDLE_OFFSET, half.handle, true);
  const target = linkOfNearEnd(room, half);
  if (target) sendPart(room, target, bytes, offset, end);
}

/** The half that a data frame is for, whose handle the frame has afterwards. */
function halfOf(
  room: RoomState,
  trunk: Trunk,
  { view, unknown }: Message,
  offset: number,
): ConnectionRecord | undefined {
  const farHandle = view.getUint32(offset + HANDLE_OFFSET, true);
  const half = trunk.byFarHandle.get(farHandle);
  if (half) {
    view.setUint32(offset + HANDLE_OFFSET, half.handle, true);
    return half;
  }
  if (!unknown.has(farHandle)) sayGone(room, trunk, farHandle, farHandle); // shards have one for both halves
  unknown.add(farHandle);
  return undefined;
}

/** As ends.ts finds the ends of others: by the session that the half remembers. */
function linkOfNearEnd(room: RoomState, half: ConnectionRecord): Link | undefined {
  const isFrom = half.farPeer !== half.fromPeerId;
  const link = (isFrom ? half.fromSession : half.toSession)?.link;
  if (link) return link;
  const found = room.sessions.get(isFrom ? half.fromPeerId : half.toPeerId);
  if (isFrom) half.fromSession = found;
  else half.toSession = found;
  return found?.link;
}

function readControl(room: RoomState, link: Link, trunk: Trunk, { view, now }: Message, offset: number): void {
  const frame = decodeTrunk(view, offset);
  if (!frame) return readShared(room, link, trunk, view, offset, now);
  switch (frame.frame) {
    case "list":
      return heardList(room, link, trunk, frame.values.version);
    case "half":
      return heardHalf(room, trunk, frame.values, frame.flags);
    case "listed":
      return heardListed(room, link, trunk);
    case "open":
      return heardOpen(room, trunk, frame.values, frame.flags);
    case "connected":
      return heardConnected(room, trunk, frame.values);
    case "gone":
      return heardGone(room, trunk, frame.values, frame.flags);
    case "end":
      return heardEnd(room, trunk, frame.values, frame.flags);
    case "rest":
      return heardRest(room, link, trunk);
    case "rested":
      return heardRested(room, link, trunk);
    default:
      return readMove(room, trunk, frame);
  }
}

/** A session that moves from one shard to another. */
function readMove(room: RoomState, trunk: Trunk, frame: TrunkFrame): void {
  switch (frame.frame) {
    case "claim":
      return heardClaim(room, trunk, frame.values);
    case "unclaimed":
      return heardUnclaimed(room, trunk, frame.values.peer as PeerId, frame.values.session);
    case "yield":
      return heardYield(trunk, frame.values);
    case "missed":
      return heardMissed(room, trunk, frame.values);
    case "bring":
      return heardBring(trunk, frame.values);
    case "yielded":
      return heardYielded(room, trunk, frame.values.peer as PeerId, frame.values.session);
    case "took":
      return heardTook(room, trunk, frame.values);
  }
}

/** Frames that clients know too. */
function readShared(room: RoomState, link: Link, trunk: Trunk, view: DataView, offset: number, now: number): void {
  const frame = decodeControl(view, offset);
  switch (frame?.frame) {
    case "mark":
      // Not behind a backlog: two rooms that both wait for credit would wait for ever.
      return room.outbox.addNow(link, encodeControl("credit", frame.values));
    case "credit":
      return void credit(room, link, frame.values.mark, now); // one that is unknown was lost in an eviction
    case "path":
      return heardPath(room, trunk, frame.values.handle, frame.values.path, frame.flags);
    default:
      return; // a later release may say more
  }
}
