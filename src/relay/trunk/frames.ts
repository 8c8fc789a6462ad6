/**
 * What two rooms say to each other, beside the frames that clients know too: data, ack, probe, path, mark and credit as they are. Of
 * types that no client may send (rule P4). `mine` is the sender's handle of a half, `yours` the receiver's; 0: not known.
 */
import {
  type FieldFrame,
  type Fields,
  type ValuesOf,
  decodeFrame,
  defineFrame,
  encodeFrame,
} from "../../protocol/field-frames.ts";
import { bytes8, i32, text8, u16, u32, u64, u8 } from "../../protocol/fields.ts";

/** Two releases may meet while one is being deployed: they must speak the same, or they do not speak. */
export const TRUNK_VERSION = 2;

const halves = { mine: u32, yours: u32 };

const TRUNK_FRAMES = {
  /** A list begins: of all halves that the sender has with the receiver (rule X6). */
  list: { type: 0x40, fields: { version: u16 } },
  /** `reason` and `isByMe`: of a half that is Disconnecting. `peer`: the sender's end, which has moved so often (shards/). */
  half: { type: 0x41, fields: { ...halves, state: u8, path: u8, reason: u16, isByMe: u8, peer: u64, moves: u16 } },
  listed: { type: 0x42, fields: {} },
  /** The peer `from` of the sender's room asks for `to`. Flags: OpenFlag. */
  open: {
    type: 0x43,
    fields: { mine: u32, connectionType: u8, from: u64, to: u64, virtualPort: i32, channel: i32, timeoutMs: u32 },
  },
  connected: { type: 0x44, fields: halves },
  /**
   * The receiver's half has no other: the peer is not here, or it ended and nobody knows why. With GoneFlag.Moved the other
   * is in `room` now, as `theirs`, and has moved so often.
   */
  gone: { type: 0x45, fields: { yours: u32, theirs: u32, moves: u16, room: text8(64) } },
  /** As a close frame; `closedBy` as the far end is to see it. */
  end: { type: 0x46, fields: { ...halves, reason: u16, closedBy: u8, debug: text8(127) } },
  /** The sender, who dialed, has nothing more to say on this socket. */
  rest: { type: 0x47, fields: {} },
  /** The receiver of `rest` will say nothing more on it either. */
  rested: { type: 0x48, fields: {} },
  /** The peer's client asks the sender for this session. 0: it has begun a fresh one there, which supersedes any other. */
  claim: { type: 0x49, fields: { peer: u64, session: u64, token: bytes8 } },
  unclaimed: { type: 0x4a, fields: { peer: u64, session: u64 } },
  /** The answer to a claim begins: the session, what its client has missed, and its halves. */
  yield: { type: 0x4b, fields: { peer: u64, session: u64, token: bytes8, previousToken: bytes8 } },
  /** A close frame. Also of what ended while the answer was under way. */
  missed: { type: 0x4c, fields: { peer: u64, close: bytes8 } },
  /** The peer's half, and where the other one is; `path` is to that. Of times 0 is none. */
  bring: {
    type: 0x4d,
    fields: {
      peer: u64,
      handle: u32,
      id: u64,
      from: u64,
      to: u64,
      connectionType: u8,
      state: u8,
      created: u64,
      connectedAt: u64,
      disconnectingAt: u64,
      lastActivity: u64,
      virtualPort: i32,
      channel: i32,
      deadline: u64,
      pendingReason: u16,
      pendingBy: u64,
      isRefused: u8,
      fromMoves: u16,
      toMoves: u16,
      path: u8,
      farHandle: u32,
      farRoom: text8(64),
    },
  },
  yielded: { type: 0x4e, fields: { peer: u64, session: u64 } },
  /** It is written down where it was claimed: the receiver's, which had this token when it told of it, is over. */
  took: { type: 0x4f, fields: { peer: u64, session: u64, token: bytes8 } },
} as const satisfies Record<string, { type: number; fields: Fields }>;

/** Flags of open. */
export const OpenFlag = {
  /** Its ticket may learn of a refusal (rule C6). */
  Visible: 0x01,
  /** Part of a list: said before, so that nobody is asked again. */
  Listed: 0x02,
} as const;

/** Flags of half. */
export const HalfFlag = {
  /** One of the two has moved, so what was said before may have gone elsewhere: the receiver says how its own is. */
  Asks: 0x01,
} as const;

/** Flags of gone. */
export const GoneFlag = { Moved: 0x01 } as const;

/** Fields of gone: the other half is in no room that is known here. */
export const NOWHERE = { theirs: 0, moves: 0, room: "" };

type Frames = typeof TRUNK_FRAMES;
export type TrunkFrameName = keyof Frames;
export type TrunkValues<N extends TrunkFrameName> = ValuesOf<Frames[N]["fields"]>;
export type TrunkFrame = {
  [N in TrunkFrameName]: { readonly frame: N; readonly flags: number; readonly values: TrunkValues<N> };
}[TrunkFrameName];

interface Layout extends FieldFrame {
  readonly name: TrunkFrameName;
}

const LAYOUTS: readonly Layout[] = Object.entries(TRUNK_FRAMES).map(([name, { type, fields }]) => ({
  name: name as TrunkFrameName,
  ...defineFrame<Fields>(type, fields),
}));
const BY_NAME = new Map(LAYOUTS.map((layout) => [layout.name, layout]));
const BY_TYPE = new Map(LAYOUTS.map((layout) => [layout.type, layout]));

export function encodeTrunk<N extends TrunkFrameName>(
  name: N,
  values: TrunkValues<N>,
  flags = 0,
): Uint8Array<ArrayBuffer> {
  return encodeFrame(BY_NAME.get(name) as FieldFrame, values, flags);
}

/** The frame at `offset`; undefined when it is none of these. */
export function decodeTrunk(view: DataView, offset: number): TrunkFrame | undefined {
  const layout = BY_TYPE.get(view.getUint8(offset));
  const values = layout && decodeFrame(layout, view, offset);
  return values && ({ frame: layout.name, flags: view.getUint8(offset + 1), values } as TrunkFrame);
}
