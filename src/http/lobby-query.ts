/** What is asked of the lobby list, as a query: `?data.mode=ctf&data.level.min=3&free=2&region=weur&limit=20&after=…`. */
import { parseRoomName } from "../protocol/index.ts";
import { type LobbyQuery, MAX_FIELDS, MAX_PLAYERS, type Range, isFieldName } from "../relay/directory/lobby.ts";
import { LOCATION_HINTS, parseLocationHint } from "../relay/placement/location-hints.ts";

export const DEFAULT_LISTED = 50;
export const MAX_LISTED = 200;

export type ParsedQuery =
  | { readonly ok: true; readonly query: LobbyQuery }
  | { readonly ok: false; readonly message: string };

interface Draft {
  readonly equal: Record<string, string>;
  readonly within: Record<string, Range>;
  free?: number;
  region?: string;
  after?: string;
  limit: number;
}

export function parseLobbyQuery(parameters: URLSearchParams): ParsedQuery {
  const draft: Draft = { equal: {}, within: {}, limit: DEFAULT_LISTED };
  for (const [name, text] of parameters) {
    const problem = name.startsWith("data.") ? condition(draft, name.slice(5), text) : setting(draft, name, text);
    if (problem !== undefined) return { ok: false, message: problem };
  }
  if (Object.keys(draft.equal).length + Object.keys(draft.within).length > MAX_FIELDS) {
    return { ok: false, message: `there are at most ${MAX_FIELDS} conditions` };
  }
  return { ok: true, query: draft };
}

function condition({ equal, within }: Draft, path: string, text: string): string | undefined {
  const [field = "", bound, ...others] = path.split(".");
  if (!isFieldName(field) || others.length > 0) return `there is no parameter "data.${path.slice(0, 40)}" here`;
  if (bound === undefined) {
    equal[field] = text;
    return undefined;
  }
  if (bound !== "min" && bound !== "max") return `data.${field} has the bounds min and max, and no others`;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return `data.${field}.${bound} must be a number`;
  const other = Object.hasOwn(within, field) ? within[field] : {}; // a game may well call a field "constructor"
  within[field] = { ...other, [bound]: value };
  return undefined;
}

function setting(draft: Draft, name: string, text: string): string | undefined {
  switch (name) {
    case "free":
      return whole(text, 1, MAX_PLAYERS, name, (free) => (draft.free = free));
    case "limit":
      return whole(text, 1, MAX_LISTED, name, (limit) => (draft.limit = limit));
    case "region":
      if (!parseLocationHint(text)) return `region must be one of ${Object.keys(LOCATION_HINTS).join(", ")}`;
      draft.region = text;
      return undefined;
    case "after":
      if (text !== "" && !parseRoomName(text)) return "after must be the `next` of an earlier page";
      draft.after = text;
      return undefined;
    default:
      return `there is no parameter "${name.slice(0, 40)}" here`;
  }
}

function whole(
  text: string,
  min: number,
  max: number,
  name: string,
  take: (value: number) => void,
): string | undefined {
  const value = Number(text);
  if (!/^[0-9]{1,6}$/.test(text) || value < min || value > max)
    return `${name} must be an integer from ${min} to ${max}`;
  take(value);
  return undefined;
}
