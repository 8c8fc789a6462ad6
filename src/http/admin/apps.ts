import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { parseAppId, parseRoomName } from "../../protocol/index.ts";
import { parseShardName } from "../../relay/shards/names.ts";
import type { AppSummary } from "../../relay/directory/report.ts";
import { MAX_ASKED_APPS } from "../metrics-apps.ts";
import { type AdminEnv, addressOf } from "./environment.ts";
import { DEFAULT_PAGE, cursorParameter, limitParameter } from "./parameters.ts";
import { newRouter } from "./router.ts";
import { answer, count, time } from "./schemas.ts";
import { RoomStatisticsSchema } from "./statistics.ts";

const tags = ["Apps"];
const app = z.int().min(1).openapi({ example: 480 });

const AppSummarySchema = z
  .object({
    app,
    rooms: count.openapi({ description: "Rooms that have somebody in them, as far as is known." }),
    peers: count,
    activeConnections: count,
    lastSeen: time,
  })
  .openapi("AppSummary");

const RoomSummarySchema = z
  .object({
    room: z.string().nullable().openapi({ description: "null: the app's own room.", example: "lobby" }),
    region: z
      .string()
      .nullable()
      .openapi({ description: "The location hint that it was created with; null: not known.", example: "weur" }),
    lastSeen: time.openapi({ description: "ms since 1970 of the room's last report." }),
    statistics: RoomStatisticsSchema,
  })
  .openapi("RoomSummary");

const AppTotalsSchema = z
  .object({
    app,
    rooms: count,
    oldest: time.nullable().openapi({ description: "ms since 1970 of the oldest report in what is now." }),
    statistics: RoomStatisticsSchema.openapi({ description: "Sums; counters also of rooms that are gone." }),
  })
  .openapi("AppTotals");

const list = createRoute({
  method: "get",
  path: "/apps",
  tags,
  operationId: "listApps",
  summary: "Apps that the relay knows, in order of id, in pages",
  description: `A token for some apps sees those. A page has at most ${MAX_ASKED_APPS}.`,
  request: { query: z.strictObject({ after: cursorParameter(parseAppId, "480", "after"), limit: limitParameter }) },
  responses: answer(
    "A page.",
    z.object({
      apps: z.array(AppSummarySchema),
      next: z.int().nullable().openapi({ description: "The `after` of the next page.", example: 480 }),
    }),
  ),
  "x-problems": ["invalid_query", "invalid_page"],
});

const totals = createRoute({
  method: "get",
  path: "/apps/{app}/totals",
  tags,
  operationId: "getAppTotals",
  summary: "Sums over all rooms of an app",
  description: "Made of what rooms report now and then; none is asked, or woken.",
  responses: answer("The sums.", AppTotalsSchema),
});

const rooms = createRoute({
  method: "get",
  path: "/apps/{app}/rooms",
  tags,
  operationId: "listRooms",
  summary: "Rooms of an app, as they last reported, in pages",
  description: "In order of name, the app's own room first.",
  request: { query: z.strictObject({ after: cursorParameter(parseAfter, "lobby", "after"), limit: limitParameter }) },
  responses: answer(
    "A page.",
    z.object({
      rooms: z.array(RoomSummarySchema),
      next: z.string().nullable().openapi({ description: "The `after` of the next page.", example: "lobby" }),
    }),
  ),
  "x-problems": ["invalid_query", "invalid_page"],
});

export function appRoutes() {
  return newRouter()
    .openapi(list, async (c) => {
      const { after = 0, limit: asked = DEFAULT_PAGE } = c.req.valid("query");
      const limit = Math.min(asked, MAX_ASKED_APPS); // each is asked how it is
      const apps = await visibleApps(c, after, limit);
      return c.json({ apps, next: apps.length === limit ? (apps.at(-1)?.app ?? null) : null }, 200);
    })
    .openapi(totals, async (c) => c.json(await directoryOf(c).totals(), 200))
    .openapi(rooms, async (c) => {
      const { after, limit = DEFAULT_PAGE } = c.req.valid("query");
      const page = await directoryOf(c).rooms({ after, limit });
      // The app's own room, which has no name, is "" as a place: it comes before all.
      const next = page.length === limit ? (page.at(-1)?.room ?? "") : null;
      return c.json({ rooms: page, next }, 200);
    });
}

function directoryOf(c: Context<AdminEnv>) {
  return c.env.rooms.directory.app(addressOf(c).app);
}

/** A token for some apps asks for each of them, of which it has few, and never sees that there are others. */
async function visibleApps(c: Context<AdminEnv>, after: number, limit: number): Promise<AppSummary[]> {
  const { directory } = c.env.rooms;
  const { apps } = c.env.operator;
  if (!apps) return directory.apps({ after, limit });
  const asked = [...apps].filter((id) => id > after).map((id) => directory.apps({ after: id - 1, limit: 1 }));
  const found = (await Promise.all(asked))
    .flat()
    .filter((summary) => apps.has(parseAppId(summary.app) ?? (0 as never)));
  const unique = new Map(found.map((summary) => [summary.app, summary]));
  return [...unique.values()].toSorted((a, b) => a.app - b.app).slice(0, limit);
}

function parseAfter(text: string): string | undefined {
  return text === "" ? "" : (parseRoomName(text) ?? parseShardName(text));
}
