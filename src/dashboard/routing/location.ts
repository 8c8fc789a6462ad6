import { computed, signal } from "@preact/signals";
import { parseHash } from "./route.ts";

/** The relay also serves the page at /v1/admin/docs: there it begins with the API. */
const START = location.pathname.endsWith("/docs") ? "#/api" : "#/";

const hash = signal(location.hash || START);
addEventListener("hashchange", () => {
  hash.value = location.hash || START;
});

export const here = computed(() => parseHash(hash.value));

export function go(target: string): void {
  location.hash = target;
}

/** Changes what follows the `?`, without a new entry in the history: for filters, which are typed letter by letter. */
export function setQuery(values: Readonly<Record<string, string | undefined>>): void {
  const [path = "#/"] = hash.value.split("?");
  const query = new URLSearchParams(here.value.query);
  for (const [name, value] of Object.entries(values)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  const target = text ? `${path}?${text}` : path;
  history.replaceState(null, "", target);
  hash.value = target;
}
