/**
 * Control frames: session and connection life. Fields stand in wire order, without padding, after the 8-byte header.
 * A reader ignores bytes behind the fields it knows, so a later revision can append some (rule P6).
 */
import { type FieldFrame, type Fields, type ValuesOf, decodeFrame, defineFrame, encodeFrame } from "./field-frames.ts";
import { bytes8, i32, text8, u16, u32, u64, u8 } from "./fields.ts";
import { FrameType, frameEnd } from "./frames.ts";
import { MAX_DEBUG, MAX_ERROR_TEXT } from "./limits.ts";

const debug = text8(MAX_DEBUG);

export const CONTROL_FRAMES = {
  /** client → relay, first frame of every socket. `session` 0n: a fresh session; else, with its token, that one (R1). */
  hello: { type: FrameType.Hello, fields: { version: u16, session: u64, token: bytes8 } },
  /** relay → client: the session is up, and these are its limits. Times in ms, sizes in bytes, rates 0 for no limit. */
  welcome: {
    type: FrameType.Welcome,
    fields: {
      version: u16,
      session: u64,
      peer: u64,
      now: u64,
      heartbeatMs: u32,
      graceMs: u32,
      maxPayload: u32,
      maxBatch: u32,
      maxConnections: u32,
      connectTimeoutMs: u32,
      idleTimeoutMs: u32,
      token: bytes8,
      messagesPerSecond: u32,
      bytesPerSecond: u32,
      connectionBytesPerSecond: u32,
    },
  },
  /** relay → client: the socket is about to be closed with `code`. client → relay: I am leaving, for good. */
  bye: { type: FrameType.Bye, fields: { code: u16, reconnectAfterMs: u32, debug } },
  /** relay → client. `about`: the handle or request that the offending frame named, 0 if none. */
  error: { type: FrameType.Error, fields: { code: u16, frame: u8, about: u32, message: text8(MAX_ERROR_TEXT) } },
  /** relay → client: answer with credit when all that came before this has been taken in (F1). */
  mark: { type: FrameType.Mark, fields: { mark: u32 } },
  /** client → relay */
  credit: { type: FrameType.Credit, fields: { mark: u32 } },
  /** relay → client: all connections of the resumed session have been listed (R5). `connections`: how many. */
  resumed: { type: FrameType.Resumed, fields: { connections: u32 } },
  /** client → relay: open a connection. `virtualPort` -1 where the family has none. `timeoutMs` 0: the app's default. */
  connect: {
    type: FrameType.Connect,
    fields: { request: u32, connectionType: u8, peer: u64, virtualPort: i32, channel: i32, timeoutMs: u32 },
  },
  /** relay → client, the answer to connect: this is the connection's handle. */
  connecting: { type: FrameType.Connecting, fields: { request: u32, handle: u32, connectionId: u64, state: u8 } },
  /** relay → client: a peer wants to connect. Answer with accept or refuse. */
  incoming: {
    type: FrameType.Incoming,
    fields: { handle: u32, connectionId: u64, connectionType: u8, peer: u64, virtualPort: i32, channel: i32 },
  },
  /** client → relay */
  accept: { type: FrameType.Accept, fields: { handle: u32 } },
  /** client → relay */
  refuse: { type: FrameType.Refuse, fields: { handle: u32, reason: u16, debug } },
  /** both ways. `closedBy` is read by the client only: 0 yourself, 1 the other end, 2 the relay. */
  close: { type: FrameType.Close, fields: { handle: u32, reason: u16, closedBy: u8, debug } },
  /** relay → client */
  state: { type: FrameType.State, fields: { handle: u32, state: u8, previous: u8 } },
  /** relay → client: whether the other end can be reached just now (`Path`). */
  path: { type: FrameType.Path, fields: { handle: u32, path: u8 } },
  /** relay → client: send by `shiftUs` later (earlier, if negative) to meet the others. Rules T1 to T5; `periodUs` 0: no others. */
  pace: { type: FrameType.Pace, fields: { periodUs: u32, shiftUs: i32 } },
  /** client → relay: how it finds a connection (Q1 to Q4). ms and ten-thousandths as in a probe; each 0xffff for unknown. */
  quality: { type: FrameType.Quality, fields: { handle: u32, ping: u16, local: u16, remote: u16 } },
} as const satisfies Record<string, { type: FrameType; fields: Fields }>;

type Frames = typeof CONTROL_FRAMES;
export type ControlFrameName = keyof Frames;
export type ControlFrame = {
  [N in ControlFrameName]: { frame: N; flags: number } & { values: ValuesOf<Frames[N]["fields"]> };
}[ControlFrameName];
export type ControlFrameOf<N extends ControlFrameName> = Extract<ControlFrame, { frame: N }>;
export type ControlValues<N extends ControlFrameName> = ControlFrameOf<N>["values"];

interface Layout extends FieldFrame {
  readonly name: ControlFrameName;
}

const LAYOUTS: readonly Layout[] = Object.entries(CONTROL_FRAMES).map(([name, { type, fields }]) => ({
  name: name as ControlFrameName,
  ...defineFrame<Fields>(type, fields),
}));
const BY_NAME = new Map(LAYOUTS.map((layout) => [layout.name, layout]));
const BY_TYPE = new Map(LAYOUTS.map((layout) => [layout.type, layout]));

/** The frame's bytes. Integers outside their field's range wrap, as DataView does; texts are cut to their limit. */
export function encodeControl<N extends ControlFrameName>(
  name: N,
  values: ControlValues<N>,
  flags = 0,
): Uint8Array<ArrayBuffer> {
  return encodeFrame(BY_NAME.get(name) as FieldFrame, values, flags);
}

export function isControlType(type: number): boolean {
  return BY_TYPE.has(type);
}

/** The control frame at `offset`; undefined when its type is none, or its bytes are not what its type says. */
export function decodeControl(view: DataView, offset: number): ControlFrame | undefined {
  if (frameEnd(view, offset) < 0) return undefined;
  const layout = BY_TYPE.get(view.getUint8(offset));
  const values = layout && decodeFrame(layout, view, offset);
  return values && ({ frame: layout.name, flags: view.getUint8(offset + 1), values } as ControlFrame);
}
