import { createRoute, z } from "@hono/zod-openapi";
import { roomOf } from "./environment.ts";
import { DEFAULT_PAGE, cursorParameter, limitParameter, wholeNumber } from "./parameters.ts";
import { newRouter } from "./router.ts";
import { answer, time } from "./schemas.ts";

export const AuditEntrySchema = z
  .object({
    id: z.int().openapi({ description: "Counts up.", example: 17 }),
    at: time,
    actor: z.string().openapi({ description: "The name of the admin token.", example: "admin" }),
    action: z.enum(["kick", "ban", "unban", "close", "drain", "settings"]).openapi({ example: "kick" }),
    subject: z.string().openapi({ description: "What it was done to.", example: "76561197960287930" }),
    detail: z.string().openapi({ description: "For people.", example: "for good: aimbot" }),
  })
  .openapi("AuditEntry");

const audit = createRoute({
  method: "get",
  path: "/audit",
  tags: ["Rooms"],
  operationId: "listAudit",
  summary: "What operators have done in a room, the newest first, in pages",
  description: "A room keeps the newest 1,000. Changed settings of an app are in the log of the app's own room.",
  request: {
    query: z.strictObject({
      cursor: cursorParameter((text) => wholeNumber(text, 1, Number.MAX_SAFE_INTEGER), "17"),
      limit: limitParameter,
    }),
  },
  responses: answer(
    "A page.",
    z.object({
      entries: z.array(AuditEntrySchema),
      next: z.string().nullable().openapi({ description: "The `cursor` of the next page.", example: "17" }),
    }),
  ),
  "x-problems": ["invalid_query", "invalid_page"],
});

export function auditRoutes() {
  return newRouter().openapi(audit, async (c) => {
    const { cursor = Number.MAX_SAFE_INTEGER, limit = DEFAULT_PAGE } = c.req.valid("query");
    const found = await roomOf(c).audit({ before: cursor, limit: limit + 1 });
    const entries = found.slice(0, limit);
    const last = found.length > limit ? entries.at(-1) : undefined;
    return c.json({ entries, next: last ? String(last.id) : null }, 200);
  });
}
