/** What players ask about rooms before they join one, with their ticket: the lobby list, and where a room is. */
import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import type { Ticket } from "../auth/index.ts";
import { parseListing } from "../relay/directory/lobby.ts";
import { nearestHint } from "../relay/placement/nearest-hint.ts";
import type { ConfigurationCache } from "./configuration.ts";
import type { Platform, RelayEnvironment, RoomAddress } from "./gateway.ts";
import { type Checked, readAddress, ticketOf } from "./join.ts";
import { parseLobbyQuery } from "./lobby-query.ts";
import { Meters } from "./meters.ts";
import { problem } from "./problem.ts";

/** Of one peer, all of these routes together. */
const QUESTIONS_PER_SECOND = 1;
const QUESTIONS_AT_ONCE = 5;
/** Characters of a listing as JSON: more than the largest has. */
const MAX_BODY = 8_192;

interface Asked {
  readonly address: RoomAddress;
  readonly ticket: Ticket;
  readonly now: number;
}

export function lobbyRoutes<Env extends RelayEnvironment>(
  platform: Platform<Env>,
  configurations: ConfigurationCache,
): Hono<{ Bindings: Env }> {
  type Question = Context<{ Bindings: Env }>;
  const routes = new Hono<{ Bindings: Env }>();
  const meters = new Meters();

  const ask = async (c: Question, isAboutAll = false): Promise<Checked<Asked>> => {
    const place = readAddress(c.req.param("appId"), c.req.param("room"));
    if (!place.ok) return place;
    const configuration = await configurations.load(c.env);
    if (!configuration.ok) return refused(problem("relay_not_configured", configuration.problem));
    const now = platform.now();
    const about = isAboutAll ? place.value.app : place.value;
    const ticket = await ticketOf(c.req.raw, about, configuration.ticketKeys, now);
    if (!ticket.ok) return ticket;
    const key = `${place.value.app} ${ticket.value.peer}`;
    const meter = meters.of(key, QUESTIONS_PER_SECOND, QUESTIONS_AT_ONCE, now);
    if (meter.takeOne(now)) return { ok: true, value: { address: place.value, ticket: ticket.value, now } };
    const seconds = Math.max(1, Math.ceil(meter.waitForOne(now) / 1000));
    const detail = `a peer may ask ${QUESTIONS_PER_SECOND} time a second; try again in ${seconds} s`;
    return refused(problem("too_many_requests", detail, seconds));
  };

  const list = async (c: Question): Promise<Response> => {
    const asked = await ask(c, true);
    if (!asked.ok) return asked.refusal;
    const parsed = parseLobbyQuery(new URL(c.req.url).searchParams);
    if (!parsed.ok) return problem("invalid_query", parsed.message);
    const { query } = parsed;
    const rooms = await platform.rooms(c.env).directory.app(asked.value.address.app).lobby(query);
    const next = rooms.length === query.limit ? (rooms.at(-1)?.room ?? "") : null;
    return answer({ rooms, next });
  };

  const announce = async (c: Question): Promise<Response> => {
    const asked = await ask(c);
    if (!asked.ok) return asked.refusal;
    const { address, ticket } = asked.value;
    if (!ticket.mayAnnounce) {
      return problem("lobby_not_allowed", 'this ticket may not list a room: sign it with the claim "lobby": true');
    }
    const parsed = c.req.method === "DELETE" ? undefined : parseListing(await bodyOf(c.req.raw));
    if (parsed?.ok === false) return problem("invalid_body", parsed.message);
    const announced = await platform.rooms(c.env).announce(address, ticket.peer, parsed?.listing);
    switch (announced.outcome) {
      case "done":
        return new Response(null, { status: 204, headers: { "cache-control": "no-store" } });
      case "not_here":
        return problem("not_in_room", "who lists a room is in it: join it first, and stay");
      case "too_often":
        return problem("too_many_requests", "this room has been listed anew too often", announced.retryAfter);
    }
  };

  const place = async (c: Question): Promise<Response> => {
    const asked = await ask(c);
    if (!asked.ok) return asked.refusal;
    const { address } = asked.value;
    const configuration = await configurations.load(c.env);
    const jurisdiction = configuration.ok ? configuration.settingsFor(address.app).jurisdiction : undefined;
    const geo = platform.geo(c.req.raw);
    const region = await platform.rooms(c.env).region(address, geo);
    return answer({ region: region ?? null, colo: geo.colo ?? null, nearest: nearestHint(geo, jurisdiction) ?? null });
  };

  routes.get("/v1/apps/:appId/rooms", list);
  for (const at of ["/v1/apps/:appId", "/v1/apps/:appId/rooms/:room"] as const) {
    routes.put(`${at}/lobby`, announce);
    routes.delete(`${at}/lobby`, announce);
    routes.get(`${at}/place`, place);
  }
  return routes;
}

/** Pages of any origin may ask: the ticket, not the origin, is what lets them. */
export const anyOrigin = cors({
  origin: "*",
  allowHeaders: ["authorization", "content-type"],
  allowMethods: ["GET", "PUT", "DELETE"],
});

function answer(body: object): Response {
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}

async function bodyOf(request: Request): Promise<unknown> {
  const text = await textOf(request);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined; // no JSON, and refused as such by who reads it
  }
}

/** Undefined where there is too much of it, of which no more is read: else whoever may list a room could fill the memory. */
async function textOf({ body }: Request): Promise<string | undefined> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  for (let text = ""; ;) {
    // oxlint-disable-next-line no-await-in-loop -- pieces of one text, which come one behind the other
    const piece = await reader?.read();
    if (!piece || piece.done) return text + decoder.decode();
    text += decoder.decode(piece.value, { stream: true });
    if (text.length > MAX_BODY) return undefined;
  }
}

function refused(refusal: Response): { readonly ok: false; readonly refusal: Response } {
  return { ok: false, refusal };
}
