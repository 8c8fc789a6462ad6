/** Drawn on a grid of 20, in lines of the text's colour. They say nothing: whoever uses one also writes a word. */
const PATHS = {
  overview: "M3 13.5 7 9l3 3 6.5-7M3 17h14",
  connections: "M6 6.5h6a3.5 3.5 0 0 1 0 7H8M6 6.5 8.5 4M6 6.5 8.5 9M8 13.5l2.5-2.5M8 13.5l2.5 2.5",
  peers:
    "M7 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Zm-4.5 7c0-2.8 2-4.5 4.5-4.5s4.5 1.7 4.5 4.5M13 4.2a2.5 2.5 0 0 1 0 4.7M14.5 12c1.9.600 3 2 3 4",
  graph:
    "M5 7.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4Zm10 3a2 2 0 1 0 0-4 2 2 0 0 0 0 4Zm-8 6.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM7 6l6 2M5.5 7.5l1 5.5M8.7 14l4.6-4.3",
  bans: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM5 5l10 10",
  audit: "M5 3h7l3 3v11H5zM8 9h4.5M8 12h4.5M12 3v3h3",
  settings: "M3 6h7m4 0h3M3 14h3m4 0h7M12 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4Zm-4 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  api: "M7 6 3 10l4 4m6-8 4 4-4 4m-1.5-10-3 12",
  apps: "M3.5 3.5h5v5h-5zm8 0h5v5h-5zm-8 8h5v5h-5zm8 0h5v5h-5z",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  sun: "M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm0-10v1.5m0 11V17M3 10h1.5m11 0H17M5 5l1.1 1.1m7.8 7.8L15 15m0-10-1.1 1.1M6.1 13.9 5 15",
  moon: "M16.5 11.8A6.8 6.8 0 0 1 8.2 3.5a6.8 6.8 0 1 0 8.3 8.3Z",
  auto: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 3v14m0-11.5 4.5 0m-4.5 3h6.5m-6.5 3h6.5m-6.5 3h4",
  leave: "M8 4H4v12h4m4-9 3.5 3L12 13m3.5-3H8",
  close: "m5 5 10 10M15 5 5 15",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M7 22 16 10l9 12" />
      <circle cx="7" cy="22" r="3" />
      <circle cx="25" cy="22" r="3" />
      <circle class="relay" cx="16" cy="10" r="4" />
    </svg>
  );
}
