/**
 * The relay that ships, with a back door for what nobody can do to a local workerd from outside: abort an object as a
 * deploy does, make the clock jump, collect garbage before memory is measured, and tell how often each room was built.
 * For the fault campaign only; nothing of it is deployed.
 */
import { RelayRoom as ShippedRoom } from "../../../src/runtime/cloudflare/relay-room.ts";
import type { RelayEnv } from "../../../src/runtime/cloudflare/env.ts";
import relay from "../../../src/runtime/cloudflare/worker.ts";

/** All objects live in one isolate, as long as the process does: so does what is counted here. */
const births = new Map<string, number>();
const platformNow = Date.now;
let offset = 0;
Date.now = () => platformNow() + offset;

export { RelayDirectory } from "../../../src/runtime/cloudflare/relay-directory.ts";

export class RelayRoom extends ShippedRoom {
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
  if (url.pathname === "/test/abort") {
    await Promise.allSettled(names.map((name) => rooms.getByName(name).abortNow()));
  } else if (url.pathname === "/test/clock") {
    const by = Number(url.searchParams.get("by"));
    offset += by;
    await Promise.all(names.map((name) => rooms.getByName(name).clockJumped(by)));
  } else if (url.pathname === "/test/collect") {
    (globalThis as { gc?: () => void }).gc?.();
  }
  return Response.json({ births: Object.fromEntries(births), offset });
}

export default {
  fetch(request, env, ctx) {
    const url = new URL(request.url);
    return url.pathname.startsWith("/test/") ? backDoor(url, env) : relay.fetch(request, env, ctx);
  },
} satisfies ExportedHandler<RelayEnv>;
