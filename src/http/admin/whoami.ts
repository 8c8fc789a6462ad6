import { createRoute, z } from "@hono/zod-openapi";
import { VERSION } from "../version.ts";
import { newRouter } from "./router.ts";
import { answer } from "./schemas.ts";

const whoami = createRoute({
  method: "get",
  path: "/whoami",
  tags: ["Relay"],
  operationId: "whoami",
  summary: "Whose token this is, and what it may do",
  responses: answer(
    "Who asks.",
    z
      .object({
        name: z.string().openapi({ example: "grafana" }),
        scope: z.enum(["read", "operate"]).openapi({ description: "operate includes read.", example: "read" }),
        apps: z
          .array(z.int())
          .nullable()
          .openapi({ description: "null: all.", example: [480] }),
        runtime: z.string().openapi({ example: "workerd" }),
        version: z.string().openapi({ description: "Of the relay.", example: VERSION }),
      })
      .openapi("WhoAmI"),
  ),
});

export function whoamiRoutes() {
  return newRouter().openapi(whoami, (c) => {
    const { operator, runtime } = c.env;
    const { name, scope, apps } = operator;
    return c.json({ name, scope, apps: apps ? [...apps] : null, runtime, version: VERSION }, 200);
  });
}
