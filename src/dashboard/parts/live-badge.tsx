import { type FeedState, feed } from "../live/room-feed.ts";

const TEXTS: Readonly<Record<FeedState, { word: string; title: string }>> = {
  connecting: { word: "Connecting", title: "Opening the live feed" },
  live: { word: "Live", title: "What happens is shown as it happens" },
  polling: {
    word: "Reconnecting",
    title: "The live feed was lost, and is tried again. Meanwhile it is asked every 2 s.",
  },
  offline: { word: "Offline", title: "The relay does not answer. What is shown is old." },
};

export function LiveBadge() {
  if (!feed.value) return null;
  const state = feed.value.state.value;
  return (
    <span class={`live ${state}`} role="status" title={TEXTS[state].title}>
      <i aria-hidden="true" />
      {TEXTS[state].word}
      {state === "polling" && <span class="detail"> · asked every 2 s</span>}
    </span>
  );
}
