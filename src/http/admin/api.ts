/** The admin API behind its gate. Loaded when it is first asked for: its schemas cost a worker more than all else to start. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { getPath } from "hono/utils/url";
import { problem } from "../problem.ts";
import { appRoutes } from "./apps.ts";
import { auditRoutes } from "./audit.ts";
import { banRoutes } from "./bans.ts";
import { connectionRoutes } from "./connections.ts";
import { drainRoutes } from "./drain.ts";
import { type AdminEnv, Refused } from "./environment.ts";
import { everywhereRoutes } from "./everywhere.ts";
import { describeApi } from "./openapi.ts";
import { historyRoutes } from "./history.ts";
import { peerRoutes } from "./peers.ts";
import { logActions } from "./log-actions.ts";
import { newRouter } from "./router.ts";
import { settingsRoutes } from "./settings.ts";
import { statisticsRoutes } from "./statistics.ts";
import { watchRoutes } from "./watch.ts";
import { whoamiRoutes } from "./whoami.ts";

/** Where the relay has it; the routes begin behind that. */
export const ADMIN_PATH = "/v1/admin";

/** What an operator may do in one room. Mounted for the app's own room and for named rooms. */
function roomRoutes() {
  return newRouter()
    .route("/", statisticsRoutes())
    .route("/", connectionRoutes())
    .route("/", peerRoutes())
    .route("/", banRoutes())
    .route("/", drainRoutes())
    .route("/", historyRoutes())
    .route("/", auditRoutes())
    .route("/", watchRoutes());
}

function getAdminPath(request: Request): string {
  return getPath(request).slice(ADMIN_PATH.length) || "/";
}

export function createAdminApi() {
  const root = new OpenAPIHono<AdminEnv>({ getPath: getAdminPath });
  root.use(logActions);
  const api = root
    .route("/", whoamiRoutes())
    .route("/", appRoutes())
    .route("/", settingsRoutes())
    .route("/", everywhereRoutes())
    .route("/apps/:app", roomRoutes())
    .route("/apps/:app/rooms/:room", roomRoutes());
  let document: object | undefined;
  api.get("/openapi.json", (c) => c.json((document ??= describeApi(api, ADMIN_PATH))));
  api.notFound((c) => problem("not_found", `there is nothing at ${c.req.method} ${c.req.path.slice(0, 100)}`));
  api.onError((error) => {
    if (error instanceof Refused) return error.response;
    throw error; // the relay's own failure: app.ts logs it
  });
  return api;
}

/** For `hc<AdminApp>("/v1/admin")` of hono/client. */
export type AdminApp = ReturnType<typeof createAdminApi>;
