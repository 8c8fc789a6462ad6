import { createRoute, z } from "@hono/zod-openapi";
import { type ConnectionTypeName, DROP_REASONS } from "../../protocol/index.ts";
import { JOIN_REFUSALS, REFUSALS } from "../../relay/limits/refusals.ts";
import { TRUNK_COUNTS } from "../../relay/trunk/traffic.ts";
import { TYPES } from "./connection-schemas.ts";
import { roomOf } from "./environment.ts";
import { newRouter } from "./router.ts";
import { answer, bytes, count, tally } from "./schemas.ts";

const FamilySchema = z.object({ opened: count, active: count, packets: count, bytes }).openapi("FamilyStatistics");

type Families = Record<ConnectionTypeName, typeof FamilySchema>;

export const RoomStatisticsSchema = z
  .object({
    activeConnections: count,
    totalPackets: count,
    totalBytes: bytes,
    peers: count.openapi({ description: "Sessions with a socket." }),
    away: count.openapi({ description: "Sessions that wait for their client to come back." }),
    monthBytes: bytes.openapi({ description: "Payload relayed in this calendar month, UTC." }),
    families: z
      .object(Object.fromEntries([...TYPES.keys()].map((type) => [type, FamilySchema])) as Families)
      .openapi({ description: "By type of connection." }),
    groups: z
      .object({ packets: count, bytes })
      .openapi({ description: "To members of groups, each copy counted; in the totals too." }),
    messages: count.openapi({ description: "WebSocket messages from peers: what Cloudflare bills." }),
    joins: count.openapi({ description: "Joins that were let in." }),
    drops: tally(DROP_REASONS).openapi({ description: "Data frames that were not relayed, by reason." }),
    refusals: tally(REFUSALS).openapi({ description: "Frames that were refused, by error." }),
    joinRefusals: tally(JOIN_REFUSALS).openapi({ description: "Joins that this room refused, by reason." }),
    trunk: tally(TRUNK_COUNTS).openapi({
      description: "WebSocket messages to and from other rooms, their bytes, and sockets dialed.",
    }),
  })
  .openapi("RoomStatistics");

const statistics = createRoute({
  method: "get",
  path: "/statistics",
  tags: ["Rooms"],
  operationId: "getStatistics",
  summary: "What a room has relayed, and who is in it",
  description: "Counters are over the life of the room.",
  responses: answer("The room's statistics.", RoomStatisticsSchema),
});

export function statisticsRoutes() {
  return newRouter().openapi(statistics, async (c) => c.json(await roomOf(c).statistics(), 200));
}
