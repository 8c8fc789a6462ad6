/** How a route of the admin API reads what it is sent: against its schema, and refused in the relay's own words. */
import { OpenAPIHono, type RouteConfig, type z } from "@hono/zod-openapi";
import type { Context, Handler } from "hono";
import { type AdminEnv, Refused } from "./environment.ts";
import { refuseInvalid } from "./invalid.ts";

/** Characters of a request's body. */
export const MAX_BODY = 4_096;

/**
 * A router whose routes read their bodies as the relay always has: JSON whatever its content type says, an empty one as
 * `{}`. The library would answer 415 to curl without a header, and with errors that are no problem details.
 */
export function newRouter(): OpenAPIHono<AdminEnv> {
  const router = new OpenAPIHono<AdminEnv>({
    defaultHook: (result) => {
      if (!result.success) throw refuseInvalid(result.target, result.error.issues);
    },
  });
  const declare = router.openapi;
  const declareWithBody = (route: RouteConfig, handler: Handler<AdminEnv>): unknown => {
    const { request: { body, ...request } = {}, ...rest } = route;
    const content = body?.content["application/json"];
    if (!content || !("schema" in content)) return declare(route, handler as never);
    router.openAPIRegistry.registerPath(route);
    const reader = async (c: Context, next: () => Promise<void>): Promise<void> => {
      c.req.addValidatedData("json", await readBody(c, content.schema as z.ZodType<object>, body.required ?? false));
      await next();
    };
    return declare({ ...rest, request, hide: true, middleware: reader }, handler as never);
  };
  router.openapi = declareWithBody as typeof router.openapi;
  return router;
}

async function readBody(c: Context, schema: z.ZodType<object>, isRequired: boolean): Promise<object> {
  const text = await c.req.text();
  if (text.length > MAX_BODY) throw new Refused("invalid_body", `the body must be at most ${MAX_BODY} characters`);
  if (isRequired && text.trim() === "")
    throw new Refused("invalid_body", "the body must not be empty: send a JSON object");
  const result = schema.safeParse(parseJson(text));
  if (!result.success) throw refuseInvalid("json", result.error.issues);
  return result.data;
}

function parseJson(text: string): unknown {
  try {
    return text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    throw new Refused("invalid_body", "the body is not JSON");
  }
}
