import { createRoute, z } from "@hono/zod-openapi";
import { parsePeerId } from "../../protocol/index.ts";
import { ConnectionViewSchema } from "./connection-schemas.ts";
import { Refused, roomOf } from "./environment.ts";
import { DEFAULT_PAGE, cursorParameter, limitParameter, peerParameter } from "./parameters.ts";
import { newRouter } from "./router.ts";
import { NO_CONTENT, answer, bytes, count, peerId, time } from "./schemas.ts";

const tags = ["Peers"];
const params = z.object({ peer: peerParameter });

export const PeerViewSchema = z
  .object({
    peer: peerId,
    state: z.enum(["present", "away"]).openapi({ description: "Away peers may come back to their session." }),
    since: time.openapi({ description: "ms since 1970: of its socket, or since when it is away." }),
    lastHeard: time.nullable().openapi({ description: "ms since 1970; null where that is not known any more." }),
    connections: count,
    address: z.string().nullable().openapi({ example: "203.0.113.7" }),
    rateClass: z.string().nullable().openapi({ description: "null: the app's own limits.", example: "server" }),
    queuedBytes: bytes.openapi({ description: "What waits in the relay to be sent to it.", example: 0 }),
    stalled: z.boolean().openapi({ description: "It does not take in what it is sent.", example: false }),
  })
  .openapi("PeerView");

const list = createRoute({
  method: "get",
  path: "/peers",
  tags,
  operationId: "listPeers",
  summary: "Peers that have a session here, in order of id, in pages",
  request: {
    query: z.strictObject({ cursor: cursorParameter(parsePeerId, "76561197960287930"), limit: limitParameter }),
  },
  responses: answer(
    "A page.",
    z.object({
      peers: z.array(PeerViewSchema),
      next: z
        .string()
        .nullable()
        .openapi({ description: "The `cursor` of the next page.", example: "76561197960287930" }),
      total: count.openapi({ description: "How many there are on all pages." }),
    }),
  ),
  "x-problems": ["invalid_query", "invalid_page"],
});

const one = createRoute({
  method: "get",
  path: "/peers/{peer}",
  tags,
  operationId: "getPeer",
  summary: "One peer",
  request: { params },
  responses: answer("The peer.", PeerViewSchema),
  "x-problems": ["invalid_peer_id", "peer_not_found"],
});

const connections = createRoute({
  method: "get",
  path: "/peers/{peer}/connections",
  tags,
  operationId: "getConnectionsForPeer",
  summary: "A peer's connections",
  description: "Also of a peer that is not here: others may wait for it.",
  request: { params },
  responses: answer("All of them.", z.object({ connections: z.array(ConnectionViewSchema) })),
  "x-problems": ["invalid_peer_id"],
});

const kick = createRoute({
  method: "post",
  path: "/peers/{peer}/kick",
  tags,
  operationId: "kickPeer",
  summary: "Remove a peer, which may come back",
  request: { params },
  responses: NO_CONTENT,
  "x-problems": ["invalid_peer_id", "peer_not_found"],
});

export function peerRoutes() {
  return newRouter()
    .openapi(list, async (c) => {
      const { cursor, limit = DEFAULT_PAGE } = c.req.valid("query");
      const { peers, next, total } = await roomOf(c).peers({ after: cursor, limit });
      return c.json({ peers, next: next === undefined ? null : String(next), total }, 200);
    })
    .openapi(one, async (c) => {
      const { peer } = c.req.valid("param");
      const view = await roomOf(c).peer(peer);
      if (!view) throw notHere(peer);
      return c.json(view, 200);
    })
    .openapi(connections, async (c) => {
      const { peer } = c.req.valid("param");
      return c.json({ connections: await roomOf(c).connectionsOfPeer(peer) }, 200);
    })
    .openapi(kick, async (c) => {
      const { peer } = c.req.valid("param");
      if (!(await roomOf(c).kick(peer, c.env.operator.name))) throw notHere(peer);
      return c.body(null, 204);
    });
}

function notHere(peer: bigint): Refused {
  return new Refused("peer_not_found", `peer ${peer} is not in this room`);
}
