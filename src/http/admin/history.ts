import { createRoute, z } from "@hono/zod-openapi";
import { DROP_REASONS } from "../../protocol/index.ts";
import { roomOf } from "./environment.ts";
import { parsed, wholeNumber } from "./parameters.ts";
import { newRouter } from "./router.ts";
import { answer, bytes, count, tally, time } from "./schemas.ts";

const RESOLUTIONS = ["minute", "hour"] as const;

const HistoryBucketSchema = z
  .object({
    at: time.openapi({ description: "ms since 1970 of its beginning." }),
    packets: count,
    bytes,
    messages: count.openapi({ description: "WebSocket messages from peers." }),
    joins: count,
    opened: count.openapi({ description: "Connections opened." }),
    peers: count.openapi({ description: "The most at once." }),
    connections: count.openapi({ description: "The most at once." }),
    drops: tally(DROP_REASONS).partial().openapi({ description: "By reason; those that occurred." }),
  })
  .openapi("HistoryBucket");

function timeParameter(name: string, description: string) {
  const rule = `${name} must be a time in ms since 1970`;
  const max = Number.MAX_SAFE_INTEGER;
  const documentation = { type: "integer", description, example: 1_795_392_000_000, minimum: 0, maximum: max } as const;
  return parsed((text) => wholeNumber(text, 0, max), "invalid_query", rule, documentation).optional();
}

const history = createRoute({
  method: "get",
  path: "/history",
  tags: ["Rooms"],
  operationId: "getHistory",
  summary: "What a room has relayed, minute by minute or hour by hour",
  description: "Minutes are kept for a day, hours for thirty days. Those in which nothing happened are left out.",
  request: {
    query: z.strictObject({
      resolution: z
        .enum(RESOLUTIONS, `resolution must be one of ${RESOLUTIONS.join(", ")}`)
        .optional()
        .openapi({ default: "minute", example: "hour" }),
      from: timeParameter("from", "Buckets that begin from here on. Default: all that are kept."),
      to: timeParameter("to", "Buckets that begin before here."),
    }),
  },
  responses: answer(
    "In order of time.",
    z.object({ resolution: z.enum(RESOLUTIONS), buckets: z.array(HistoryBucketSchema) }),
  ),
  "x-problems": ["invalid_query"],
});

export function historyRoutes() {
  return newRouter().openapi(history, async (c) => {
    const { resolution = "minute", from = 0, to = Number.MAX_SAFE_INTEGER } = c.req.valid("query");
    return c.json({ resolution, buckets: await roomOf(c).history({ resolution, from, to }) }, 200);
  });
}
