import { createRoute, z } from "@hono/zod-openapi";
import type { ConnectionStateName, ConnectionTypeName } from "../../protocol/index.ts";
import { CONNECTION_SORTS, type ConnectionSort } from "../../relay/operations/connections.ts";
import { ConnectionDetailSchema, ConnectionViewSchema, STATES, TYPES } from "./connection-schemas.ts";
import { type ConnectionCursor, formatCursor, parseCursor } from "./cursors.ts";
import { Refused, roomOf } from "./environment.ts";
import { DEFAULT_PAGE, connectionParameter, cursorParameter, limitParameter, peerParameter } from "./parameters.ts";
import { newRouter } from "./router.ts";
import { NO_CONTENT, answer, count, peerId } from "./schemas.ts";

const tags = ["Connections"];
const params = z.object({ id: connectionParameter });

const CURSOR = "created.asc.1795392000000.1";
const SORT_RULE = `sort must be one of ${CONNECTION_SORTS.join(", ")}`;

function oneOf<Name extends string>(parameter: string, names: Iterable<Name>, description: string) {
  const known = [...names] as [Name, ...Name[]];
  const rule = `${parameter} must be one of ${known.join(", ")}`;
  return z.enum(known, rule).optional().openapi({ description, example: known[0] });
}

const list = createRoute({
  method: "get",
  path: "/connections",
  tags,
  operationId: "listConnections",
  summary: "Open connections, in pages",
  description:
    "Ordered by a number that may change while pages are read: a connection may then be on two pages, or on none.",
  request: {
    query: z.strictObject({
      peer: peerParameter.optional().openapi({ description: "Only those of which this peer is an end." }),
      type: oneOf<ConnectionTypeName>("type", TYPES.keys(), "Only those of this family."),
      state: oneOf<ConnectionStateName>("state", STATES.keys(), "Only those in this state."),
      sort: z
        .enum(CONNECTION_SORTS, SORT_RULE)
        .optional()
        .openapi({ description: "What they are ordered by.", default: "created", example: "bytes" }),
      order: z
        .enum(["asc", "desc"], "order must be asc or desc")
        .optional()
        .openapi({ default: "asc", example: "desc" }),
      cursor: cursorParameter(parseCursor, CURSOR),
      limit: limitParameter,
    }),
  },
  responses: answer(
    "A page.",
    z.object({
      connections: z.array(ConnectionViewSchema),
      next: z.string().nullable().openapi({ description: "The `cursor` of the next page.", example: CURSOR }),
      total: count.openapi({ description: "How many there are on all pages." }),
    }),
  ),
  "x-problems": ["invalid_query", "invalid_page", "invalid_peer_id"],
});

const one = createRoute({
  method: "get",
  path: "/connections/{id}",
  tags,
  operationId: "getConnection",
  summary: "One connection",
  request: { params },
  responses: answer("The connection.", ConnectionDetailSchema),
  "x-problems": ["invalid_connection_id", "connection_not_found"],
});

const destination = createRoute({
  method: "get",
  path: "/connections/{id}/destination",
  tags,
  operationId: "getDestinationPeer",
  summary: "The other end of a connection",
  request: {
    params,
    query: z.strictObject({ from: peerParameter.openapi({ description: "One of its ends." }) }),
  },
  responses: answer("The other end.", z.object({ peer: peerId })),
  "x-problems": ["invalid_connection_id", "invalid_peer_id", "invalid_query", "connection_not_found"],
});

const close = createRoute({
  method: "delete",
  path: "/connections/{id}",
  tags,
  operationId: "closeConnection",
  summary: "Close a connection",
  request: { params },
  responses: NO_CONTENT,
  "x-problems": ["invalid_connection_id", "connection_not_found"],
});

export function connectionRoutes() {
  return newRouter()
    .openapi(list, async (c) => {
      const { peer, type, state, sort = "created", order = "asc", cursor, limit = DEFAULT_PAGE } = c.req.valid("query");
      const page = await roomOf(c).connections({
        peer,
        type: type && TYPES.get(type),
        state: state && STATES.get(state),
        sort,
        isDescending: order === "desc",
        after: cursor && placeOf(cursor, sort, order),
        limit,
      });
      const next = page.next ? formatCursor({ sort, order, ...page.next }) : null;
      return c.json({ connections: page.connections, next, total: page.total }, 200);
    })
    .openapi(one, async (c) => {
      const { id } = c.req.valid("param");
      const connection = await roomOf(c).connection(id);
      if (!connection) throw notFound(id);
      return c.json(connection, 200);
    })
    .openapi(destination, async (c) => {
      const { id } = c.req.valid("param");
      const { from } = c.req.valid("query");
      const peer = await roomOf(c).destination(id, from);
      if (peer === undefined) {
        throw new Refused("connection_not_found", `there is no open connection ${id} of which peer ${from} is an end`);
      }
      return c.json({ peer: String(peer) }, 200);
    })
    .openapi(close, async (c) => {
      const { id } = c.req.valid("param");
      if (!(await roomOf(c).closeConnection(id, c.env.operator.name))) throw notFound(id);
      return c.body(null, 204);
    });
}

/** A place means something in its own order only. */
function placeOf(cursor: ConnectionCursor, sort: ConnectionSort, order: "asc" | "desc"): ConnectionCursor {
  if (cursor.sort === sort && cursor.order === order) return cursor;
  throw new Refused("invalid_page", `this cursor is of a list by ${cursor.sort}, ${cursor.order}; keep sort and order`);
}

function notFound(id: bigint): Refused {
  return new Refused("connection_not_found", `there is no open connection ${id}`);
}
