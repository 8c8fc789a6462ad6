/**
 * Before the admin API: who may ask what. It goes by a request's method and path alone, so no route can forget it; and it
 * is small, so only who has a token makes a worker load the routes and their schemas.
 */
import { Hono } from "hono";
import type { AdminIdentity } from "../../auth/admin-tokens.ts";
import { parseSettings } from "../../relay/settings.ts";
import type { Platform, RelayEnvironment, RoomAddress } from "../gateway.ts";
import { parseShardName } from "../../relay/shards/names.ts";
import { type Checked, readAddress } from "../join.ts";
import { problem } from "../problem.ts";
import type { AdminApp } from "./api.ts";
import type { Operators } from "./operators.ts";

/** App and room of a path; Hono's parameters are not known before a route has been found. */
const PLACE = /^\/v1\/admin\/apps\/([^/]+)(?:\/rooms\/([^/]+)\/)?/;

export function adminRoutes<Env extends RelayEnvironment>(
  platform: Platform<Env>,
  operators: Operators<Env>,
): Hono<{ Bindings: Env }> {
  const routes = new Hono<{ Bindings: Env }>();
  let api: AdminApp | undefined;

  routes.all("*", async (c) => {
    const { env, req } = c;
    const operator = await operators.identify(c);
    if (!operator.ok) return operator.refusal;
    const address = addressIn(req.path);
    if (!address.ok) return address.refusal;
    const refusal = refuseScope(operator.value, req.method, address.value);
    if (refusal) return refusal;
    // The value is kept, not its promise: on workerd one request must not wait for what another has begun.
    api ??= (await import("./api.ts")).createAdminApi();
    return api.fetch(req.raw, {
      operator: operator.value,
      address: address.value,
      rooms: platform.rooms(env),
      settings: parseSettings(env.APP_SETTINGS),
      runtime: platform.runtime,
      now: () => platform.now(),
      log: platform.log,
    });
  });

  return routes;
}

function addressIn(path: string): Checked<RoomAddress | undefined> {
  const [, app, room] = PLACE.exec(path) ?? [];
  if (app === undefined) return { ok: true, value: undefined };
  const name = room === undefined ? undefined : decode(room);
  const shard = parseShardName(name);
  if (!shard) return readAddress(decode(app), name);
  // Operators may look at a part of the app's own room; peers come to the one that they belong to.
  const own = readAddress(decode(app), undefined);
  return own.ok ? { ok: true, value: { app: own.value.app, room: shard } } : own;
}

function refuseScope(
  { name, scope, apps }: AdminIdentity,
  method: string,
  address: RoomAddress | undefined,
): Response | undefined {
  if (address && apps && !apps.has(address.app)) {
    return problem("admin_app", `the token "${name}" is not for app ${address.app}`);
  }
  if (scope === "operate" || method === "GET" || method === "HEAD") return undefined;
  return problem("admin_scope", `the token "${name}" may only read; ${method} needs one whose scope is "operate"`);
}

/** Text that is no encoding stays as it is, and is refused for the percent sign in it. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
