/** Arrays of doubles as blobs, in the byte order of all machines that this runs on: little-endian. */
export function bytesOfDoubles({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Doubles must be aligned; a blob may come as a view at any offset, so it is copied. `what` is what an error calls it. */
export function readDoubles(packed: unknown, what: string): Float64Array {
  const bytes = new Uint8Array(packed as ArrayBuffer | Uint8Array).slice();
  if (bytes.byteLength % Float64Array.BYTES_PER_ELEMENT !== 0) {
    throw new Error(`Cannot read ${what}: their row is damaged (${bytes.byteLength} bytes)`);
  }
  return new Float64Array(bytes.buffer);
}
