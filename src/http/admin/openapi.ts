/** The routes as an OpenAPI document, with what all of them have in common and none says of itself. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { ID_RULES } from "../../protocol/index.ts";
import { PROBLEMS, type ProblemCode } from "../problem.ts";
import { VERSION } from "../version.ts";
import type { AdminEnv } from "./environment.ts";

type Document = ReturnType<OpenAPIHono<AdminEnv>["getOpenAPI31Document"]>;
type Operation = NonNullable<NonNullable<Document["paths"]>[string]["get"]>;

const METHODS = ["get", "put", "post", "delete"] as const;
/** What the gate may answer, and the relay that fails. */
const COMMON: readonly ProblemCode[] = [
  "admin_token_missing",
  "admin_token_wrong",
  "too_many_requests",
  "relay_not_configured",
  "internal_error",
];
const OF_APPS: readonly ProblemCode[] = ["invalid_app_id", "admin_app"];
const OF_OPERATION: readonly ProblemCode[] = ["admin_scope"];

const PROBLEM_SCHEMA = {
  type: "object",
  description: "Problem details (RFC 9457). `code` is stable; `detail` is for people.",
  properties: {
    type: { type: "string", const: "about:blank" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string" },
  },
  required: ["type", "title", "status", "detail", "code"],
  additionalProperties: false,
};

const PARAMETERS = {
  app: { name: "app", description: `An app: ${ID_RULES.app}.`, type: "integer", example: 480 },
  room: { name: "room", description: `A room: ${ID_RULES.room}.`, type: "string", example: "lobby" },
} as const;

export function describeApi(api: OpenAPIHono<AdminEnv>, url: string): object {
  const document = api.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "edge-relay admin API",
      version: VERSION,
      description:
        "What operators ask of a relay, and do to it. 64-bit ids are decimal strings; times are ms since 1970.",
      license: { name: "MIT", url: "https://spdx.org/licenses/MIT.html" },
    },
    servers: [{ url, description: "This relay." }],
    security: [{ adminToken: [] }],
    tags: [
      { name: "Relay", description: "The relay as a whole." },
      { name: "Apps", description: "An app and its rooms, from what rooms report now and then." },
      { name: "Rooms", description: "One room: the app's own, or a named one." },
      { name: "Connections", description: "Connections between peers of one room." },
      { name: "Peers", description: "Who is in one room." },
      { name: "Bans", description: "Who may not be in one room, or in any of an app." },
    ],
  });
  document.components = {
    ...document.components,
    securitySchemes: {
      adminToken: { type: "http", scheme: "bearer", description: "ADMIN_TOKEN, or one of ADMIN_TOKENS." },
    },
  };
  Object.assign((document.components.schemas ??= {}), { Problem: PROBLEM_SCHEMA });
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    const isOfApp = path.includes("{app}");
    const isOfRoom = path.includes("{room}");
    if (isOfApp) item.parameters = [parameter("app"), ...(isOfRoom ? [parameter("room")] : [])];
    for (const method of METHODS) {
      const operation = item[method];
      if (operation)
        complete(operation, [...(isOfApp ? OF_APPS : []), ...(method === "get" ? [] : OF_OPERATION)], isOfRoom);
    }
  }
  return document;
}

/** The same routes stand in the document twice: for the app's own room, and for a named one. */
function complete(operation: Operation, codes: readonly ProblemCode[], isOfRoom: boolean): void {
  const own = (operation["x-problems"] as readonly ProblemCode[] | undefined) ?? [];
  delete operation["x-problems"];
  if (isOfRoom) operation.operationId = `${operation.operationId}InRoom`;
  const all: ProblemCode[] = [...COMMON, ...codes, ...own, ...(isOfRoom ? (["invalid_room"] as const) : [])];
  const byStatus = Map.groupBy(all, (code) => PROBLEMS[code]);
  for (const [status, group] of byStatus) operation.responses = { ...operation.responses, [status]: refusal(group) };
}

function refusal(codes: readonly ProblemCode[]) {
  const [code] = codes;
  const schema = {
    allOf: [{ $ref: "#/components/schemas/Problem" }, { properties: { code: { enum: [...codes] } } }],
  };
  const status = code && PROBLEMS[code];
  const example = { type: "about:blank", title: code?.replaceAll("_", " "), status, detail: "what was wrong", code };
  return { description: codes.join(", "), content: { "application/problem+json": { schema, example } } };
}

function parameter(name: keyof typeof PARAMETERS) {
  const { description, type, example } = PARAMETERS[name];
  const range =
    type === "integer" ? { minimum: 1, maximum: 0xffff_ffff } : { pattern: "^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$" };
  return { name, in: "path" as const, required: true, description, schema: { type, ...range, example } };
}
