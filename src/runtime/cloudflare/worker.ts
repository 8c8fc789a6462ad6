/** The worker: checks tickets at the edge nearest the client, then steps out of the way. */
import { createApp } from "../../http/app.ts";
import type { ClientGeo, RoomGateway } from "../../http/gateway.ts";
import { DurableDirectory } from "./directory.ts";
import type { RelayEnv } from "./env.ts";
import { log } from "../log.ts";
import { objectsOf } from "./objects.ts";
import { boundPages } from "./pages.ts";
import { DurableRooms } from "./rooms.ts";

export { RelayDirectory } from "./relay-directory.ts";
export { RelayRoom } from "./relay-room.ts";

const app = createApp<RelayEnv>({
  runtime: "workerd",
  rooms: (env): RoomGateway => roomsOf(env),
  pages: (env) => boundPages(env.PAGES),
  geo: (request) => geoOf((request as Request<unknown, IncomingRequestCfProperties>).cf),
  address: (request) => addressOf(request as Request<unknown, IncomingRequestCfProperties>),
  now: () => Date.now(),
  log,
});

function roomsOf(env: RelayEnv): RoomGateway {
  const objects = objectsOf(env);
  return new DurableRooms(objects, new DurableDirectory(objects));
}

function geoOf(cf: IncomingRequestCfProperties | undefined): ClientGeo {
  if (!cf) return {};
  // Cloudflare gives coordinates as text.
  const latitude = cf.latitude === undefined ? undefined : Number(cf.latitude);
  const longitude = cf.longitude === undefined ? undefined : Number(cf.longitude);
  return { colo: cf.colo, country: cf.country, continent: cf.continent, latitude, longitude };
}

/**
 * On Cloudflare the edge writes the header itself. A plain workerd has no edge, would take the header from anyone, and
 * gives the address in `cf` instead, with the socket's port: so that goes first.
 */
function addressOf({ cf, headers }: Request<unknown, IncomingRequestCfProperties>): string | undefined {
  const local = (cf as { readonly clientIp?: unknown } | undefined)?.clientIp;
  return typeof local === "string" ? withoutPort(local) : (headers.get("cf-connecting-ip") ?? undefined);
}

/** `203.0.113.7:50000` or `[2001:db8::1]:50000`. */
function withoutPort(text: string): string {
  const [, v6, v4] = /^(?:\[(.*)\]|([^:]*)):[0-9]+$/.exec(text) ?? [];
  return v6 ?? v4 ?? text;
}

export default app;
