/** What a room lets players know of it before they join: the lobby list. A room is in it because it asked to be. */

/** For games to fill: text, numbers and truth by name. */
export type ListingData = Readonly<Record<string, string | number | boolean>>;

export interface Listing {
  /** For `free`: the relay does not hold anybody to it. */
  readonly maxPlayers?: number | undefined;
  readonly data: ListingData;
}

/** A room in the list, as it last said it was. */
export interface ListedRoom {
  /** null: the app's own room. */
  readonly room: string | null;
  readonly region: string | null;
  /** Sessions with a socket. */
  readonly players: number;
  readonly maxPlayers: number | null;
  readonly data: ListingData;
  /** ms since the room said so. */
  readonly ageMs: number;
}

export interface Range {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** All of it must be met. A room whose data lacks a name that is asked for does not meet it. */
export interface ListingFilter {
  /** As text: 3 is "3", and true is "true". */
  readonly equal: Readonly<Record<string, string>>;
  readonly within: Readonly<Record<string, Range>>;
  /** Places that are left; a room that does not say how many it has counts as one with room for everybody. */
  readonly free?: number | undefined;
  readonly region?: string | undefined;
}

export interface LobbyQuery extends ListingFilter {
  /** The name of the last room of the page before, "" for the app's own. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export const MAX_FIELDS = 16;
export const MAX_TEXT = 128;
export const MAX_PLAYERS = 32_768;
const FIELD = /^[a-z][a-z0-9_]{0,31}$/;
export const FIELD_RULE = "1 to 32 characters of a-z 0-9 _ beginning with a letter";

export type ParsedListing =
  | { readonly ok: true; readonly listing: Listing }
  | { readonly ok: false; readonly message: string };

export function isFieldName(name: string): boolean {
  return FIELD.test(name);
}

/** What somebody asks to have listed. */
export function parseListing(value: unknown): ParsedListing {
  if (!isRecord(value)) return refuse("the listing must be a JSON object");
  const { maxPlayers, data = {}, ...others } = value;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return refuse(`the listing has the unknown field "${unknown.slice(0, 40)}"`);
  if (maxPlayers !== undefined && !isPlaces(maxPlayers)) {
    return refuse(`maxPlayers must be an integer from 1 to ${MAX_PLAYERS}`);
  }
  if (!isRecord(data)) return refuse("data must be a JSON object");
  const fields = Object.entries(data);
  if (fields.length > MAX_FIELDS) return refuse(`data must have at most ${MAX_FIELDS} fields`);
  for (const [name, field] of fields) {
    const problem = checkField(name, field);
    if (problem !== undefined) return refuse(problem);
  }
  return { ok: true, listing: { ...(maxPlayers !== undefined && { maxPlayers }), data: data as ListingData } };
}

export function meets(room: Omit<ListedRoom, "ageMs">, { equal, within, free, region }: ListingFilter): boolean {
  if (region !== undefined && room.region !== region) return false;
  if (free !== undefined && (room.maxPlayers ?? Infinity) - room.players < free) return false;
  for (const [name, text] of Object.entries(equal)) {
    const value = valueOf(room.data, name);
    if (value === undefined || String(value) !== text) return false;
  }
  return Object.entries(within).every(([name, range]) => isWithin(valueOf(room.data, name), range));
}

function isWithin(value: unknown, { min = -Infinity, max = Infinity }: Range): boolean {
  return typeof value === "number" && value >= min && value <= max;
}

function valueOf(data: ListingData, name: string): unknown {
  return Object.hasOwn(data, name) ? data[name] : undefined;
}

function checkField(name: string, value: unknown): string | undefined {
  if (!isFieldName(name)) return `data has a field whose name is not ${FIELD_RULE}`;
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return undefined;
  if (typeof value === "string" && value.length <= MAX_TEXT) return undefined;
  return `data.${name} must be a text of at most ${MAX_TEXT} characters, a number, true or false`;
}

function isPlaces(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_PLAYERS;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(message: string): ParsedListing {
  return { ok: false, message };
}
