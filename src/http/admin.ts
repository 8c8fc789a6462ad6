import { Hono } from "hono";
import { bearerToken, secretsEqual } from "../auth/bearer.ts";
import { ID_RULES, parseConnectionId, parsePeerId } from "../protocol/index.ts";
import { type AdminEnv, banRoutes } from "./admin-bans.ts";
import type { Platform, RelayEnvironment } from "./gateway.ts";
import { readAddress } from "./join.ts";
import { problem } from "./problem.ts";

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1_000;

/** What an operator may do in one room. Mounted for the app's own room and for named rooms. */
function roomRoutes<Env extends RelayEnvironment>(now: () => number): Hono<AdminEnv<Env>> {
  const routes = new Hono<AdminEnv<Env>>();

  routes.get("/statistics", async (c) => c.json(await c.var.room.statistics()));

  routes.get("/connections", async (c) => {
    const after = Number(c.req.query("after") ?? 0);
    const limit = Number(c.req.query("limit") ?? DEFAULT_PAGE);
    if (!isWhole(after, 0, 0xffff_ffff)) return problem("invalid_page", "after must be the `next` of an earlier page");
    if (!isWhole(limit, 1, MAX_PAGE)) return problem("invalid_page", `limit must be 1 to ${MAX_PAGE}`);
    const connections = await c.var.room.connections({ after, limit });
    const last = connections.at(-1);
    const next = connections.length === limit && last ? Number(BigInt(last.connectionId) & 0xffff_ffffn) : null;
    return c.json({ connections, next });
  });

  routes.get("/connections/:id", async (c) => {
    const id = parseConnectionId(c.req.param("id"));
    if (id === undefined) return problem("invalid_connection_id", `connection id must be ${ID_RULES.connection}`);
    const connection = await c.var.room.connection(id);
    return connection ? c.json(connection) : problem("connection_not_found", `there is no open connection ${id}`);
  });

  routes.delete("/connections/:id", async (c) => {
    const id = parseConnectionId(c.req.param("id"));
    if (id === undefined) return problem("invalid_connection_id", `connection id must be ${ID_RULES.connection}`);
    const closed = await c.var.room.closeConnection(id);
    return closed ? c.body(null, 204) : problem("connection_not_found", `there is no open connection ${id}`);
  });

  routes.get("/peers/:peer/connections", async (c) => {
    const peer = parsePeerId(c.req.param("peer"));
    if (peer === undefined) return problem("invalid_peer_id", `peer id must be ${ID_RULES.peer}`);
    return c.json({ connections: await c.var.room.connectionsOfPeer(peer) });
  });

  routes.post("/peers/:peer/kick", async (c) => {
    const peer = parsePeerId(c.req.param("peer"));
    if (peer === undefined) return problem("invalid_peer_id", `peer id must be ${ID_RULES.peer}`);
    const kicked = await c.var.room.kick(peer);
    return kicked ? c.body(null, 204) : problem("peer_not_found", `peer ${peer} is not in this room`);
  });

  return routes.route("/", banRoutes<Env>(now));
}

/** `/v1/admin`: not there (404) unless an ADMIN_TOKEN is set, and nothing of it without that token. */
export function adminRoutes<Env extends RelayEnvironment>(platform: Platform<Env>): Hono<AdminEnv<Env>> {
  const admin = new Hono<AdminEnv<Env>>();

  admin.use(async (c, next) => {
    const expected = c.env.ADMIN_TOKEN;
    if (!expected) return problem("not_found", "there is nothing here");
    const token = bearerToken(c.req.header("authorization"));
    if (token === undefined) return problem("admin_token_missing", 'send the token as "Authorization: Bearer <token>"');
    if (!(await secretsEqual(token, expected))) return problem("admin_token_wrong", "this is not the ADMIN_TOKEN");
    await next();
  });

  admin.use("/apps/:appId/*", async (c, next) => {
    // Middleware sees the whole path, not the mounted part: the room's name is read from it here, once.
    const room = /\/rooms\/([^/]+)\//.exec(c.req.path)?.[1];
    const address = readAddress(c.req.param("appId"), room === undefined ? undefined : decode(room));
    if (!address.ok) return address.refusal;
    c.set("room", platform.rooms(c.env).admin(address.value));
    await next();
  });

  const routes = roomRoutes<Env>(() => platform.now());
  return admin.route("/apps/:appId", routes).route("/apps/:appId/rooms/:room", routes);
}

/** Text that is no encoding stays as it is, and is refused for the percent sign in it. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
