import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { AdminEnv } from "./environment.ts";

const READING = new Set(["GET", "HEAD", "OPTIONS"]);

/** A line for whatever operators change. The route's pattern, not the path, which may name an address or a ticket. */
export const logActions: MiddlewareHandler<AdminEnv> = async (c, next) => {
  await next();
  const { method } = c.req;
  if (READING.has(method) || !c.res.ok) return;
  const { address, operator, log } = c.env;
  const room = address && `app/${address.app}${address.room === undefined ? "" : `/room/${address.room}`}`;
  log({
    level: "info",
    event: "admin_action",
    ...(room !== undefined && { room }),
    actor: operator.name,
    method,
    route: matchedRoutes(c).at(-1)?.path,
    status: c.res.status,
  });
};
