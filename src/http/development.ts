/**
 * `POST /v1/development/ticket`: a ticket for whoever asks, so that the playground needs no backend. It exists where
 * `npm start` has set DEVELOPMENT=1, for a page of this very relay on this very machine; to everybody else there is nothing.
 */
import { type Context, Hono } from "hono";
import { signTicket } from "../auth/index.ts";
import { RATE_CLASS_RULE, ID_RULES, parsePeerId, parseRateClass } from "../protocol/index.ts";
import type { Platform, RelayEnvironment } from "./gateway.ts";
import { type Checked, readAddress } from "./join.ts";
import { problem } from "./problem.ts";

const LIFETIME_SECONDS = 3600;
/** Characters of a request's body. */
const MAX_BODY = 1_000;
const FIELDS: readonly string[] = ["app", "peer", "room", "visible", "class"];

/** A proxy leaves its traces: behind one everybody comes from the loopback address. */
const TRACES_OF_A_PROXY = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

type Claims = Parameters<typeof signTicket>[0];

export function developmentRoutes<Env extends RelayEnvironment>(platform: Platform<Env>): Hono<{ Bindings: Env }> {
  const routes = new Hono<{ Bindings: Env }>();

  routes.post("/v1/development/ticket", async (c, next) => {
    if (!isDeveloper(c, platform.address(c.req.raw))) return next();
    const { TICKET_SECRET } = c.env;
    if (!TICKET_SECRET)
      return problem("relay_not_configured", "development tickets are signed with TICKET_SECRET; set it");
    const claims = readClaims(await c.req.text());
    if (!claims.ok) return claims.refusal;
    const now = platform.now();
    const ticket = await signTicket(claims.value, TICKET_SECRET, { now });
    const expiresAt = (Math.floor(now / 1000) + LIFETIME_SECONDS) * 1000;
    return c.json({ ticket, expiresAt }, 200, { "cache-control": "no-store" });
  });

  return routes;
}

/**
 * Each condition keeps somebody else out. The address: other machines. The host: a page whose name an attacker's DNS has
 * pointed at this machine. The origin and the JSON, which a page cannot send elsewhere unasked: any other page in the
 * developer's browser. Without an Origin it is no page, and whoever has a shell has `npm run ticket`.
 */
function isDeveloper<Env extends RelayEnvironment>(
  c: Context<{ Bindings: Env }>,
  address: string | undefined,
): boolean {
  if (c.env.DEVELOPMENT !== "1" || !isLoopback(address)) return false;
  const header = (name: string): string | undefined => c.req.header(name);
  if (TRACES_OF_A_PROXY.some((name) => header(name) !== undefined)) return false;
  const url = new URL(c.req.url);
  if (!isLocalName(url.hostname) || header("origin") !== url.origin) return false;
  if ((header("sec-fetch-site") ?? "same-origin") !== "same-origin") return false;
  return header("content-type")?.split(";")[0]?.trim().toLowerCase() === "application/json";
}

function isLoopback(address: string | undefined): boolean {
  return address === "::1" || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address ?? "");
}

/** Names that no DNS server is asked for, and addresses. URLs have other spellings of them normalised. */
function isLocalName(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function readClaims(text: string): Checked<Claims> {
  const body = readObject(text);
  if (body === undefined) return refuse('the body must be a JSON object such as {"app":480,"peer":"1"}');
  const unknown = Object.keys(body).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) return refuse(`unknown field "${unknown.slice(0, 40)}" (known: ${FIELDS.join(", ")})`);
  const { app, peer, room, visible, class: rateClass } = body;
  const id = parsePeerId(peer);
  if (id === undefined) return refuse(`peer must be ${ID_RULES.peer}, as text`);
  const place = readAddress(String(app), typeof room === "string" || room === undefined ? room : "");
  if (!place.ok) return place;
  if (visible !== undefined && typeof visible !== "boolean") return refuse("visible must be true or false");
  if (rateClass !== undefined && parseRateClass(rateClass) === undefined)
    return refuse(`class must be ${RATE_CLASS_RULE}`);
  const expiresInSeconds = LIFETIME_SECONDS;
  const claims = { app: place.value.app, peer: id, room: place.value.room, visible, expiresInSeconds };
  return { ok: true, value: { ...claims, rateClass: rateClass as string | undefined } };
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.length > MAX_BODY) return undefined;
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && !Array.isArray(body)
      ? (body as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // the refusal says what is expected
  }
}

function refuse(detail: string): { readonly ok: false; readonly refusal: Response } {
  return { ok: false, refusal: problem("invalid_body", detail) };
}
