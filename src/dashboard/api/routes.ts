/** The admin API, route by route, typed by what the relay itself answers with. */
import { type Call, call } from "./client.ts";
import type * as Api from "./types.ts";

type Signal = AbortSignal | undefined;

export interface Page {
  readonly cursor: string | null;
  readonly limit: number;
}

export interface ConnectionFilter {
  readonly peer?: string | undefined;
  readonly type?: string | undefined;
  readonly state?: string | undefined;
  readonly sort?: "created" | "lastActivity" | "packets" | "bytes" | undefined;
  readonly order?: "asc" | "desc" | undefined;
}

export interface Listed<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
  readonly total: number | null;
}

const get = <T>(path: string, signal: Signal, query?: Call["query"]): Promise<T> =>
  call<T>(path, { ...(signal && { signal }), ...(query && { query }) });

/** The path of a room: an app's own room has no name. */
export function roomPath({ app, room }: Api.RoomPlace): string {
  return room === undefined ? `/apps/${app}` : `/apps/${app}/rooms/${encodeURIComponent(room)}`;
}

export const apps = (after: number | string | null, signal?: Signal) =>
  get<{ apps: Api.AppSummary[]; next: number | string | null }>("/apps", signal, { after, limit: 100 });

export const appTotals = (app: number, signal?: Signal) => get<Api.AppTotals>(`/apps/${app}/totals`, signal);

export const rooms = (app: number, after: string | null, signal?: Signal) =>
  get<{ rooms: Api.RoomSummary[]; next: string | null }>(`/apps/${app}/rooms`, signal, { after, limit: 100 });

export const settings = (app: number, signal?: Signal) => get<Api.Settings>(`/apps/${app}/settings`, signal);

export const putSettings = (app: number, overrides: Api.SettingOverrides) =>
  call<Api.Settings>(`/apps/${app}/settings`, { method: "PUT", body: overrides });

export const statistics = (place: Api.RoomPlace, signal?: Signal) =>
  get<Api.RoomStatistics>(`${roomPath(place)}/statistics`, signal);

export const history = (
  place: Api.RoomPlace,
  query: { resolution: Api.HistoryResolution; from: number; to?: number },
  signal?: Signal,
) =>
  get<{ resolution: Api.HistoryResolution; buckets: Api.HistoryBucket[] }>(`${roomPath(place)}/history`, signal, query);

export async function connections(
  place: Api.RoomPlace,
  filter: ConnectionFilter,
  page: Page,
  signal?: Signal,
): Promise<Listed<Api.ConnectionView>> {
  const path = `${roomPath(place)}/connections`;
  const query = { ...filter, cursor: page.cursor, limit: page.limit };
  const answer = await get<{ connections: Api.ConnectionView[]; next: string | null; total?: number }>(
    path,
    signal,
    query,
  );
  return { rows: answer.connections, next: answer.next, total: answer.total ?? null };
}

export const connection = (place: Api.RoomPlace, id: string, signal?: Signal) =>
  get<Api.ConnectionDetail>(`${roomPath(place)}/connections/${id}`, signal);

export const closeConnection = (place: Api.RoomPlace, id: string) =>
  call<void>(`${roomPath(place)}/connections/${id}`, { method: "DELETE" });

export async function peers(place: Api.RoomPlace, page: Page, signal?: Signal): Promise<Listed<Api.PeerView>> {
  const path = `${roomPath(place)}/peers`;
  const answer = await get<{ peers: Api.PeerView[]; next: string | null; total?: number }>(path, signal, { ...page });
  return { rows: answer.peers, next: answer.next, total: answer.total ?? null };
}

export const peer = (place: Api.RoomPlace, id: string, signal?: Signal) =>
  get<Api.PeerView>(`${roomPath(place)}/peers/${id}`, signal);

export const connectionsOfPeer = (place: Api.RoomPlace, id: string, signal?: Signal) =>
  get<{ connections: Api.ConnectionView[] }>(`${roomPath(place)}/peers/${id}/connections`, signal);

export const kick = (place: Api.RoomPlace, id: string) =>
  call<void>(`${roomPath(place)}/peers/${id}/kick`, { method: "POST" });

export async function bans(place: Api.RoomPlace, page: Page, signal?: Signal): Promise<Listed<Api.Ban>> {
  const query = { after: page.cursor, limit: page.limit };
  const answer = await get<{ bans: Api.Ban[]; next: string | null }>(`${roomPath(place)}/bans`, signal, query);
  return { rows: answer.bans, next: answer.next, total: null };
}

export interface BanTerms {
  /** Absent: for ever. */
  readonly seconds?: number;
  readonly reason: string;
}

export const ban = (place: Api.RoomPlace, kind: Api.BanKind, subject: string, terms: BanTerms) =>
  call<Api.Ban & { ended: number }>(banPath(place, kind, subject), { method: "PUT", body: terms });

export const unban = (place: Api.RoomPlace, kind: Api.BanKind, subject: string) =>
  call<void>(banPath(place, kind, subject), { method: "DELETE" });

function banPath(place: Api.RoomPlace, kind: Api.BanKind, subject: string): string {
  const name = encodeURIComponent(subject);
  if (kind === "ticket") return `${roomPath(place)}/tickets/${name}/revocation`;
  return `${roomPath(place)}/bans/${kind === "peer" ? "peers" : "addresses"}/${name}`;
}

export const drain = (place: Api.RoomPlace, reconnectAfterMs: number) =>
  call<{ ended: number }>(`${roomPath(place)}/drain`, { method: "POST", body: { reconnectAfterMs } });

export async function audit(place: Api.RoomPlace, page: Page, signal?: Signal): Promise<Listed<Api.AuditEntry>> {
  const path = `${roomPath(place)}/audit`;
  const answer = await get<{ entries: Api.AuditEntry[]; next: string | null }>(path, signal, { ...page });
  return { rows: answer.entries, next: answer.next, total: null };
}

export const openApi = (signal?: Signal) => get<Record<string, unknown>>("/openapi.json", signal);
