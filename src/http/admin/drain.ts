import { createRoute, z } from "@hono/zod-openapi";
import { roomOf } from "./environment.ts";
import { wholeField } from "./parameters.ts";
import { newRouter } from "./router.ts";
import { answer, count } from "./schemas.ts";

const MAX_RECONNECT_MS = 600_000;

const DrainSchema = z
  .strictObject({
    reconnectAfterMs: wholeField("reconnectAfterMs", 0, MAX_RECONNECT_MS)
      .optional()
      .openapi({ description: "How long clients are to wait.", default: 0, example: 2_000 }),
  })
  .openapi("Drain");

const drain = createRoute({
  method: "post",
  path: "/drain",
  tags: ["Rooms"],
  operationId: "drainRoom",
  summary: "Close all sockets of a room, whose clients are told to come back",
  request: { body: { content: { "application/json": { schema: DrainSchema } } } },
  responses: answer("Done.", z.object({ ended: count.openapi({ description: "How many sockets were closed." }) })),
  "x-problems": ["invalid_body"],
});

export function drainRoutes() {
  return newRouter().openapi(drain, async (c) => {
    const { reconnectAfterMs = 0 } = c.req.valid("json");
    return c.json({ ended: await roomOf(c).drain(reconnectAfterMs, c.env.operator.name) }, 200);
  });
}
