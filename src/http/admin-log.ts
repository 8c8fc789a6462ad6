import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import type { Log } from "../relay/ports.ts";

const READING = new Set(["GET", "HEAD", "OPTIONS"]);
const ROOM = /\/apps\/([0-9]+)(?:\/rooms\/([^/]+))?\//;

/** A line for whatever operators change. The route's pattern, not the path, which may name an address or a ticket. */
export function adminLog(log: Log): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const { method, path } = c.req;
    if (READING.has(method) || !c.res.ok) return;
    const [, app, room] = ROOM.exec(path) ?? [];
    const name = app === undefined ? undefined : `app/${app}${room === undefined ? "" : `/room/${room}`}`;
    const actor: unknown = c.get("actor");
    log({
      level: "info",
      event: "admin_action",
      ...(name !== undefined && { room: name }),
      ...(typeof actor === "string" && { actor }),
      method,
      route: matchedRoutes(c).at(-1)?.path,
      status: c.res.status,
    });
  };
}
