/**
 * The relay that ships, with a back door for what nobody can do to a local workerd from outside: abort an object as a
 * deploy does, break what is between two of them, make the clock jump, collect garbage before memory is measured, and tell
 * how often each room was built.
 * For the fault campaign only; nothing of it is deployed.
 */
import { RelayRoom as ShippedRoom } from "../../../src/runtime/cloudflare/relay-room.ts";
import type { RelayEnv } from "../../../src/runtime/cloudflare/env.ts";
import relay from "../../../src/runtime/cloudflare/worker.ts";

/** What frames are lost on a trunk while it breaks is what is sent for so long before anybody knows. */
const SILENT_MS = 100;
const TRUNK_TAG = "trunk";
const TRUNK_URL = "https://room/trunk";

/** All objects live in one isolate, as long as the process does: so does what is counted here. */
const births = new Map<string, number>();
const platformNow = Date.now;
let offset = 0;
Date.now = () => platformNow() + offset;

export { RelayDirectory } from "../../../src/runtime/cloudflare/relay-directory.ts";

export class RelayRoom extends ShippedRoom {
  /** They are broken: nothing comes out of them, or goes in. */
  readonly #broken = new WeakSet<WebSocket>();
  #unreachableUntil = 0;

  constructor(ctx: DurableObjectState, env: RelayEnv) {
    shiftClock(ctx);
    super(ctx, env);
    const name = ctx.id.name ?? "";
    births.set(name, (births.get(name) ?? 0) + 1);
  }

  /** Memory and sockets are gone, the disk stays. */
  abortNow(): void {
    this.ctx.abort("aborted, as by a deploy");
  }

  /**
   * A network between two objects that fails. What each side sends on the sockets that were dialed to here is lost for a moment,
   * then both learn that they are gone; for `outageMs` there are no new ones. Returns how many there were.
   */
  async cutTrunks(outageMs: number): Promise<number> {
    this.#unreachableUntil = platformNow() + outageMs;
    const sockets = this.ctx.getWebSockets(TRUNK_TAG).filter(({ readyState }) => readyState === WebSocket.OPEN);
    for (const socket of sockets) {
      this.#broken.add(socket);
      socket.send = () => undefined;
    }
    await scheduler.wait(SILENT_MS);
    for (const socket of sockets) {
      socket.close(1011, "broken");
      await this.webSocketError(socket, new Error("the network has failed"));
    }
    return sockets.length;
  }

  override webSocketMessage(socket: WebSocket, message: ArrayBuffer | string): void | Promise<void> {
    return this.#broken.has(socket) ? undefined : super.webSocketMessage(socket, message);
  }

  override async fetch(request: Request): Promise<Response> {
    const isCut = request.url === TRUNK_URL && platformNow() < this.#unreachableUntil;
    return isCut ? new Response("the network has failed", { status: 503 }) : super.fetch(request);
  }

  /** When the clock has jumped by so many ms, what was to ring at a time of day rings so much earlier. */
  async clockJumped(by: number): Promise<void> {
    const { storage } = this.ctx;
    const alarm = await storage.getAlarm();
    if (alarm !== null) await storage.setAlarm(alarm - by);
  }
}

/** The platform's clock cannot be moved, so the times that it is given and gives are. */
function shiftClock(ctx: DurableObjectState): void {
  const { storage } = ctx;
  const setAlarm = storage.setAlarm.bind(storage);
  const getAlarm = storage.getAlarm.bind(storage);
  const lastKeepAlive = ctx.getWebSocketAutoResponseTimestamp.bind(ctx);
  storage.setAlarm = (at) => setAlarm(Number(at) - offset);
  storage.getAlarm = async () => {
    const at = await getAlarm();
    return at === null ? null : at + offset;
  };
  ctx.getWebSocketAutoResponseTimestamp = (socket) => {
    const at = lastKeepAlive(socket);
    return at && new Date(at.getTime() + offset);
  };
}

async function backDoor(url: URL, env: RelayEnv): Promise<Response> {
  const rooms = env.RELAY_ROOMS as unknown as DurableObjectNamespace<RelayRoom>;
  const names = url.searchParams.getAll("room");
  let cut = 0;
  if (url.pathname === "/test/abort") {
    await Promise.allSettled(names.map((name) => rooms.getByName(name).abortNow()));
  } else if (url.pathname === "/test/cut") {
    const outage = Number(url.searchParams.get("outage"));
    for (const count of await Promise.all(names.map((name) => rooms.getByName(name).cutTrunks(outage)))) cut += count;
  } else if (url.pathname === "/test/clock") {
    const by = Number(url.searchParams.get("by"));
    offset += by;
    await Promise.all(names.map((name) => rooms.getByName(name).clockJumped(by)));
  } else if (url.pathname === "/test/collect") {
    (globalThis as { gc?: () => void }).gc?.();
  }
  return Response.json({ births: Object.fromEntries(births), offset, cut });
}

export default {
  fetch(request, env, ctx) {
    const url = new URL(request.url);
    return url.pathname.startsWith("/test/") ? backDoor(url, env) : relay.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<RelayEnv>;
