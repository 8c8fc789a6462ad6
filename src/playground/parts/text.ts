/** Bytes for people: `12 B`, `3.4 KiB`. */
export function bytes(count: number): string {
  if (count < 1024) return `${Math.round(count)} B`;
  const [value, unit] = count < 1024 * 1024 ? [count / 1024, "KiB"] : [count / (1024 * 1024), "MiB"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
