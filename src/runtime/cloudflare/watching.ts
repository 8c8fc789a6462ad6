import { tooManyWatchers } from "../../http/problem.ts";
import type { Room } from "../../relay/room.ts";
import { WATCH_SUBPROTOCOL } from "../../relay/watching/events.ts";
import type { TextSocket } from "../../relay/watching/watcher.ts";
import type { Watchers } from "../../relay/watching/watchers.ts";
import { log } from "../log.ts";
import { watchersOf } from "../watchers-of.ts";
import { closeQuietly } from "./hibernatable-socket.ts";

/** The tag of all watchers' sockets; those of peers begin with "peer:". Nothing is attached to them. */
const WATCHER_TAG = "watcher";

/**
 * Worker → object. What the worker asks of an object it says with an address of its own, never with the client's: so
 * nothing that is sent by who asks to join can make a watcher of it.
 */
const WATCH_URL = "https://room/watch";
export const JOIN_URL = "https://room/join";

export function watchRequest(): Request {
  return new Request(WATCH_URL, { headers: { upgrade: "websocket", "sec-websocket-protocol": WATCH_SUBPROTOCOL } });
}

export function isWatchRequest({ url }: Request): boolean {
  return url === WATCH_URL;
}

/**
 * Those who watch the room of an object. Their sockets hibernate as those of peers do, and are found again by their tag:
 * to watch a room that is idle costs nothing.
 */
export class Watching {
  readonly #ctx: DurableObjectState;
  readonly #watchers: Watchers;
  readonly #sockets = new Map<WebSocket, HibernatableWatcher>();

  /** With those who outlived the memory: before the room is restored, so that they hear what has changed meanwhile. */
  constructor(ctx: DurableObjectState, room: Room, now: number) {
    this.#ctx = ctx;
    this.#watchers = watchersOf(room, ctx.id.name ?? "");
    for (const ws of ctx.getWebSockets(WATCHER_TAG)) {
      // The platform also lists those that the relay has closed, until their other end answers.
      if (ws.readyState === WebSocket.OPEN) this.#watchers.restore(this.#socketOf(ws), now);
    }
  }

  accept(now: number): Response {
    if (this.#watchers.isFull(now)) return tooManyWatchers();
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, [WATCHER_TAG]);
    this.#watchers.add(this.#socketOf(server), now);
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: { "sec-websocket-protocol": WATCH_SUBPROTOCOL },
    });
  }

  has(ws: WebSocket): boolean {
    return this.#sockets.has(ws);
  }

  /** Keep-alives are the platform's to answer, so anything that comes here is something else. */
  message(ws: WebSocket): void {
    const socket = this.#sockets.get(ws);
    if (socket) this.#watchers.refuseMessage(socket);
  }

  gone(ws: WebSocket): void {
    const socket = this.#sockets.get(ws);
    this.#sockets.delete(ws);
    if (socket) this.#watchers.remove(socket);
  }

  /** Something has changed that is no turn of the room. */
  changed(now: number): void {
    if (this.#watchers.count > 0) this.#watchers.turnEnded(now);
  }

  #socketOf(ws: WebSocket): HibernatableWatcher {
    const socket = new HibernatableWatcher(this.#ctx, ws);
    this.#sockets.set(ws, socket);
    return socket;
  }
}

class HibernatableWatcher implements TextSocket {
  readonly #ctx: DurableObjectState;
  readonly #socket: WebSocket;

  constructor(ctx: DurableObjectState, socket: WebSocket) {
    this.#ctx = ctx;
    this.#socket = socket;
  }

  send(text: string): void {
    try {
      this.#socket.send(text);
    } catch (error) {
      // One that is closing throws, and its close event is on its way.
      if (this.#socket.readyState !== WebSocket.OPEN) return;
      log({ level: "error", event: "watcher_failed", room: this.#ctx.id.name, error: String(error) });
    }
  }

  close(code: number, reason: string): void {
    closeQuietly(this.#socket, code, reason);
  }

  bufferedAmount(): number | undefined {
    return (this.#socket as { bufferedAmount?: number }).bufferedAmount; // newer than the published types
  }

  lastKeepAlive(): number {
    return this.#ctx.getWebSocketAutoResponseTimestamp(this.#socket)?.getTime() ?? 0;
  }
}
