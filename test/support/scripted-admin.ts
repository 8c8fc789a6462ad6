/** An admin API that answers by the contract, with what the test says: rooms of apps, and connections of one room. */
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export const SCRIPTED_TOKEN = "scripted-admin-token";

export interface ScriptedRoom {
  readonly app: number;
  readonly room: string | null;
  peers: number;
  packets: number;
  bytes: number;
  drops: number;
  lastSeen: number;
  readonly connections: { connectionId: string; packets: number; bytes: number }[];
}

export function scriptedRoom(app: number, room: string | null, values: Partial<ScriptedRoom> = {}): ScriptedRoom {
  return { app, room, peers: 2, packets: 0, bytes: 0, drops: 0, lastSeen: 0, connections: [], ...values };
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

export class ScriptedAdmin {
  readonly rooms: ScriptedRoom[] = [];
  /** Before each answer: time goes on. */
  onRequest: (path: string, query: URLSearchParams) => void;
  readonly asked: string[] = [];
  isFailing = false;
  readonly #server: Server;

  private constructor(onRequest: ScriptedAdmin["onRequest"]) {
    this.onRequest = onRequest;
    this.#server = createServer((request, response) => {
      const { status, body } = this.#answer(new URL(request.url ?? "/", this.url), request.headers.authorization);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  }

  static async start(onRequest: ScriptedAdmin["onRequest"] = () => undefined): Promise<ScriptedAdmin> {
    const admin = new ScriptedAdmin(onRequest);
    await new Promise<void>((resolve) => admin.#server.listen(0, "127.0.0.1", resolve));
    return admin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ pathname, searchParams: query }: URL, authorization: string | undefined): Answer {
    const path = pathname.replace(/^\/v1\/admin/, "");
    this.asked.push(path);
    if (authorization !== `Bearer ${SCRIPTED_TOKEN}`) return problem(401, "admin_token_wrong");
    if (this.isFailing) return problem(503, "room_overloaded");
    this.onRequest(path, query);
    if (path === "/apps") return ok(this.#apps(query));
    const [, app, list] = /^\/apps\/(\d+)\/(rooms|connections)$/.exec(path) ?? [];
    if (list === "rooms") return ok(this.#roomsOf(Number(app), query));
    if (list === "connections") return ok(this.#connectionsOf(Number(app), null, query));
    const [, named, name] = /^\/apps\/(\d+)\/rooms\/([^/]+)\/connections$/.exec(path) ?? [];
    return name === undefined ? problem(404, "not_found") : ok(this.#connectionsOf(Number(named), name, query));
  }

  #apps(query: URLSearchParams): object {
    const after = Number(query.get("after") ?? 0);
    const ids = [...new Set(this.rooms.map(({ app }) => app))].filter((app) => app > after).toSorted((a, b) => a - b);
    return paged(
      "apps",
      ids.map((app) => ({ app, rooms: 1, peers: 2, activeConnections: 1, lastSeen: 0 })),
      query,
      ({ app }) => app,
    );
  }

  #roomsOf(app: number, query: URLSearchParams): object {
    const after = query.get("after");
    const rooms = this.rooms.filter((room) => room.app === app && (after === null || (room.room ?? "") > after));
    const summaries = rooms.map(({ room, peers, packets, bytes, drops, lastSeen, connections }) => ({
      room,
      region: null,
      lastSeen,
      statistics: {
        peers,
        activeConnections: connections.length,
        totalPackets: packets,
        totalBytes: bytes,
        drops: { peer_away: drops },
      },
    }));
    return paged("rooms", summaries, query, ({ room }) => room ?? "");
  }

  #connectionsOf(app: number, room: string | null, query: URLSearchParams): object {
    const found = this.rooms.find((candidate) => candidate.app === app && candidate.room === room);
    const views = (found?.connections ?? []).map(({ connectionId, packets, bytes }) => ({
      connectionId,
      fromPeerId: "76561197960287930",
      toPeerId: "76561197960287931",
      appId: app,
      type: "NetworkingSockets",
      state: "Connected",
      packetsRelayed: packets,
      bytesRelayed: bytes,
    }));
    const by = query.get("sort") === "packets" ? "packetsRelayed" : "bytesRelayed";
    const sorted = views.toSorted((a, b) => b[by] - a[by]);
    return { connections: sorted.slice(0, Number(query.get("limit"))), next: null, total: views.length };
  }
}

function paged<Item>(
  list: string,
  items: Item[],
  query: URLSearchParams,
  place: (item: Item) => string | number,
): object {
  const limit = Number(query.get("limit") ?? 100);
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return { [list]: page, next: items.length > limit && last ? place(last) : null };
}

function ok(body: object): Answer {
  return { status: 200, body };
}

function problem(status: number, code: string): Answer {
  return { status, body: { code, detail: "as the test wants it" } };
}
