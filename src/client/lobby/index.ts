/** `edge-relay/client/lobby`: the list of rooms that want to be found, and how to be in it. */
import { type Place, type Relay, ask, pathTo } from "../question.ts";
import { RelayError } from "../relay-error.ts";

export type RoomData = Readonly<Record<string, string | number | boolean>>;

export interface ListedRoom {
  /** null: the app's own room. */
  readonly room: string | null;
  /** The location hint that it was created with; null where that is not known. */
  readonly region: string | null;
  readonly players: number;
  readonly maxPlayers: number | null;
  readonly data: RoomData;
  /** How old all this is: a room says how it is at most every 30 s, but for what players see at once. */
  readonly ageMs: number;
}

export interface RoomPage {
  readonly rooms: readonly ListedRoom[];
  /** The `after` of the next page; null on the last. */
  readonly next: string | null;
}

/** A value that the room's must equal, or bounds that it must lie within. */
export type Condition = string | number | boolean | { readonly min?: number; readonly max?: number };

export interface ListOptions extends Relay {
  readonly app: number;
  readonly ticket: string;
  /** Of a room's data, by name. At most 16. */
  readonly where?: Readonly<Record<string, Condition>>;
  /** So many places are left. */
  readonly free?: number;
  readonly region?: string;
  /** 1 to 200; default 50. */
  readonly limit?: number;
  readonly after?: string;
  readonly signal?: AbortSignal;
}

export interface AnnounceOptions extends Place {
  /** With the claim `lobby`, of a peer that is in the room. */
  readonly ticket: string;
  /** How many may play, for `free`; the relay does not hold anybody to it. */
  readonly maxPlayers?: number;
  /** At most 16 fields; names of a-z 0-9 _, texts of at most 128 characters. */
  readonly data?: RoomData;
  readonly signal?: AbortSignal;
}

/** One page, in order of name. A peer may ask once a second, five times at once. */
export async function listRooms(options: ListOptions): Promise<RoomPage> {
  const { app, ticket, signal } = options;
  const query = queryOf(options);
  return (await ask(options, { path: `v1/apps/${app}/rooms?${query}`, ticket, signal })) as RoomPage;
}

/** Puts the room into the list, or changes what stands there. It leaves the list with its last player. */
export async function announceRoom(options: AnnounceOptions): Promise<void> {
  const { ticket, signal, maxPlayers, data = {} } = options;
  const body = { data, ...(maxPlayers !== undefined && { maxPlayers }) };
  await ask(options, { path: pathTo(options, "lobby"), method: "PUT", ticket, body, signal });
}

/** Takes the room out of the list. */
export async function withdrawRoom(options: Omit<AnnounceOptions, "maxPlayers" | "data">): Promise<void> {
  const { ticket, signal } = options;
  await ask(options, { path: pathTo(options, "lobby"), method: "DELETE", ticket, signal });
}

function queryOf({ where = {}, free, region, limit, after }: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, condition] of Object.entries(where)) {
    if (typeof condition !== "object") query.append(`data.${name}`, String(condition));
    else for (const bound of ["min", "max"] as const) append(query, `data.${name}.${bound}`, condition[bound]);
  }
  for (const [name, value] of Object.entries({ free, region, limit, after })) append(query, name, value);
  return query;
}

function append(query: URLSearchParams, name: string, value: string | number | undefined): void {
  if (value === undefined) return;
  if (Number.isNaN(value)) throw new RelayError("invalid_argument", `Cannot list rooms: ${name} is no number`);
  query.append(name, String(value));
}
