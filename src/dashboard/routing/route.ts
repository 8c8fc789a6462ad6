/** Where in the dashboard one is: the part of the address behind `#`, which can be kept and sent to others. */
import type { RoomPlace } from "../api/types.ts";

export const ROOM_VIEWS = ["overview", "connections", "peers", "graph", "bans", "audit"] as const;
export type RoomView = (typeof ROOM_VIEWS)[number];

export type Route =
  | { readonly view: "apps" }
  | { readonly view: "api" }
  | { readonly view: "rooms"; readonly app: number }
  | { readonly view: "settings"; readonly app: number }
  | { readonly view: "room"; readonly place: RoomPlace; readonly tab: RoomView; readonly subject: string | undefined }
  | { readonly view: "unknown" };

export interface Location {
  readonly route: Route;
  readonly query: URLSearchParams;
}

export function parseHash(hash: string): Location {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { route: parsePath(path.split("/").filter(Boolean).map(decode)), query: new URLSearchParams(query) };
}

/** encodeURIComponent leaves them as they are, and the path of a request would be another one: a link must not do that. */
const DOTS: ReadonlySet<string> = new Set([".", ".."]);

function parsePath(segments: readonly string[]): Route {
  if (segments.some((segment) => DOTS.has(segment))) return { view: "unknown" };
  const [first, app, kind, ...rest] = segments;
  if (first === undefined) return { view: "apps" };
  if (first === "api") return { view: "api" };
  if (first !== "apps") return { view: "unknown" };
  if (app === undefined) return { view: "apps" };
  const id = Number(app);
  if (!Number.isInteger(id) || id < 0) return { view: "unknown" };
  if (kind === undefined) return { view: "rooms", app: id };
  if (kind === "settings") return { view: "settings", app: id };
  if (kind === "room") return parseRoom({ app: id, room: undefined }, rest);
  const [room, ...others] = rest;
  return kind === "rooms" && room !== undefined ? parseRoom({ app: id, room }, others) : { view: "unknown" };
}

function parseRoom(place: RoomPlace, [tab = "overview", subject]: string[]): Route {
  const known = ROOM_VIEWS.find((name) => name === tab);
  return known ? { view: "room", place, tab: known, subject } : { view: "unknown" };
}

export function roomHash({ app, room }: RoomPlace, tab: RoomView = "overview", subject?: string): string {
  const base = room === undefined ? `#/apps/${app}/room` : `#/apps/${app}/rooms/${encodeURIComponent(room)}`;
  return `${base}/${tab}${subject === undefined ? "" : `/${encodeURIComponent(subject)}`}`;
}

export function roomTitle({ app, room }: RoomPlace): string {
  return room ?? `App ${app}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
