import {
  DATA_PAYLOAD_OFFSET,
  FrameType,
  HANDLE_OFFSET,
  MAX_MULTICAST,
  type MulticastTarget,
  frameEnd,
  multicastPayloadOffset,
  writeMulticastHeader,
} from "../../protocol/index.ts";

/** A frame of the batch, which others that are the same to other connections may have joined. */
interface Slot {
  readonly start: number;
  readonly end: number;
  /** Of data frames, itself included. */
  readonly targets: MulticastTarget[];
}

/** Where each differs from a copy of itself to another connection: handle, number, sequence. */
const CHANNEL_OFFSET = 12;
const NUMBER_OFFSET = 16;
const SEQUENCE_OFFSET = 20;

/**
 * The same batch with equal data frames put together into multicasts, each where the first of them stood. A frame moves
 * forward only, and never past another one of its connection: so each connection's data stays in order, and nothing
 * arrives behind a probe that it was to arrive before.
 */
export function fold(batch: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  const slots: Slot[] = [];
  const alike = new Map<number, Slot[]>();
  /** By handle: where its newest data frame has gone. */
  const newest = new Map<number, number>();
  const places = new Map<Slot, number>();
  let size = 0;
  for (let start = 0, end = 0; start < batch.length; start = end) {
    end = frameEnd(view, start);
    if (view.getUint8(start) !== FrameType.Data) {
      slots.push({ start, end, targets: [] });
      size += end - start;
      continue;
    }
    const target = targetOf(view, start);
    const found = candidates(alike, hashOf(view, start, end));
    const joined = found.find(
      (slot) => mayJoin(slot, places.get(slot), newest.get(target.handle)) && isAlike(view, slot, start, end),
    );
    const slot = joined ?? { start, end, targets: [] };
    if (!joined) {
      places.set(slot, slots.length);
      found.push(slot);
      slots.push(slot);
    }
    size -= sizeOf(slot);
    slot.targets.push(target);
    size += sizeOf(slot);
    newest.set(target.handle, places.get(slot) ?? 0);
  }
  return size === batch.length ? batch : assembled(batch, slots, size);
}

function mayJoin({ targets }: Slot, place = 0, newest = -1): boolean {
  return place > newest && targets.length < MAX_MULTICAST;
}

function candidates(alike: Map<number, Slot[]>, hash: number): Slot[] {
  let found = alike.get(hash);
  if (!found) alike.set(hash, (found = []));
  return found;
}

function targetOf(view: DataView, at: number): MulticastTarget {
  return {
    handle: view.getUint32(at + HANDLE_OFFSET, true),
    number: view.getUint32(at + NUMBER_OFFSET, true),
    sequence: view.getUint32(at + SEQUENCE_OFFSET, true),
  };
}

/** Of length, flags, lane, channel and a few bytes of the payload: what differs should differ here, and mostly does. */
function hashOf(view: DataView, start: number, end: number): number {
  let hash =
    Math.imul(view.getUint32(start, true) ^ (end - start), 0x9e37_79b1) ^ view.getInt32(start + CHANNEL_OFFSET, true);
  const step = Math.max(1, (end - start - DATA_PAYLOAD_OFFSET) >> 3);
  for (let at = start + DATA_PAYLOAD_OFFSET; at < end; at += step)
    hash = Math.imul(hash ^ view.getUint8(at), 0x0100_0193);
  return hash;
}

function isAlike(view: DataView, slot: Slot, start: number, end: number): boolean {
  if (end - start !== slot.end - slot.start) return false;
  if (view.getUint32(start, true) !== view.getUint32(slot.start, true)) return false; // type, flags, lane
  if (view.getInt32(start + CHANNEL_OFFSET, true) !== view.getInt32(slot.start + CHANNEL_OFFSET, true)) return false;
  for (let at = DATA_PAYLOAD_OFFSET; at < end - start; at++) {
    if (view.getUint8(start + at) !== view.getUint8(slot.start + at)) return false;
  }
  return true;
}

/** What the slot takes in the new batch; nothing while it has no target. */
function sizeOf({ start, end, targets }: Slot): number {
  if (targets.length < 2) return targets.length * (end - start);
  return multicastPayloadOffset(targets.length) + end - start - DATA_PAYLOAD_OFFSET;
}

function assembled(batch: Uint8Array<ArrayBuffer>, slots: readonly Slot[], size: number): Uint8Array<ArrayBuffer> {
  const folded = new Uint8Array(size);
  const [from, into] = [new DataView(batch.buffer, batch.byteOffset), new DataView(folded.buffer)];
  let at = 0;
  for (const { start, end, targets } of slots) {
    if (targets.length < 2) {
      folded.set(batch.subarray(start, end), at);
      at += end - start;
      continue;
    }
    const payload = batch.subarray(start + DATA_PAYLOAD_OFFSET, end);
    const [flags, lane] = [from.getUint8(start + 1), from.getUint8(start + 2)];
    const channel = from.getInt32(start + CHANNEL_OFFSET, true);
    const behind = writeMulticastHeader(into, at, { flags, lane, channel, targets }, payload.length);
    folded.set(payload, behind);
    at = behind + payload.length;
  }
  return folded;
}
