/** What the playground's URL says, so that a link opens the same peers in another tab, or on another machine. */
import { FAMILIES, type FamilyId } from "./families/index.ts";

/** `both`: two peers in one page. `a` calls, `b` waits to be called. */
export type View = "both" | "a" | "b";

export interface Parameters {
  readonly app: number;
  readonly room: string;
  readonly family: FamilyId;
  readonly a: string;
  readonly b: string;
  readonly view: View;
}

const DEFAULTS: Parameters = {
  app: 480,
  room: "playground",
  family: "core",
  a: "76561197960287930",
  b: "76561197960287931",
  view: "both",
};

export function readParameters(search: string): Parameters {
  const query = new URLSearchParams(search);
  const app = Number(query.get("app"));
  const view = query.get("view");
  return {
    app: Number.isInteger(app) && app > 0 ? app : DEFAULTS.app,
    room: query.get("room") ?? DEFAULTS.room,
    family: FAMILIES.find(({ id }) => id === query.get("family"))?.id ?? DEFAULTS.family,
    a: query.get("a") ?? DEFAULTS.a,
    b: query.get("b") ?? DEFAULTS.b,
    view: view === "a" || view === "b" ? view : DEFAULTS.view,
  };
}

export function writeParameters(parameters: Parameters): string {
  const entries = Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]);
  return `?${new URLSearchParams(entries)}`;
}
