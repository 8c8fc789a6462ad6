/** The admin API, typed by the relay's own routes: what changes there does not compile here. */
import { ADMIN, answerOf, api, askSignedIn } from "./session.ts";
import type {
  BanKind,
  ConnectionStateName,
  ConnectionTypeName,
  HistoryResolution,
  RoomPlace,
  SettingOverrides,
} from "./types.ts";

const inApp = api.apps[":app"];
const inRoom = inApp.rooms[":room"];

type RoomRoutes = typeof inRoom;

export interface Page {
  readonly cursor: string | null;
  readonly limit: number;
}

export interface ConnectionFilter {
  readonly peer?: string | undefined;
  readonly type?: ConnectionTypeName | undefined;
  readonly state?: Exclude<ConnectionStateName, "Closed"> | undefined;
  readonly sort?: "created" | "lastActivity" | "packets" | "bytes" | undefined;
  readonly order?: "asc" | "desc" | undefined;
}

export interface Since {
  readonly resolution: HistoryResolution;
  /** ms */
  readonly from: number;
}

export interface Listed<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
  readonly total: number | null;
}

/** An app's own room has the same routes, one level higher; the name that it has not is not in their paths. */
function roomOf({ app, room }: RoomPlace): { routes: RoomRoutes; param: { app: string; room: string } } {
  const routes = room === undefined ? (inApp as unknown as RoomRoutes) : inRoom;
  return { routes, param: { app: String(app), room: encodeURIComponent(room ?? "") } };
}

/** As hono/client takes it, which types what is said and does not know `undefined`. */
function init(signal: AbortSignal | undefined): { init: RequestInit } {
  return { init: signal ? { signal } : {} };
}

export const apps = (after: number | null, signal?: AbortSignal) =>
  answerOf(api.apps.$get({ query: { limit: "100", ...(after !== null && { after: String(after) }) } }, init(signal)));

export const appTotals = (app: number, signal?: AbortSignal) =>
  answerOf(inApp.totals.$get({ param: { app: String(app) } }, init(signal)));

export const rooms = (app: number, after: string | null, signal?: AbortSignal) =>
  answerOf(
    inApp.rooms.$get(
      { param: { app: String(app) }, query: { limit: "100", ...(after !== null && { after }) } },
      init(signal),
    ),
  );

export const settings = (app: number, signal?: AbortSignal) =>
  answerOf(inApp.settings.$get({ param: { app: String(app) } }, init(signal)));

export const putSettings = (app: number, overrides: SettingOverrides) =>
  answerOf(inApp.settings.$put({ param: { app: String(app) }, json: overrides }));

export function statistics(place: RoomPlace, signal?: AbortSignal) {
  const { routes, param } = roomOf(place);
  return answerOf(routes.statistics.$get({ param }, init(signal)));
}

export function history(place: RoomPlace, { resolution, from }: Since, signal?: AbortSignal) {
  const { routes, param } = roomOf(place);
  return answerOf(routes.history.$get({ param, query: { resolution, from: String(from) } }, init(signal)));
}

export async function connections(place: RoomPlace, filter: ConnectionFilter, page: Page, signal?: AbortSignal) {
  const { routes, param } = roomOf(place);
  const query = given({ ...filter, ...pageQuery(page) });
  const { connections: rows, next, total } = await answerOf(routes.connections.$get({ param, query }, init(signal)));
  return { rows, next, total };
}

export function connection(place: RoomPlace, id: string, signal?: AbortSignal) {
  const { routes, param } = roomOf(place);
  return answerOf(routes.connections[":id"].$get({ param: { ...param, id: encodeURIComponent(id) } }, init(signal)));
}

export function closeConnection(place: RoomPlace, id: string) {
  const { routes, param } = roomOf(place);
  return answerOf(routes.connections[":id"].$delete({ param: { ...param, id: encodeURIComponent(id) } }));
}

