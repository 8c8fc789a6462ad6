/** Frames that are lists of fields, in wire order and without padding: the one reader and the one writer of all of them. */
import { writeFrameHeader } from "./data-frames.ts";
import type { AnyField, Cursor, Field } from "./fields.ts";
import { HEADER_SIZE, frameEnd } from "./frames.ts";

export type Fields = Readonly<Record<string, AnyField>>;
export type ValuesOf<F> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** One frame by itself: for those that not every client carries. */
export interface FieldFrame<F extends Fields = Fields> {
  readonly type: number;
  readonly fields: readonly (readonly [string, Field<unknown>])[];
  /** Never there: what the values are. */
  readonly values?: ValuesOf<F>;
}
export type FieldValues<D> = D extends FieldFrame<infer F> ? ValuesOf<F> : never;

export function defineFrame<F extends Fields>(type: number, fields: F): FieldFrame<F> {
  return { type, fields: Object.entries(fields) as unknown as [string, Field<unknown>][] };
}

/** The frame's bytes. Integers outside their field's range wrap, as DataView does; texts are cut to their limit. */
export function encodeFrame<F extends Fields>(
  { type, fields }: FieldFrame<F>,
  values: ValuesOf<F>,
  flags = 0,
): Uint8Array<ArrayBuffer> {
  const record = values as Record<string, unknown>;
  let size = HEADER_SIZE;
  for (const [key, field] of fields) size += field.size(record[key]);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  writeFrameHeader(view, 0, type, flags, 0, size - HEADER_SIZE);
  let offset = HEADER_SIZE;
  for (const [key, field] of fields) {
    field.write(view, offset, record[key]);
    offset += field.size(record[key]);
  }
  return bytes;
}

/** The values of the frame at `offset`, whose type is this one's; undefined when its bytes are not what that says. */
export function decodeFrame<F extends Fields>(
  { fields }: FieldFrame<F>,
  view: DataView,
  offset: number,
): ValuesOf<F> | undefined {
  const end = frameEnd(view, offset);
  if (end < 0) return undefined;
  const cursor: Cursor = { view, offset: offset + HEADER_SIZE, end, failed: false };
  const values: Record<string, unknown> = {};
  for (const [key, field] of fields) values[key] = field.read(cursor);
  return cursor.failed ? undefined : (values as ValuesOf<F>);
}
