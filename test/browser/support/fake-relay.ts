/**
 * `node … test/browser/support/fake-relay.ts [port] [connections]`: the pages, and an admin API that is played. For making
 * the dashboard only; the tests have real relays. Tokens: "operate" and "read".
 */
import { readFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { PAGES_FOLDER } from "../../../scripts/build-pages.ts";
import { PAGE_HEADERS } from "../../../src/http/pages.ts";
import { DEFAULT_SETTINGS } from "../../../src/relay/settings.ts";
import { FakeRoom } from "./fake-room.ts";

const TYPES: Readonly<Record<string, string>> = { html: "text/html", js: "text/javascript", css: "text/css" };
const ROOM = /^\/v1\/admin\/apps\/480(?:\/rooms\/[^/]+)?(\/.+)$/;

export interface FakeRelay {
  readonly url: string;
  readonly room: FakeRoom;
  stop(): void;
}

type Answer = { readonly status: number; readonly body?: unknown };
const ok = (body: unknown): Answer => ({ status: 200, body });
const refused = (status: number, code: string, detail: string): Answer => ({ status, body: { code, detail, status } });

export async function startFakeRelay(port: number, connections: number): Promise<FakeRelay> {
  const room = new FakeRoom(connections);
  let overrides: Record<string, number> = { idleTimeoutMs: 120_000 };
  const general = (path: string, method: string, body: Record<string, number>, scope: string): Answer | undefined => {
    const statistics = room.statistics();
    if (path === "/whoami") return ok({ name: "admin", scope, apps: null, runtime: "node", version: "0.1.0" });
    if (path === "/openapi.json")
      return ok(JSON.parse(readFileSync(new URL("fake-openapi.json", import.meta.url), "utf8")));
    if (path === "/apps") {
      const one = { rooms: 3, peers: statistics.peers, activeConnections: statistics.activeConnections };
      return ok({
        apps: [
          { app: 480, ...one, lastSeen: Date.now() - 900 },
          { app: 730, ...one, peers: 12, activeConnections: 9, rooms: 1, lastSeen: Date.now() - 61_000 },
        ],
        next: null,
      });
    }
    if (path === "/apps/480/totals") return ok({ app: 480, rooms: 3, oldest: Date.now() - 12_000, statistics });
    if (path === "/apps/480/rooms") {
      const rooms = [null, "lobby-eu-1", "match-7f3a"].map((name) => ({
        room: name,
        region: name ? "weur" : null,
        lastSeen: Date.now() - 2_000,
        statistics,
      }));
      return ok({ rooms, next: null });
    }
    if (path === "/apps/480/settings") {
      if (method === "PUT") overrides = body;
      return ok({ settings: { ...DEFAULT_SETTINGS, ...overrides }, overrides });
    }
    return undefined;
  };

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const url = new URL(request.url ?? "/", "http://x");
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token !== "operate" && token !== "read")
      return refused(401, "admin_token_wrong", "this is no admin token of this relay");
    const method = request.method ?? "GET";
    if (method !== "GET" && token === "read") return refused(403, "admin_scope", "this token may only read");
    const body = await bodyOf(request);
    const path = url.pathname.slice("/v1/admin".length);
    const known = general(path, method, body as Record<string, number>, token);
    if (known) return known;
    const inRoom = ROOM.exec(url.pathname)?.[1];
    return inRoom
      ? answerInRoom(room, inRoom, method, url.searchParams, body)
      : refused(404, "not_found", `there is nothing at ${path}`);
  };

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://x").pathname;
    if (path.startsWith("/v1/admin/") && path !== "/v1/admin/docs") {
      void answer(request).then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(body === undefined ? undefined : JSON.stringify(body));
      });
    } else servePage(path === "/v1/admin/docs" ? "/dashboard/" : path, response);
  });
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: 1_024,
    perMessageDeflate: false,
    skipUTF8Validation: false,
    handleProtocols: () => "edge-relay.watch.v1",
  });
  server.on("upgrade", (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (client) => {
      const tell = (event: unknown): void => client.send(JSON.stringify(event));
      tell({ type: "statistics", at: Date.now(), room: "lobby-eu-1", statistics: room.statistics() });
      room.listeners.add(tell);
      client.on("close", () => room.listeners.delete(tell));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const stop = (): void => {
    room.stop();
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, room, stop };
}

function answerInRoom(
  room: FakeRoom,
  path: string,
  method: string,
  query: URLSearchParams,
  body: Record<string, unknown>,
): Answer {
  const all = [...room.connections.values()];
  const [, kind = "", subject = "", what = ""] = path.split("/").map(decodeURIComponent);
  const of = (peer: string) => all.filter(({ fromPeerId, toPeerId }) => fromPeerId === peer || toPeerId === peer);
  const view = (peer: string) => peerView(peer, of(peer).length);
  switch (kind) {
    case "statistics":
      return ok(room.statistics());
    case "history": {
      const resolution = query.get("resolution") ?? "minute";
      const step = resolution === "hour" ? 3_600_000 : 60_000;
      return ok({ resolution, buckets: room.history(step, Number(query.get("from")), Date.now()) });
    }
    case "connections":
      if (subject === "") return ok(page("connections", sorted(all, query), query));
      if (method === "DELETE")
        return room.close(subject) ? { status: 204 } : refused(404, "connection_not_found", "gone");
      return room.connections.has(subject)
        ? ok(detail(room, subject))
        : refused(404, "connection_not_found", `there is no open connection ${subject}`);
    case "peers":
      if (subject === "") {
        const { items, next, total } = slice(room.peerIds, query);
        return ok({ peers: items.map((peer) => peerView(peer, 5)), next, total });
      }
      if (what === "connections") return ok({ connections: of(subject) });
      if (what === "kick") {
        room.record("kick", `peer ${subject}`);
        return room.kick(subject)
          ? { status: 204 }
          : refused(404, "peer_not_found", `peer ${subject} is not in this room`);
      }
      return room.peerIds.includes(subject)
        ? ok(view(subject))
        : refused(404, "peer_not_found", `peer ${subject} is not in this room`);
    case "bans":
      if (subject === "") return ok({ bans: room.bans, next: null });
      return changeBan(room, subject === "peers" ? "peer" : "address", what, method, body);
    case "audit":
      return ok({ entries: room.audit, next: null });
    case "drain":
      return ok({ ended: room.peerIds.length });
    default:
      return refused(404, "not_found", `there is nothing at ${path}`);
  }
}

function changeBan(
  room: FakeRoom,
  kind: string,
  subject: string,
  method: string,
  body: Record<string, unknown>,
): Answer {
  const index = room.bans.findIndex((ban) => ban.kind === kind && ban.subject === subject);
  if (index !== -1) room.bans.splice(index, 1);
  room.record(method === "PUT" ? "ban" : "unban", `${kind} ${subject}`, String(body["reason"] ?? ""));
  if (method !== "PUT") return index === -1 ? refused(404, "ban_not_found", "there is no such ban") : { status: 204 };
  const until = body["seconds"] === undefined ? null : Date.now() + Number(body["seconds"]) * 1000;
  const ban = { kind, subject, until, created: Date.now(), reason: String(body["reason"] ?? "") };
  room.bans.push(ban);
  return ok({ ...ban, ended: room.kick(subject) ? 1 : 0 });
}

function sorted(
  all: ReturnType<FakeRoom["connections"]["values"]> extends Iterable<infer T> ? T[] : never,
  query: URLSearchParams,
) {
  const matches = (name: string, ...values: string[]): boolean =>
    !query.get(name) || values.includes(query.get(name) ?? "");
  const fields = {
    created: "created",
    lastActivity: "lastActivity",
    packets: "packetsRelayed",
    bytes: "bytesRelayed",
  } as const;
  const field = fields[(query.get("sort") ?? "created") as keyof typeof fields];
  const sign = query.get("order") === "asc" ? 1 : -1;
  return all
    .filter(
      (one) =>
        matches("peer", one.fromPeerId, one.toPeerId) && matches("type", one.type) && matches("state", one.state),
    )
    .toSorted((a, b) => sign * (a[field] - b[field]));
}

function slice<T>(items: readonly T[], query: URLSearchParams) {
  const from = Number(query.get("cursor") ?? 0);
  const to = from + Number(query.get("limit") ?? 100);
  return { items: items.slice(from, to), next: to < items.length ? String(to) : null, total: items.length };
}

function page<T>(name: string, all: readonly T[], query: URLSearchParams) {
  const { items, next, total } = slice(all, query);
  return { [name]: items, next, total };
}

function peerView(peer: string, connections: number) {
  const odd = Number(BigInt(peer) % 13n);
  return {
    peer,
    state: odd === 5 ? "away" : "present",
    since: Date.now() - 3_600_000 + odd * 60_000,
    lastHeard: Date.now() - odd * 900,
    connections,
    address: `198.51.100.${odd + 20}`,
    rateClass: odd === 7 ? "server" : null,
    queuedBytes: odd === 9 ? 48_128 : 0,
    stalled: odd === 9,
  };
}

function end(peer: string, pingMs: number, local: number) {
  const quality = { at: Date.now() - 1_400, pingMs, local, remote: 0.998 };
  return { peer, presence: "present", lastHeard: Date.now() - 700, queuedBytes: 0, quality };
}

function detail(room: FakeRoom, id: string) {
  const connection = room.connections.get(id)!;
  const { created, fromPeerId, toPeerId } = connection;
  const states = [
    { state: "Connecting", at: created },
    { state: "Connected", at: created + 1_840 },
  ];
  return { ...connection, states, ends: [end(fromPeerId, 34, 0.997), end(toPeerId, 61, 0.942)] };
}

function servePage(path: string, response: ServerResponse): void {
  const file = path.endsWith("/") ? `${path}index.html` : path;
  try {
    const content = readFileSync(join(PAGES_FOLDER, file));
    response.writeHead(200, { ...PAGE_HEADERS, "content-type": TYPES[file.split(".").at(-1) ?? ""] ?? "text/plain" });
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startFakeRelay(Number(process.argv[2] ?? 8790), Number(process.argv[3] ?? 10_000));
  console.log(`A played relay at ${url}/dashboard/ (tokens: operate, read)`);
}
