/** Asks the admin API for what `top` shows (docs/admin-api.md). */
import type { ConnectionView } from "../../relay/connection-view.ts";
import type { AppSummary, RoomSummary } from "../../relay/directory/report.ts";
import { ask } from "../relay-http.ts";
import { type ConnectionRow, Rates, type RoomRow, connectionRow, roomRow } from "./figures.ts";

/** More than anybody reads; each page of rooms is a request. */
const MAX_ROOMS = 1_000;
const MAX_APPS = 200;
const PAGE = 200;

export interface RoomPlace {
  readonly app: number;
  readonly room: string | null;
}

/** What the API can sort by, so that the page that is asked for is the one to see. */
export type ApiSort = "created" | "lastActivity" | "packets" | "bytes";

export interface ConnectionPage {
  readonly rows: readonly ConnectionRow[];
  /** Of which the rows are the first. */
  readonly total: number;
}

interface Page {
  readonly next: string | number | null;
}

export class Source {
  readonly #relay: URL;
  readonly #token: string;
  readonly #rooms = new Rates();
  readonly #connections = new Rates();

  constructor(relay: URL, token: string) {
    this.#relay = relay;
    this.#token = token;
  }

  /** Of all apps, or of one. */
  async rooms(app: number | undefined): Promise<RoomRow[]> {
    const apps = app === undefined ? await this.#apps() : [app];
    const rows: RoomRow[] = [];
    for (const id of apps) {
      const rooms = await this.#all<RoomSummary>(`/apps/${id}/rooms`, "rooms", MAX_ROOMS - rows.length);
      rows.push(...rooms.map((summary) => roomRow(id, summary, this.#rooms, Date.now())));
      if (rows.length >= MAX_ROOMS) break;
    }
    this.#rooms.turnOver();
    return rows;
  }

  async connections({ app, room }: RoomPlace, sort: ApiSort, limit: number): Promise<ConnectionPage> {
    const path = room === null ? `/apps/${app}` : `/apps/${app}/rooms/${encodeURIComponent(room)}`;
    const query = new URLSearchParams({ sort, order: "desc", limit: String(limit) });
    const answer = await this.#ask<{ connections: ConnectionView[]; total: number }>(`${path}/connections?${query}`);
    const rows = answer.connections.map((view) => connectionRow(view, this.#connections, Date.now()));
    this.#connections.turnOver();
    return { rows, total: answer.total };
  }

  async #apps(): Promise<number[]> {
    const apps = await this.#all<AppSummary>("/apps", "apps", MAX_APPS);
    return apps.filter(({ rooms }) => rooms > 0).map(({ app }) => app);
  }

  async #all<Item>(path: string, list: string, max: number): Promise<Item[]> {
    const items: Item[] = [];
    let after: string | undefined;
    while (items.length < max) {
      const query = new URLSearchParams({ limit: String(PAGE), ...(after !== undefined && { after }) });
      const page = await this.#ask<Page & Record<string, Item[]>>(`${path}?${query}`);
      items.push(...(page[list] ?? []));
      if (page.next === null || page.next === undefined) break;
      after = String(page.next);
    }
    return items.slice(0, max);
  }

  async #ask<Answer>(path: string): Promise<Answer> {
    return (await ask(this.#relay, `/v1/admin${path}`, { token: this.#token })) as Answer;
  }
}
