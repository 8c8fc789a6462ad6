/**
 * Field codecs of control frames. A control frame is a list of named fields (control-frames.ts); one reader and one
 * writer serve all of them, and so do the property tests.
 */

// Declared here, not through a platform's library: every runtime has these two, and nothing else of theirs is wanted.
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label: string, options: { fatal: boolean; ignoreBOM: boolean });
  decode(bytes: Uint8Array): string;
}

const encoder = new TextEncoder();
// ignoreBOM keeps a leading U+FEFF: what was written is what is read.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where a read stands. `failed` is set instead of throwing: hostile bytes are an expected input. */
export interface Cursor {
  readonly view: DataView;
  offset: number;
  readonly end: number;
  failed: boolean;
}

export interface Field<T> {
  size(value: T): number;
  write(view: DataView, offset: number, value: T): void;
  read(cursor: Cursor): T;
}

export type AnyField = Field<number> | Field<bigint> | Field<string> | Field<Uint8Array>;

/** Moves the cursor on by `size` bytes; the offset to read at, or -1 when the frame ends before. */
function take(cursor: Cursor, size: number): number {
  const at = cursor.offset;
  if (at + size > cursor.end) {
    cursor.failed = true;
    return -1;
  }
  cursor.offset = at + size;
  return at;
}

function fixed<T>(
  size: number,
  zero: T,
  get: (view: DataView, at: number) => T,
  write: (view: DataView, at: number, value: T) => void,
): Field<T> {
  return {
    size: () => size,
    write,
    read(cursor) {
      const at = take(cursor, size);
      return at < 0 ? zero : get(cursor.view, at);
    },
  };
}

export const u8 = fixed<number>(
  1,
  0,
  (view, at) => view.getUint8(at),
  (view, at, value) => view.setUint8(at, value),
);
export const u16 = fixed<number>(
  2,
  0,
  (view, at) => view.getUint16(at, true),
  (view, at, value) => view.setUint16(at, value, true),
);
export const u32 = fixed<number>(
  4,
  0,
  (view, at) => view.getUint32(at, true),
  (view, at, value) => view.setUint32(at, value, true),
);
export const i32 = fixed<number>(
  4,
  0,
  (view, at) => view.getInt32(at, true),
  (view, at, value) => view.setInt32(at, value, true),
);
export const u64 = fixed<bigint>(
  8,
  0n,
  (view, at) => view.getBigUint64(at, true),
  (view, at, value) => view.setBigUint64(at, value, true),
);

/** u8 length, then that many bytes. Reading returns a copy. */
export const bytes8: Field<Uint8Array> = {
  size: (value) => 1 + value.length,
  write(view, offset, value) {
    if (value.length > 255) throw new RangeError(`Cannot write ${value.length} bytes: the field holds 255`);
    view.setUint8(offset, value.length);
    new Uint8Array(view.buffer, view.byteOffset + offset + 1, value.length).set(value);
  },
  read(cursor) {
    const length = u8.read(cursor);
    const at = take(cursor, length);
    return at < 0 ? new Uint8Array() : new Uint8Array(cursor.view.buffer, cursor.view.byteOffset + at, length).slice();
  },
};

/** u8 length, then UTF-8. Writing cuts at `max` bytes, never inside a character; reading refuses invalid UTF-8. */
export function text8(max: number): Field<string> {
  return {
    size: (value) => 1 + cutUtf8(encoder.encode(value), max).length,
    write: (view, offset, value) => bytes8.write(view, offset, cutUtf8(encoder.encode(value), max)),
    read(cursor) {
      const bytes = bytes8.read(cursor);
      if (bytes.length > max) cursor.failed = true;
      if (cursor.failed) return "";
      try {
        return decoder.decode(bytes);
      } catch {
        cursor.failed = true; // not UTF-8: the frame is malformed, like any other bad field
        return "";
      }
    },
  };
}

function cutUtf8(bytes: Uint8Array, max: number): Uint8Array {
  if (bytes.length <= max) return bytes;
  let end = max;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
