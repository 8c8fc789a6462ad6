import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import { parseClientAddress } from "../relay/limits/client-address.ts";
import { adminRoutes } from "./admin/gate.ts";
import { Operators } from "./admin/operators.ts";
import { ConfigurationCache } from "./configuration.ts";
import { developmentRoutes } from "./development.ts";
import type { Platform, RelayEnvironment } from "./gateway.ts";
import { JoinLimiter } from "./join-limiter.ts";
import { type JoinAttempt, JoinLog } from "./join-log.ts";
import { admit, checkRateClass, isUpgradeRequest, readAddress, upgradeRequired } from "./join.ts";
import { anyOrigin, lobbyRoutes } from "./lobby.ts";
import { metricsRoutes } from "./metrics.ts";
import { pageRoutes } from "./pages.ts";
import { problem } from "./problem.ts";

const SWITCHING_PROTOCOLS = 101;

/** The relay's HTTP side, the same on every runtime (contract: design §4, routes below). */
export function createApp<Env extends RelayEnvironment>(platform: Platform<Env>): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>();
  const configurations = new ConfigurationCache();
  const limiter = new JoinLimiter();
  const joins = new JoinLog((line) => platform.log(line));

  const attempt = async (c: Context<{ Bindings: Env }>, now: number): Promise<JoinAttempt> => {
    const place = readAddress(c.req.param("appId"), c.req.param("room"));
    if (!place.ok) return { response: place.refusal };
    const address = place.value;
    const configuration = await configurations.load(c.env);
    if (!configuration.ok) return { address, response: problem("relay_not_configured", configuration.problem) };
    const admitted = await admit(c.req.raw, address, configuration.ticketKeys, now);
    if (!admitted.ok) return { address, response: admitted.refusal };
    const { isUpgrade } = admitted.value;
    const { peer } = admitted.value.admission;
    const { app: appId } = address;
    const client = parseClientAddress(platform.address(c.req.raw));
    const admission = { ...admitted.value.admission, ...(client !== undefined && { address: client }) };
    const settings = configuration.settingsFor(appId);
    const refusal =
      checkRateClass(admission, appId, settings) ?? limiter.check(appId, client, settings.joinsPerMinute, now);
    if (refusal) return { address, peer, response: refusal };
    const rooms = platform.rooms(c.env);
    const geo = platform.geo(c.req.raw);
    if (!isUpgrade) return { response: (await rooms.refusal(address, admission, geo)) ?? upgradeRequired() };
    return { address, peer, geo, response: await rooms.join(address, admission, c.req.raw, geo) };
  };

  const join = async (c: Context<{ Bindings: Env }>): Promise<Response> => {
    const now = platform.now();
    const attempted = await attempt(c, now);
    // A plain request asks why an upgrade was refused, which has its line.
    if (isUpgradeRequest(c.req.raw)) joins.ended(attempted, now);
    return attempted.response;
  };

  app.get("/healthz", async (c) => {
    const configuration = await configurations.load(c.env);
    const { runtime } = platform;
    const { colo } = platform.geo(c.req.raw);
    const health = { status: "ok", runtime, configured: configuration.ok, ...(colo !== undefined && { colo }) };
    // Pages of any origin may measure how far it is.
    return c.json(health, 200, { "cache-control": "no-store", "access-control-allow-origin": "*" });
  });

  app.use("/v1/apps/*", async (c, next) => {
    if (c.req.method === "OPTIONS") return anyOrigin(c, next);
    await next();
    // A header would make Hono copy the response; no page can read the headers of a socket.
    if (c.res.status !== SWITCHING_PROTOCOLS) c.header("access-control-allow-origin", "*");
  });
  app.get("/v1/apps/:appId/connect", join);
  app.get("/v1/apps/:appId/rooms/:room/connect", join);

  app.route("/", lobbyRoutes(platform, configurations));

  // Before the admin API: `/v1/admin/docs` is a page, and asks for no token.
  app.route("/", pageRoutes(platform));
  app.route("/", developmentRoutes(platform));
  const operators = new Operators(platform);
  app.route("/v1/admin", adminRoutes(platform, operators));
  app.route("/", metricsRoutes(platform, operators));

  app.notFound((c) => problem("not_found", `there is nothing at ${c.req.method} ${c.req.path.slice(0, 100)}`));
  app.onError((error, c) => {
    platform.log({
      level: "error",
      event: "http_error",
      route: routePath(c, -1),
      error: String(error.stack ?? error),
    });
    return problem("internal_error", "the relay failed on this request; it is logged there");
  });
  return app;
}
