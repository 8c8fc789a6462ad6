/** RFC 6455 by hand, with every bit of it in the caller's hands. */
import { randomBytes } from "node:crypto";

export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;

export interface ForgedFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  /** Default true. */
  readonly fin?: boolean;
  /** RSV1, RSV2, RSV3 as 4, 2, 1. RSV1 says that the message is compressed. */
  readonly rsv?: number;
  /** Default true, as every client must. */
  readonly masked?: boolean;
  /** What the header says of the payload's length; default the truth, in the shortest form. */
  readonly length?: bigint;
  /** 7, 16 or 64 bits for the length, whatever it is. */
  readonly lengthBits?: 7 | 16 | 64;
}

/** `u8 fin·rsv·opcode · u8 mask·length7 · [u16 or u64 length] · [u32 mask] · payload` */
export function webSocketFrame(frame: ForgedFrame): Buffer {
  const { opcode, payload = new Uint8Array(), fin = true, rsv = 0, masked = true } = frame;
  const length = frame.length ?? BigInt(payload.length);
  const bits = frame.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (bits === 7 ? Number(length) : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(Number(length), 2);
  if (bits === 64) head.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([head, payload]);
  const key = randomBytes(4);
  const body = Buffer.from(payload); // a copy, so the caller's bytes stay as they are
  for (let i = 0; i < body.length; i++) body[i]! ^= key[i & 3]!;
  return Buffer.concat([head, key, body]);
}

/** A close frame's payload: a code, and text that need not be any. */
export function closePayload(code: number, reason: Uint8Array | string = ""): Buffer {
  const text = Buffer.from(reason as string);
  const payload = Buffer.alloc(2 + text.length);
  payload.writeUInt16BE(code, 0);
  text.copy(payload, 2);
  return payload;
}

export interface Closing {
  /** 1005 for a close without a code. */
  readonly code: number;
  readonly reason: string;
}

export function closingOf(payload: Buffer): Closing {
  return payload.length < 2
    ? { code: 1005, reason: "" }
    : { code: payload.readUInt16BE(0), reason: payload.toString("utf8", 2) };
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Frames of a server: never masked, and whole messages, as workerd sends them. */
export class WebSocketReader {
  #chunks: Buffer[] = [];
  #size = 0;

  read(chunk: Buffer): ReceivedFrame[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const frames: ReceivedFrame[] = [];
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): ReceivedFrame | undefined {
    if (this.#size < 2) return undefined;
    const bytes = this.#joined(14);
    const [first = 0, second = 0] = bytes;
    if ((first & 0xf0) !== 0x80 || second >= 0x80)
      throw new Error(`the relay sent the frame header ${first} ${second}`);
    const extra = second === 126 ? 2 : second === 127 ? 8 : 0;
    if (bytes.length < 2 + extra) return undefined;
    const length = extra === 2 ? bytes.readUInt16BE(2) : extra === 8 ? Number(bytes.readBigUInt64BE(2)) : second;
    const end = 2 + extra + length;
    if (this.#size < end) return undefined;
    const all = this.#joined(end);
    this.#chunks = [all.subarray(end)];
    this.#size -= end;
    return { opcode: first & 0x0f, payload: all.subarray(2 + extra, end) };
  }

  /** At least `size` bytes of what has come, as one, or all there is. Joined once per message, not once per chunk. */
  #joined(size: number): Buffer {
    if (this.#chunks.length > 1 && this.#chunks[0]!.length < size) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}
