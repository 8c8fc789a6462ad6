/** From the bytes of a message to its frames. */
import {
  ACK_SIZE,
  type ControlFrame,
  DATA_PAYLOAD_OFFSET,
  type DataHeader,
  FrameType,
  HANDLE_OFFSET,
  PROBE_SIZE,
  decodeControl,
  frameEnd,
  readAck,
  readDataHeader,
  readProbe,
} from "../protocol/index.ts";
import type { RelayConnection } from "./relay-connection.ts";

export interface FrameSink {
  /** False as soon as nothing more is wanted. */
  readonly isListening: boolean;
  control(frame: ControlFrame): void;
  /** A frame that is none of ours, as those of extensions are. */
  other(batch: Uint8Array, view: DataView, offset: number, end: number): void;
}

export interface ConnectionFinder {
  connection(handle: number): RelayConnection | undefined;
}

const MIN_END_TO_END = {
  [FrameType.Data]: DATA_PAYLOAD_OFFSET,
  [FrameType.Ack]: ACK_SIZE,
  [FrameType.Probe]: PROBE_SIZE,
} as const;

const header: DataHeader = { flags: 0, lane: 0, handle: 0, channel: 0, number: 0, sequence: 0 };

/** What broke the protocol; undefined when nothing did. */
export function readFrames(
  batch: Uint8Array,
  now: number,
  sink: FrameSink,
  finder: ConnectionFinder,
): string | undefined {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  for (let offset = 0; offset < batch.length && sink.isListening;) {
    const end = frameEnd(view, offset);
    if (end < 0) return "a batch ended inside a frame";
    const start = offset;
    const type = view.getUint8(start);
    const isEndToEnd = type === FrameType.Data || type === FrameType.Ack || type === FrameType.Probe;
    if (isEndToEnd && end < start + MIN_END_TO_END[type]) return "a frame was too short";
    guarded(() => {
      if (isEndToEnd) readEndToEnd(batch, view, start, end, now, finder);
      else readOther(batch, view, start, end, sink);
    });
    offset = end;
  }
  return undefined;
}

/** What a handler of the application throws is told to it, and what comes behind is not lost. */
export function guarded(act: () => void): void {
  try {
    act();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function readOther(batch: Uint8Array, view: DataView, offset: number, end: number, sink: FrameSink): void {
  const control = decodeControl(view, offset);
  if (control) sink.control(control);
  else sink.other(batch, view, offset, end);
}

function readEndToEnd(
  batch: Uint8Array,
  view: DataView,
  offset: number,
  end: number,
  now: number,
  finder: ConnectionFinder,
): void {
  const connection = finder.connection(view.getUint32(offset + HANDLE_OFFSET, true));
  if (!connection) return; // closed here while it was under way
  const type = view.getUint8(offset);
  if (type === FrameType.Ack) return connection.receiveAck(readAck(view, offset), now);
  if (type === FrameType.Probe) return connection.receiveProbe(readProbe(view, offset), now);
  readDataHeader(view, offset, header);
  connection.receiveData(header, batch.subarray(offset + DATA_PAYLOAD_OFFSET, end), now);
}