export async function peers(place: RoomPlace, page: Page, signal?: AbortSignal) {
  const { routes, param } = roomOf(place);
  const query = given(pageQuery(page));
  const { peers: rows, next, total } = await answerOf(routes.peers.$get({ param, query }, init(signal)));
  return { rows, next, total };
}

export function peer(place: RoomPlace, id: string, signal?: AbortSignal) {
  const { routes, param } = roomOf(place);
  return answerOf(routes.peers[":peer"].$get({ param: { ...param, peer: encodeURIComponent(id) } }, init(signal)));
}

export function connectionsOfPeer(place: RoomPlace, id: string, signal?: AbortSignal) {
  const { routes, param } = roomOf(place);
  return answerOf(
    routes.peers[":peer"].connections.$get({ param: { ...param, peer: encodeURIComponent(id) } }, init(signal)),
  );
}

export function kick(place: RoomPlace, id: string) {
  const { routes, param } = roomOf(place);
  return answerOf(routes.peers[":peer"].kick.$post({ param: { ...param, peer: encodeURIComponent(id) } }));
}

export async function bans(place: RoomPlace, { cursor, limit }: Page, signal?: AbortSignal) {
  const { routes, param } = roomOf(place);
  const query = { limit: String(limit), ...(cursor !== null && { after: cursor }) };
  const { bans: rows, next } = await answerOf(routes.bans.$get({ param, query }, init(signal)));
  return { rows, next, total: null };
}

export interface BanTerms {
  /** Absent: for ever. */
  readonly seconds?: number;
  readonly reason: string;
}

export function ban(place: RoomPlace, kind: BanKind, subject: string, json: BanTerms) {
  const { routes, param } = roomOf(place);
  const name = encodeURIComponent(subject);
  if (kind === "peer") return answerOf(routes.bans.peers[":peer"].$put({ param: { ...param, peer: name }, json }));
  if (kind === "address") {
    return answerOf(routes.bans.addresses[":address"].$put({ param: { ...param, address: name }, json }));
  }
  return answerOf(routes.tickets[":jti"].revocation.$put({ param: { ...param, jti: name }, json }));
}

export function unban(place: RoomPlace, kind: BanKind, subject: string) {
  const { routes, param } = roomOf(place);
  const name = encodeURIComponent(subject);
  if (kind === "peer") return answerOf(routes.bans.peers[":peer"].$delete({ param: { ...param, peer: name } }));
  if (kind === "address") {
    return answerOf(routes.bans.addresses[":address"].$delete({ param: { ...param, address: name } }));
  }
  return answerOf(routes.tickets[":jti"].revocation.$delete({ param: { ...param, jti: name } }));
}

export function drain(place: RoomPlace, reconnectAfterMs: number) {
  const { routes, param } = roomOf(place);
  return answerOf(routes.drain.$post({ param, json: { reconnectAfterMs } }));
}

export async function audit(place: RoomPlace, page: Page, signal?: AbortSignal) {
  const { routes, param } = roomOf(place);
  const query = given(pageQuery(page));
  const { entries: rows, next } = await answerOf(routes.audit.$get({ param, query }, init(signal)));
  return { rows, next, total: null };
}

/** The document describes the other routes, and itself has no type. */
export const openApi = async (signal?: AbortSignal): Promise<unknown> =>
  answerOf(askSignedIn(`${ADMIN}/openapi.json`, signal ? { signal } : {}));

/** The path of a room's live feed, which is no route of hono/client: what it sends is a WebSocket's. */
export function watchPath(place: RoomPlace): string {
  return `${pathOf(place)}/watch`;
}

function pathOf({ app, room }: RoomPlace): string {
  return `${ADMIN}/apps/${app}${room === undefined ? "" : `/rooms/${encodeURIComponent(room)}`}`;
}

function pageQuery({ cursor, limit }: Page) {
  return { cursor: cursor ?? undefined, limit: String(limit) };
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}
