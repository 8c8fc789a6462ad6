/** Sockets between the objects of two rooms (relay/trunk/). */
import type { TrunkPort, TrunkSocket } from "../../relay/ports.ts";
import type { TrunkSurvivor } from "../../relay/room.ts";
import { log } from "../log.ts";
import { parseRoomAddress, roomIn } from "../room-address.ts";
import { closeQuietly } from "./hibernatable-socket.ts";
import type { RelayObjects } from "./objects.ts";

/** The tag of sockets that other rooms have dialed. What is attached to them is the name of the other room. */
const TRUNK_TAG = "trunk";

/** Object → object, and no other: the worker asks at addresses of its own, so nobody becomes a trunk by what it sends. */
const TRUNK_URL = "https://room/trunk";
const FROM_HEADER = "edge-relay-from";

/** How the platform's events reach the rules, each as an event of the object. */
export interface TrunkEvents {
  message(socket: TrunkSocket, bytes: Uint8Array): void;
  closed(socket: TrunkSocket): void;
}

export function isTrunkRequest({ url }: Request): boolean {
  return url === TRUNK_URL;
}

export class Trunks implements TrunkPort {
  readonly #ctx: DurableObjectState;
  readonly #objects: RelayObjects;
  readonly #events: TrunkEvents;
  readonly #accepted = new Map<WebSocket, AcceptedTrunk>();

  constructor(ctx: DurableObjectState, objects: RelayObjects, events: TrunkEvents) {
    this.#ctx = ctx;
    this.#objects = objects;
    this.#events = events;
  }

  /** What is said on it before it is open waits in it: the rules have bounds for what a trunk owes a credit for. */
  dial(room: string): TrunkSocket {
    const socket = new DialedTrunk(this.#events);
    this.#ctx.waitUntil(this.#open(room, socket));
    return socket;
  }

  /** Those that were open while the object was evicted. */
  survivors(): TrunkSurvivor[] {
    this.#accepted.clear();
    const found: TrunkSurvivor[] = [];
    for (const ws of this.#ctx.getWebSockets(TRUNK_TAG)) {
      if (ws.readyState !== WebSocket.OPEN) continue;
      const { trunk } = ws.deserializeAttachment() as { trunk: string };
      found.push({ socket: this.#socketOf(ws), room: trunk });
    }
    return found;
  }

  /** Another room dials. */
  accept(request: Request): { readonly socket: TrunkSocket; readonly from: string; readonly response: Response } {
    const { app, room: from = "" } = parseRoomAddress(request.headers.get(FROM_HEADER) ?? undefined);
    const own = parseRoomAddress(this.#ctx.id.name);
    if (app !== own.app) throw new Error(`Cannot accept a trunk of app ${app} in a room of app ${own.app}`);
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, [TRUNK_TAG]);
    server.serializeAttachment({ trunk: from });
    return { socket: this.#socketOf(server), from, response: new Response(null, { status: 101, webSocket: client }) };
  }

  socketOf(ws: WebSocket): TrunkSocket | undefined {
    return this.#accepted.get(ws);
  }

  /** Its close event has come. */
  gone(ws: WebSocket): void {
    this.#accepted.delete(ws);
  }

  #socketOf(ws: WebSocket): AcceptedTrunk {
    const socket = new AcceptedTrunk(ws);
    this.#accepted.set(ws, socket);
    return socket;
  }

  async #open(room: string, socket: DialedTrunk): Promise<void> {
    const own = this.#ctx.id.name ?? "";
    try {
      const { app } = parseRoomAddress(own);
      const object = this.#objects.room({ app, room: roomIn(room) });
      const headers = { upgrade: "websocket", [FROM_HEADER]: own };
      const { webSocket, status } = await object.fetch(new Request(TRUNK_URL, { headers }));
      if (!webSocket) throw new Error(`the room answered ${status}`);
      socket.opened(webSocket);
    } catch (error) {
      log({ level: "warn", event: "trunk_failed", room: own, to: room, error: String(error) });
      socket.failed();
    }
  }
}

/** Hibernates with the object. */
class AcceptedTrunk implements TrunkSocket {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  send(bytes: Uint8Array): void {
    sendOn(this.#socket, bytes);
  }

  close(code: number, reason: string): void {
    closeQuietly(this.#socket, code, reason);
  }

  bufferedAmount(): number | undefined {
    return bufferedOn(this.#socket);
  }
}

/** Keeps its object in memory for as long as it is open (relay/trunk/resting.ts). */
class DialedTrunk implements TrunkSocket {
  readonly #events: TrunkEvents;
  #socket: WebSocket | undefined;
  #waiting: Uint8Array[] = [];
  #isOver = false;

  constructor(events: TrunkEvents) {
    this.#events = events;
  }

  opened(socket: WebSocket): void {
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (!this.#isOver && typeof data !== "string") this.#events.message(this, new Uint8Array(data as ArrayBuffer));
    });
    socket.addEventListener("close", () => this.failed());
    socket.addEventListener("error", () => this.failed());
    socket.accept();
    if (this.#isOver) return closeQuietly(socket, 1000, "closed before it was open");
    this.#socket = socket;
    for (const bytes of this.#waiting.splice(0)) sendOn(socket, bytes);
  }

  failed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#events.closed(this);
  }

  send(bytes: Uint8Array): void {
    if (this.#socket) sendOn(this.#socket, bytes);
    else this.#waiting.push(bytes);
  }

  close(code: number, reason: string): void {
    this.#isOver = true;
    this.#waiting = [];
    if (this.#socket) closeQuietly(this.#socket, code, reason);
  }

  bufferedAmount(): number | undefined {
    if (this.#socket) return bufferedOn(this.#socket);
    return this.#waiting.reduce((sum, { length }) => sum + length, 0);
  }
}

function sendOn(socket: WebSocket, bytes: Uint8Array): void {
  try {
    socket.send(bytes);
  } catch (error) {
    // One that is closing throws, and its close event is on its way.
    if (socket.readyState === WebSocket.OPEN) throw error;
  }
}

function bufferedOn(socket: WebSocket): number | undefined {
  return (socket as { bufferedAmount?: number }).bufferedAmount; // newer than the published types
}
