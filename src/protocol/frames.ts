/**
 * Frames. One WebSocket message is a batch: one or more frames back to back, nothing around them.
 * All integers are little-endian. Every frame begins with the same 8 bytes:
 *
 *     0  u8   type
 *     1  u8   flags     (meaning depends on the type)
 *     2  u8   lane      (end-to-end frames; 0 elsewhere)
 *     3  u8   reserved  (0; ignored when read)
 *     4  u32  length    bytes that follow the header
 */
export const HEADER_SIZE = 8;

export const FrameType = {
  /* the session */
  Hello: 0x01,
  Welcome: 0x02,
  Bye: 0x03,
  Error: 0x04,
  Mark: 0x05,
  Credit: 0x06,
  Resumed: 0x07,
  /* a connection's life */
  Connect: 0x10,
  Connecting: 0x11,
  Incoming: 0x12,
  Accept: 0x13,
  Refuse: 0x14,
  Close: 0x15,
  State: 0x16,
  Path: 0x17,
  /* end to end: the relay looks at type, length and handle, and forwards */
  Data: 0x20,
  Ack: 0x21,
  Probe: 0x22,
  Multicast: 0x23,
  /* hints: from FIRST_IGNORABLE_TYPE on, so that who is older than they are passes over them */
  Pace: 0x88,
  Quality: 0x89,
  /* groups (group-frames.ts) and the host (hosting-frames.ts): only with a client that asks for them */
  Join: 0x90,
  Joined: 0x91,
  Leave: 0x92,
  Cast: 0x93,
  Attend: 0x98,
  Host: 0x99,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

/** Types from here on may be skipped by a reader that does not know them; unknown ones below end the session. */
export const FIRST_IGNORABLE_TYPE = 0x80;

/** Flags of a data frame. */
export const DataFlag = {
  /** Delivered once and in order within its lane, or the sender is told. Never dropped by policy. */
  Reliable: 0x01,
  /** Send now, do not wait for more to share a message with (`k_nSteamNetworkingSend_NoNagle`). */
  NoNagle: 0x02,
  /** Drop rather than queue (`k_nSteamNetworkingSend_NoDelay`). */
  NoDelay: 0x04,
  /** More segments of the same message follow in this lane. */
  More: 0x08,
} as const;

/** Flags of a close frame. */
export const CloseFlag = {
  /** Wait for the other end's close before the connection is Closed; until then it is Disconnecting. */
  Graceful: 0x01,
} as const;

/** Flags of a path frame. */
export const PathFlag = {
  /** Frames may have been lost: what is not acknowledged is to be sent again. */
  Lost: 0x01,
} as const;

/** Offset behind the frame at `offset`, or -1 when the header or the announced length does not fit the message. */
export function frameEnd(view: DataView, offset: number): number {
  const body = offset + HEADER_SIZE;
  if (body > view.byteLength) return -1;
  // A u32 plus an offset stays exact in a double: 4 GiB lengths compare right and fail here.
  const end = body + view.getUint32(offset + 4, true);
  return end <= view.byteLength ? end : -1;
}
