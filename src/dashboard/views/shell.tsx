/** The frame around every view: where one is, where else one can go, and whether what is seen is of now. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { signOut, whoami } from "../api/session.ts";
import type { RoomPlace } from "../api/types.ts";
import { Icon, type IconName, Logo } from "../parts/icon.tsx";
import { LiveBadge } from "../parts/live-badge.tsx";
import { ThemeSwitch } from "../parts/theme.tsx";
import { ROOM_VIEWS, type Route, type RoomView, roomHash } from "../routing/route.ts";

interface Entry {
  readonly text: string;
  readonly icon: IconName;
  readonly href: string;
  readonly isHere: boolean;
  /** In the bar at the bottom of a phone; the rest is behind "More". */
  readonly isFirst: boolean;
}

/** As in styles/phone.css. */
const narrow = matchMedia("(max-width: 760px)");

const ROOM_TEXTS: Readonly<Record<RoomView, string>> = {
  overview: "Overview",
  connections: "Connections",
  peers: "Peers",
  graph: "Graph",
  bans: "Bans",
  audit: "Audit log",
};

export function Shell({ route, children }: { route: Route; children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  const skip = (event: Event): void => {
    // The address has the view behind its #, so a link to #main would lead away from it.
    event.preventDefault();
    main.current?.focus();
  };
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href="#/">
          <Logo />
          <b>edge-relay</b>
        </a>
        <Trail route={route} />
        <LiveBadge />
      </header>
      <Navigation route={route} />
      <main id="main" tabIndex={-1} ref={main}>
        {children}
      </main>
    </div>
  );
}

/** Apps › 480 › lobby-1 */
function Trail({ route }: { route: Route }) {
  const steps: { text: string; href: string }[] = [{ text: "Apps", href: "#/" }];
  const app = route.view === "room" ? route.place.app : "app" in route ? route.app : undefined;
  if (app !== undefined) steps.push({ text: String(app), href: `#/apps/${app}` });
  if (route.view === "settings") steps.push({ text: "Settings", href: `#/apps/${app}/settings` });
  if (route.view === "room") steps.push({ text: route.place.room ?? "Own room", href: roomHash(route.place) });
  if (route.view === "api") steps.splice(0, 1, { text: "Admin API", href: "#/api" });
  return (
    <nav class="trail" aria-label="Place">
      <ol>
        {steps.map(({ text, href }, index) => (
          <li key={href}>
            <a href={href} {...(index === steps.length - 1 && { "aria-current": "true" as const })}>
              {text}
            </a>
          </li>
        ))}
      </ol>
    </nav>
  );
}

function Navigation({ route }: { route: Route }) {
  const entries = entriesOf(route);
  const more = useRef<HTMLDetailsElement>(null);
  // Open beside the content where there is room; on a phone it is a menu, and closes behind whoever has chosen.
  useEffect(() => {
    const fit = (): void => void (more.current && (more.current.open = !narrow.matches));
    fit();
    narrow.addEventListener("change", fit);
    return () => narrow.removeEventListener("change", fit);
  }, [route]);
  return (
    <nav class="side" aria-label="Views">
      <ul class="first">{entries.filter(({ isFirst }) => isFirst).map(Item)}</ul>
      <details class="more" ref={more}>
        <summary>
          <Icon name="more" />
          <span>More</span>
        </summary>
        <div class="rest">
          <ul>{entries.filter(({ isFirst }) => !isFirst).map(Item)}</ul>
          <Operator />
        </div>
      </details>
    </nav>
  );
}

function Item({ text, icon, href, isHere }: Entry) {
  return (
    <li key={href}>
      <a href={href} {...(isHere && { "aria-current": "page" as const })}>
        <Icon name={icon} />
        <span>{text}</span>
      </a>
    </li>
  );
}

function Operator() {
  const who = whoami.value;
  if (!who) return null;
  return (
    <div class="operator">
      <p>
        <b>{who.name}</b>
        <span class={`scope ${who.scope}`}>{who.scope === "operate" ? "may operate" : "read only"}</span>
      </p>
      <p class="muted">
        {who.runtime} · {who.version}
      </p>
      <div class="tools">
        <ThemeSwitch />
        <button class="quiet" onClick={() => signOut()}>
          <Icon name="leave" />
          Sign out
        </button>
      </div>
    </div>
  );
}

function entriesOf(route: Route): Entry[] {
  const app = route.view === "room" ? route.place.app : "app" in route ? route.app : undefined;
  const general: Entry[] = [
    ...(app === undefined ? [] : [entry("Settings", "settings", `#/apps/${app}/settings`, route.view === "settings")]),
    entry("Admin API", "api", "#/api", route.view === "api"),
  ];
  if (route.view === "room") return [...roomEntries(route.place, route.tab), ...general];
  const rooms = app === undefined ? [] : [entry("Rooms", "overview", `#/apps/${app}`, route.view === "rooms")];
  return [entry("Apps", "apps", "#/", route.view === "apps"), ...rooms, ...general].map((one) => ({
    ...one,
    isFirst: true,
  }));
}

function roomEntries(place: RoomPlace, here: RoomView): Entry[] {
  return ROOM_VIEWS.map((view, index) => ({
    ...entry(ROOM_TEXTS[view], view, roomHash(place, view), view === here),
    isFirst: index < 4,
  }));
}

function entry(text: string, icon: IconName, href: string, isHere: boolean): Entry {
  return { text, icon, href, isHere, isFirst: false };
}
