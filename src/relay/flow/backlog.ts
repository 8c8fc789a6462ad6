import { DataFlag, FrameType, CAST_GROUP_OFFSET, HANDLE_OFFSET } from "../../protocol/index.ts";
import type { P2PConnection } from "../connection.ts";

/** What a held frame costs beside its bytes: objects, and the rounding of the platform's allocator. */
const OVERHEAD = 128;
const LANE_OFFSET = 2;
const LANES_PER_CONNECTION = 256;
/** Behind the lanes of all connections. */
const GROUP_LANES = 2 ** 32 * LANES_PER_CONNECTION;

/** Data of one connection, or to a group (then there is none), so that it is counted when it has been handed on, and not before (rule D5). */
export interface HeldData {
  readonly connection: P2PConnection | undefined;
  /** Payload bytes. */
  readonly size: number;
}

export interface HeldFrame {
  /** Of a dropped one they are not its own any more. */
  bytes: Uint8Array;
  readonly data: HeldData | undefined;
  /** The connection it belongs to; 0 for messages to groups and control frames. */
  readonly handle: number;
  /** Not a control frame: those are never dropped. */
  readonly isDroppable: boolean;
  readonly isUnreliable: boolean;
  /** Which lane of which connection, or which group; meaningful for unreliable data only. */
  readonly laneKey: number;
  older: HeldFrame | undefined;
  younger: HeldFrame | undefined;
  /** The next younger unreliable frame of its lane. */
  youngerInLane: HeldFrame | undefined;
}

interface LaneQueue {
  oldest: HeldFrame;
  youngest: HeldFrame;
}

/** What became of the connections whose frames waited here: their senders are told when it is over (rule F3). */
export interface SenderState {
  isTold: boolean;
  hasLost: boolean;
}

/**
 * Frames for a peer that does not take in what it is sent, oldest first. When they grow above the limit the oldest
 * unreliable one of the lane that wants in makes room, then the oldest unreliable one of all (rule F2): what is new is worth
 * more than what is stale, and no lane can push out another while it has something of its own to give.
 * Every step is O(1), or amortised so: a flood must not make the relay walk lists.
 */
export class Backlog {
  /** ms since when frames wait, or since the last credit; -1 until the turn that began it ends. */
  since = -1;
  /** By handle. */
  readonly senders = new Map<number, SenderState>();
  #bytes = 0;
  #oldest: HeldFrame | undefined;
  #youngest: HeldFrame | undefined;
  /** Everything older than this is not unreliable: where the search for the oldest unreliable frame goes on. */
  #candidate: HeldFrame | undefined;
  readonly #lanes = new Map<number, LaneQueue>();

  /** What is held, with overhead. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The frame that leaves next. */
  get oldest(): HeldFrame | undefined {
    return this.#oldest;
  }

  /**
   * Adds a frame, whose bytes it copies: they may be a few of a large message. `room`: bytes that may be held here.
   * Returns what was dropped for it, perhaps itself. Control frames always get in.
   */
  hold(bytes: Uint8Array, data: HeldData | undefined, room: number): HeldFrame[] {
    const frame = describe(bytes, data);
    const dropped: HeldFrame[] = [];
    let spare: Uint8Array | undefined;
    while (frame.isDroppable && this.#oldest && this.#bytes + costOf(frame) > room) {
      const victim = this.#oldestOfLane(frame) ?? this.#oldestUnreliable();
      dropped.push(victim ?? frame);
      if (!victim) return dropped;
      this.#remove(victim);
      if (victim.bytes.length === bytes.length) spare = victim.bytes;
    }
    // A flood of equal frames, each of which replaces the last, allocates nothing.
    if (spare) spare.set(bytes);
    frame.bytes = spare ?? bytes.slice();
    this.#append(frame);
    return dropped;
  }

  /** Takes the oldest frame out. */
  shift(): HeldFrame | undefined {
    const frame = this.#oldest;
    if (frame) this.#remove(frame);
    return frame;
  }

  sender(handle: number): SenderState {
    let state = this.senders.get(handle);
    if (!state) this.senders.set(handle, (state = { isTold: false, hasLost: false }));
    return state;
  }

  #append(frame: HeldFrame): void {
    frame.older = this.#youngest;
    if (this.#youngest) this.#youngest.younger = frame;
    this.#youngest = frame;
    this.#oldest ??= frame;
    this.#bytes += costOf(frame);
    if (!frame.isUnreliable) return;
    this.#candidate ??= frame;
    const lane = this.#lanes.get(frame.laneKey);
    if (!lane) this.#lanes.set(frame.laneKey, { oldest: frame, youngest: frame });
    else lane.youngest = lane.youngest.youngerInLane = frame;
  }

  #oldestOfLane(frame: HeldFrame): HeldFrame | undefined {
    return frame.isUnreliable ? this.#lanes.get(frame.laneKey)?.oldest : undefined;
  }

  #oldestUnreliable(): HeldFrame | undefined {
    while (this.#candidate && !this.#candidate.isUnreliable) this.#candidate = this.#candidate.younger;
    return this.#candidate;
  }

  /** The oldest of all, or the oldest of its lane. */
  #remove(frame: HeldFrame): void {
    const { older, younger } = frame;
    if (older) older.younger = younger;
    else this.#oldest = younger;
    if (younger) younger.older = older;
    else this.#youngest = older;
    if (this.#candidate === frame) this.#candidate = younger;
    this.#bytes -= costOf(frame);
    const lane = frame.isUnreliable ? this.#lanes.get(frame.laneKey) : undefined;
    if (lane && frame.youngerInLane) lane.oldest = frame.youngerInLane;
    else if (lane) this.#lanes.delete(frame.laneKey);
    // A removed frame that has grown old in the collector would keep all that came after it from being collected young.
    frame.older = frame.younger = frame.youngerInLane = undefined;
  }
}

function costOf({ bytes }: HeldFrame): number {
  return bytes.length + OVERHEAD;
}

function describe(bytes: Uint8Array, data: HeldData | undefined): HeldFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint8(0);
  const isEndToEnd = type === FrameType.Data || type === FrameType.Ack || type === FrameType.Probe;
  const isOfGroup = type === FrameType.Cast;
  const handle = isEndToEnd ? view.getUint32(HANDLE_OFFSET, true) : 0;
  return {
    bytes,
    data,
    handle,
    isDroppable: isEndToEnd || isOfGroup,
    isUnreliable: isOfGroup || (type === FrameType.Data && (view.getUint8(1) & DataFlag.Reliable) === 0),
    laneKey: isOfGroup
      ? GROUP_LANES + view.getUint32(CAST_GROUP_OFFSET, true)
      : handle * LANES_PER_CONNECTION + view.getUint8(LANE_OFFSET),
    older: undefined,
    younger: undefined,
    youngerInLane: undefined,
  };
}
