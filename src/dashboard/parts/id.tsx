/** A 64-bit id. Those of one game begin alike: where there is no room, the beginning goes, and the end stays. */
const TAIL = 6;

export function Id({ of }: { of: string }) {
  if (of.length <= TAIL) return <code class="id">{of}</code>;
  return (
    <code class="id">
      <span>{of.slice(0, -TAIL)}</span>
      {of.slice(-TAIL)}
    </code>
  );
}
