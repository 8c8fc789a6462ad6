import type { Timeline } from "../timeline.ts";

/** Newest first, so that nothing has to be scrolled to. */
export function TimelineList({ timeline, owner }: { readonly timeline: Timeline; readonly owner: string }) {
  return (
    <div class="timeline">
      <h3>What happened</h3>
      <ol aria-label={`Timeline of ${owner}`} tabIndex={0}>
        {timeline.happenings.value.toReversed().map(({ id, at, text, mood }) => (
          <li key={id} class={mood}>
            <span class="at mono">{(at / 1000).toFixed(2)} s</span>
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
