/** The relay on Node: `node:http` for requests, `ws` for sockets. */
import { type IncomingMessage, type Server, ServerResponse, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Duplex, Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { type WebSocket, WebSocketServer } from "ws";
import type { Listening } from "../standalone/main.ts";
import { MAX_MESSAGE, type StandaloneRelay, noHandshake } from "../standalone/relay.ts";
import type { StandaloneConfiguration } from "../standalone/configuration.ts";
import type { PlatformSocket, Upgraded } from "../standalone/upgraded.ts";

/** Whom requests that are just being upgraded are for. */
const upgrades = new WeakMap<IncomingMessage, Upgraded>();

const sockets = new WebSocketServer({
  noServer: true,
  clientTracking: true,
  maxPayload: MAX_MESSAGE,
  skipUTF8Validation: true, // text is only compared with "ping" (rule P8), and reasons of a close are not read
  perMessageDeflate: false, // the default, and to stay so: it costs more than all else of a message
  // By default the first that is offered, which may be the ticket.
  handleProtocols: (_offered, incoming) => upgrades.get(incoming)?.subprotocol ?? false,
});

export function listen(relay: StandaloneRelay, { host, port, tls }: StandaloneConfiguration): Promise<Listening> {
  const server: Server = tls ? createTlsServer({ ...tls }) : createServer();
  server.on("request", (incoming, response) => void respond(relay, incoming, response));
  server.on("upgrade", (incoming, socket, head) => void upgrade(relay, incoming, socket, head));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        openSockets: () => sockets.clients.size,
      });
    });
  });
}

async function respond(relay: StandaloneRelay, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = requestOf(incoming);
  const answer = request ? await relay.answer(request, incoming.socket.remoteAddress) : badRequest();
  // An `Upgrade: websocket` without `Connection: upgrade` comes here.
  await write(answer instanceof Response ? answer : noHandshake(), response);
}

async function upgrade(relay: StandaloneRelay, incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  socket.on("error", destroy); // Node leaves the socket to us: unheard, its error would end the process
  const request = requestOf(incoming);
  const answer = request ? await relay.answer(request, incoming.socket.remoteAddress) : badRequest();
  if (!(answer instanceof Response)) {
    upgrades.set(incoming, answer);
    sockets.handleUpgrade(incoming, socket, head, (ws) => attach(answer, ws));
    return void socket.off("error", destroy);
  }
  const response = new ServerResponse(incoming);
  response.shouldKeepAlive = false;
  response.assignSocket(incoming.socket);
  response.once("finish", () => socket.end());
  await write(answer, response);
}

function destroy(this: Duplex): void {
  this.destroy();
}

function ignore(): void {
  // An error that is unheard would end the process; a close event follows it.
}

function attach(upgraded: Upgraded, ws: WebSocket): void {
  ws.on("message", (data, isBinary) => upgraded.message(isBinary ? plain(data) : Buffer.from(data).toString()));
  ws.on("close", (code) => upgraded.closed(code));
  ws.on("error", ignore);
  upgraded.opened(new NodeSocket(ws));
}

/** `ws` never throws on a closed socket. It sends a view as it is, without a copy: nobody writes to it afterwards. */
class NodeSocket implements PlatformSocket {
  readonly #ws: WebSocket;

  constructor(ws: WebSocket) {
    this.#ws = ws;
  }

  send(data: Uint8Array | string): void {
    this.#ws.send(data);
  }

  /** Where the other end does not answer, `ws` drops the connection after 30 s. */
  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  bufferedAmount(): number {
    return this.#ws.bufferedAmount;
  }
}

/**
 * `binaryType` stays "nodebuffer": "arraybuffer" would copy each message. The Buffer may be a part of what was read from
 * the network, which Node does not use again, so it may be kept; its `slice` is a view, where the rules expect a copy.
 */
function plain(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Undefined for what the Fetch standard cannot express. */
function requestOf(incoming: IncomingMessage): Request | undefined {
  const { method = "GET", headers } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  try {
    return new Request(urlOf(incoming), {
      method,
      headers: Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]),
      ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" }),
    });
  } catch {
    return undefined;
  }
}

/**
 * `//host/path` is a path here, as it is to whatever stands before the relay and lets only some paths through; as a
 * relative URL it would be `/path` of another host.
 */
function urlOf({ url = "/", headers, socket }: IncomingMessage): URL {
  const scheme = (socket as TLSSocket).encrypted ? "https" : "http";
  const { origin } = new URL(`${scheme}://${headers.host ?? "localhost"}`);
  return url.startsWith("/") ? new URL(`${origin}${url}`) : new URL(url, origin);
}

function badRequest(): Response {
  return new Response(null, { status: 400 });
}

async function write(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
}
