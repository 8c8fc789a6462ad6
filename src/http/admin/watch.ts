import { createRoute } from "@hono/zod-openapi";
import { TOKEN_SUBPROTOCOL_PREFIX, WATCH_SUBPROTOCOL } from "../../relay/watching/events.ts";
import { offeredProtocols } from "../join.ts";
import { Refused, addressOf } from "./environment.ts";
import { newRouter } from "./router.ts";

const watch = createRoute({
  method: "get",
  path: "/watch",
  tags: ["Rooms"],
  operationId: "watchRoom",
  summary: "What happens in a room, as it happens: a WebSocket",
  description: `Offer the subprotocol \`${WATCH_SUBPROTOCOL}\`. A page, which can set no header, offers
\`${TOKEN_SUBPROTOCOL_PREFIX}\` and its token in base64url beside it. Events come as JSON in text messages; "ping" is
answered with "pong".`,
  responses: { 101: { description: "Upgraded." } },
  "x-problems": ["unsupported_subprotocol", "upgrade_required", "too_many_watchers"],
});

export function watchRoutes() {
  return newRouter().openapi(watch, (c) => {
    const request = c.req.raw;
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      throw new Refused("upgrade_required", "watching a room is a WebSocket upgrade; this was a plain request");
    }
    if (!offeredProtocols(request).includes(WATCH_SUBPROTOCOL)) {
      const detail = `offer the WebSocket subprotocol ${WATCH_SUBPROTOCOL}, the only one that is spoken here`;
      throw new Refused("unsupported_subprotocol", detail);
    }
    return c.env.rooms.watch(addressOf(c), request);
  });
}
