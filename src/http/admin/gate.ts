/**
 * Before the admin API: who may ask what. It goes by a request's method and path alone, so no route can forget it; and it
 * is small, so only who has a token makes a worker load the routes and their schemas.
 */
import { type Context, Hono } from "hono";
import {
  type AdminIdentity,
  type AdminTokens,
  type LoadedAdminTokens,
  loadAdminTokens,
} from "../../auth/admin-tokens.ts";
import { bearerToken } from "../../auth/bearer.ts";
import { parseClientAddress } from "../../relay/limits/client-address.ts";
import { parseSettings } from "../../relay/settings.ts";
import { TOKEN_SUBPROTOCOL_PREFIX } from "../../relay/watching/events.ts";
import type { Platform, RelayEnvironment, RoomAddress } from "../gateway.ts";
import { type Checked, offeredProtocols, readAddress } from "../join.ts";
import { problem } from "../problem.ts";
import type { AdminApp } from "./api.ts";
import { AdminLimiter } from "./limiter.ts";

/** App and room of a path; Hono's parameters are not known before a route has been found. */
const PLACE = /^\/v1\/admin\/apps\/([^/]+)(?:\/rooms\/([^/]+)\/)?/;

export function adminRoutes<Env extends RelayEnvironment>(platform: Platform<Env>): Hono<{ Bindings: Env }> {
  const routes = new Hono<{ Bindings: Env }>();
  const tokens = new AdminTokensCache();
  const limiter = new AdminLimiter();
  let api: AdminApp | undefined;

  routes.all("*", async (c) => {
    const { env, req } = c;
    const loaded = await tokens.load(env);
    if (!loaded.ok) return problem("relay_not_configured", loaded.message);
    if (!loaded.tokens) return problem("not_found", "there is nothing here");
    const operator = await identify(c, platform, loaded.tokens, limiter);
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
    });
  });

  return routes;
}

/** Whose request it is. Wrong tokens are answered alike, whatever is right about them. */
async function identify<Env extends RelayEnvironment>(
  { req }: Context,
  platform: Platform<Env>,
  tokens: AdminTokens,
  limiter: AdminLimiter,
): Promise<Checked<AdminIdentity>> {
  const now = platform.now();
  const client = parseClientAddress(platform.address(req.raw));
  const token = bearerToken(req.header("authorization")) ?? tokenAmong(req.raw);
  if (token === undefined) {
    return refused(problem("admin_token_missing", 'send the token as "Authorization: Bearer <token>"'));
  }
  const shutOut = limiter.refuseGuess(client, now);
  if (shutOut) return refused(shutOut);
  const operator = await tokens.identify(token);
  if (!operator) {
    const refusal = limiter.wrong(client, now);
    return refused(refusal ?? problem("admin_token_wrong", "this is none of the relay's admin tokens"));
  }
  const refusal = limiter.right(operator, client, now);
  return refusal ? refused(refusal) : { ok: true, value: operator };
}

/** Where a page can set no header: in the upgrade of `/watch`, as base64url. */
function tokenAmong(request: Request): string | undefined {
  const offered = offeredProtocols(request).find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX));
  if (offered === undefined || request.headers.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
  const text = offered.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return ""; // a wrong token, like any other
  }
}

function addressIn(path: string): Checked<RoomAddress | undefined> {
  const [, app, room] = PLACE.exec(path) ?? [];
  if (app === undefined) return { ok: true, value: undefined };
  return readAddress(decode(app), room === undefined ? undefined : decode(room));
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

/** The environment of an isolate does not change, so its text is the cache's key (configuration.ts). */
class AdminTokensCache {
  #text: string | undefined;
  #loaded: Promise<LoadedAdminTokens> | undefined;

  load({ ADMIN_TOKEN, ADMIN_TOKENS }: RelayEnvironment): Promise<LoadedAdminTokens> {
    const text = JSON.stringify([ADMIN_TOKEN, ADMIN_TOKENS]);
    if (!this.#loaded || this.#text !== text) {
      this.#text = text;
      this.#loaded = loadAdminTokens({ ADMIN_TOKEN, ADMIN_TOKENS });
    }
    return this.#loaded;
  }
}

function refused(refusal: Response): { readonly ok: false; readonly refusal: Response } {
  return { ok: false, refusal };
}

/** Text that is no encoding stays as it is, and is refused for the percent sign in it. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
