/** An app's settings while the relay runs: what APP_SETTINGS says, and what operators have set otherwise. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import {
  type AppSettings,
  LIVE_SETTINGS,
  RANGES,
  type SettingName,
  type SettingOverrides,
  type SettingsFor,
} from "../../relay/settings.ts";
import { JURISDICTIONS, type Jurisdiction } from "../../relay/placement/location-hints.ts";
import { type AdminEnv, Refused, addressOf } from "./environment.ts";
import { wholeField } from "./parameters.ts";
import { newRouter } from "./router.ts";
import { answer } from "./schemas.ts";

const tags = ["Apps"];
const path = "/apps/{app}/settings";

type Fields = Record<SettingName, z.ZodInt>;

function fieldsOf(names: readonly SettingName[]): Fields {
  const fields = names.map((name) => {
    const { value, min, max } = RANGES[name];
    return [name, wholeField(name, min, max).openapi({ example: value })];
  });
  return Object.fromEntries(fields) as Fields;
}

const OverridesSchema = z.strictObject(fieldsOf(LIVE_SETTINGS)).partial().openapi("SettingOverrides", {
  description: "What a setting means is in docs/architecture.md. Those that are missing here are APP_SETTINGS' alone.",
});

const SettingsSchema = z
  .object({
    settings: z
      .object({
        ...fieldsOf(Object.keys(RANGES) as SettingName[]),
        jurisdiction: z
          .enum(Object.keys(JURISDICTIONS) as Jurisdiction[])
          .optional()
          .openapi({ description: "Where Cloudflare keeps the app's objects." }),
        classes: z.record(z.string(), z.record(z.string(), z.int())).openapi({ description: "Rate classes." }),
      })
      .openapi({ description: "What holds." }),
    overrides: OverridesSchema.openapi({ description: "What operators have set otherwise than APP_SETTINGS." }),
  })
  .openapi("Settings");

const get = createRoute({
  method: "get",
  path,
  tags,
  operationId: "getSettings",
  summary: "An app's settings",
  responses: answer("What holds.", SettingsSchema),
});

const put = createRoute({
  method: "put",
  path,
  tags,
  operationId: "setSettings",
  summary: "Set an app's settings otherwise than APP_SETTINGS does",
  description: "The body replaces all that was set before. Open rooms follow within seconds.",
  request: { body: { required: true, content: { "application/json": { schema: OverridesSchema } } } },
  responses: answer("What holds now.", SettingsSchema),
  "x-problems": ["invalid_body"],
});

const reset = createRoute({
  method: "delete",
  path,
  tags,
  operationId: "resetSettings",
  summary: "Take back all that was set: APP_SETTINGS holds",
  responses: answer("What holds now.", SettingsSchema),
});

export function settingsRoutes() {
  return newRouter()
    .openapi(get, async (c) => c.json(viewOf(c, await directoryOf(c).overrides()), 200))
    .openapi(put, async (c) => c.json(await setAll(c, c.req.valid("json") as SettingOverrides), 200))
    .openapi(reset, async (c) => c.json(await setAll(c, {}), 200));
}

async function setAll(c: Context<AdminEnv>, overrides: SettingOverrides) {
  const view = viewOf(c, overrides); // first: it is refused where APP_SETTINGS has a mistake
  await directoryOf(c).setOverrides(overrides);
  const { app } = addressOf(c);
  await c.env.rooms.admin({ app, room: undefined }).noteSettings(overrides, c.env.operator.name);
  return view;
}

function directoryOf(c: Context<AdminEnv>) {
  return c.env.rooms.directory.app(addressOf(c).app);
}

function viewOf(c: Context<AdminEnv>, overrides: SettingOverrides) {
  const { classes, ...settings } = settingsFor(c)(addressOf(c).app, overrides);
  const limits = Object.fromEntries([...(classes ?? [])].map(([name, values]) => [name, { ...values }]));
  return { settings: { ...(settings as Omit<AppSettings, "classes">), classes: limits }, overrides };
}

function settingsFor({ env }: Context<AdminEnv>): SettingsFor {
  if (env.settings.ok) return env.settings.settingsFor;
  throw new Refused("relay_not_configured", env.settings.message);
}
