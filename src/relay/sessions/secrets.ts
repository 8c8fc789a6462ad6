/** What nobody may guess, made of bytes that the runtime draws. */
import { type SessionId, encodeControl } from "../../protocol/index.ts";

/** So many bytes that nobody can guess. */
export type Random = (size: number) => Uint8Array;

const TOKEN_BYTES = 16;

export function newToken(random: Random): Uint8Array {
  return random(TOKEN_BYTES);
}

export function newSessionId(random: Random): SessionId {
  const bytes = random(8);
  const id = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return (id === 0n ? 1n : id) as SessionId;
}

/** A mark, and the frame that carries it (rule F1). */
export function newMark(random: Random): { mark: number; frame: Uint8Array } {
  const bytes = random(4);
  const mark = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return { mark, frame: encodeControl("mark", { mark }) };
}
