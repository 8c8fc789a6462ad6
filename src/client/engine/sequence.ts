/** Serial number arithmetic (RFC 1982) on u32 message and segment numbers (rule D9). */

/** How far `a` is ahead of `b`; negative when it is behind. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

export function advance(number: number, by = 1): number {
  return (number + by) >>> 0;
}
