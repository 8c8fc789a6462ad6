/** The worker: checks tickets at the edge nearest the client, then steps out of the way. */
import { createApp } from "../../http/app.ts";
import type { ClientGeo, RoomGateway } from "../../http/gateway.ts";
import type { RelayEnv } from "./env.ts";
import { log } from "./log.ts";
import { DurableRooms } from "./rooms.ts";

export { RelayRoom } from "./relay-room.ts";

const app = createApp<RelayEnv>({
  runtime: "workerd",
  rooms: (env): RoomGateway => new DurableRooms(env.RELAY_ROOMS),
  geo: (request) => geoOf((request as Request<unknown, IncomingRequestCfProperties>).cf),
  now: () => Date.now(),
  log,
});

function geoOf(cf: IncomingRequestCfProperties | undefined): ClientGeo {
  if (!cf) return {};
  // Cloudflare gives coordinates as text.
  const latitude = cf.latitude === undefined ? undefined : Number(cf.latitude);
  const longitude = cf.longitude === undefined ? undefined : Number(cf.longitude);
  return { colo: cf.colo, country: cf.country, continent: cf.continent, latitude, longitude };
}

export default app;
