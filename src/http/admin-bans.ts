/** Bans, revoked tickets and draining: who may be in a room. They hold for the room of the URL only. */
import { Hono } from "hono";
import { TICKET_ID_RULE, isTicketId } from "../auth/ticket.ts";
import { ID_RULES, parsePeerId } from "../protocol/index.ts";
import { type BanKind, MAX_BANS, MAX_BAN_REASON } from "../relay/limits/bans.ts";
import { ADDRESS_RULE, parseClientAddress } from "../relay/limits/client-address.ts";
import type { RoomAdmin } from "../relay/operations/index.ts";
import type { RelayEnvironment } from "./gateway.ts";
import type { Checked } from "./join.ts";
import { type ProblemCode, problem } from "./problem.ts";

export type AdminEnv<Env> = { Bindings: Env; Variables: { room: RoomAdmin } };

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1_000;
/** Characters of a request's body. */
const MAX_BODY = 4_096;
/** What Date can hold. */
const MAX_TIME = 8.64e15;
/** A hundred years. */
const MAX_SECONDS = 3_155_760_000;
const MAX_RECONNECT_MS = 600_000;
const KINDS: readonly string[] = ["address", "peer", "ticket"] satisfies BanKind[];

interface Subject {
  readonly kind: BanKind;
  /** What its URL ends in, with the parameter `:subject`. */
  readonly path: string;
  readonly refusal: ProblemCode;
  readonly rule: string;
  /** The subject as a ban has it; undefined for what is none. */
  parse(text: string): string | undefined;
}

const SUBJECTS: readonly Subject[] = [
  {
    kind: "peer",
    path: "/bans/peers/:subject",
    refusal: "invalid_peer_id",
    rule: `peer id must be ${ID_RULES.peer}`,
    parse: (text) => parsePeerId(text)?.toString(),
  },
  {
    kind: "address",
    path: "/bans/addresses/:subject",
    refusal: "invalid_address",
    rule: `address must be ${ADDRESS_RULE}, percent-encoded`,
    parse: parseClientAddress,
  },
  {
    kind: "ticket",
    path: "/tickets/:subject/revocation",
    refusal: "invalid_ticket_id",
    rule: `ticket id must be a ticket's jti: ${TICKET_ID_RULE}, percent-encoded`,
    parse: (text) => (isTicketId(text) ? text : undefined),
  },
];

export function banRoutes<Env extends RelayEnvironment>(now: () => number): Hono<AdminEnv<Env>> {
  const routes = new Hono<AdminEnv<Env>>();

  routes.get("/bans", async (c) => {
    const limit = Number(c.req.query("limit") ?? DEFAULT_PAGE);
    if (!isWhole(limit, 1, MAX_PAGE)) return problem("invalid_page", `limit must be 1 to ${MAX_PAGE}`);
    const after = readPlace(c.req.query("after"));
    if (!after) return problem("invalid_page", "after must be the `next` of an earlier page");
    const bans = await c.var.room.bans({ after, limit });
    const last = bans.at(-1);
    return c.json({ bans, next: bans.length === limit && last ? `${last.kind}/${last.subject}` : null });
  });

  for (const { kind, path, refusal, rule, parse } of SUBJECTS) {
    routes.put(path, async (c) => {
      const subject = parse(c.req.param("subject") ?? "");
      if (subject === undefined) return problem(refusal, rule);
      const terms = readTerms(await c.req.text(), now());
      if (!terms.ok) return terms.refusal;
      const banned = await c.var.room.ban({ kind, subject, ...terms.value });
      if (banned) return c.json({ ...banned.ban, ended: banned.ended });
      return problem("too_many_bans", `this room has ${MAX_BANS} bans, which is the limit; remove one first`);
    });

    routes.delete(path, async (c) => {
      const subject = parse(c.req.param("subject") ?? "");
      if (subject === undefined) return problem(refusal, rule);
      const removed = await c.var.room.unban(kind, subject);
      return removed
        ? c.body(null, 204)
        : problem("ban_not_found", `there is no ban of ${kind} ${subject} in this room`);
    });
  }

  routes.post("/drain", async (c) => {
    const body = readBody(await c.req.text(), ["reconnectAfterMs"]);
    if (!body.ok) return body.refusal;
    const { reconnectAfterMs = 0 } = body.value;
    if (!isWhole(reconnectAfterMs, 0, MAX_RECONNECT_MS)) {
      return problem("invalid_body", `reconnectAfterMs must be an integer from 0 to ${MAX_RECONNECT_MS}`);
    }
    return c.json({ ended: await c.var.room.drain(reconnectAfterMs) });
  });

  return routes;
}

/** How long a ban is to hold, and why. */
function readTerms(text: string, now: number): Checked<{ until: number | null; reason: string }> {
  const body = readBody(text, ["until", "seconds", "reason"]);
  if (!body.ok) return body;
  const { until, seconds, reason = "" } = body.value;
  if (until !== undefined && seconds !== undefined) return invalid("give until or seconds, not both");
  if (until !== undefined && !isWhole(until, now + 1, MAX_TIME)) {
    return invalid("until must be a time to come, in ms since 1970");
  }
  if (seconds !== undefined && !isWhole(seconds, 1, MAX_SECONDS)) {
    return invalid(`seconds must be an integer from 1 to ${MAX_SECONDS}`);
  }
  if (typeof reason !== "string" || new TextEncoder().encode(reason).length > MAX_BAN_REASON) {
    return invalid(`reason must be a text of at most ${MAX_BAN_REASON} bytes`);
  }
  return { ok: true, value: { until: until ?? (seconds === undefined ? null : now + seconds * 1000), reason } };
}

/** A JSON object with no other fields than these; no body at all is an empty one. */
function readBody(text: string, fields: readonly string[]): Checked<Readonly<Record<string, unknown>>> {
  if (text.length > MAX_BODY) return invalid(`the body must be at most ${MAX_BODY} characters`);
  let body: unknown;
  try {
    body = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    return invalid("the body is not JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    return invalid("the body must be a JSON object");
  const unknown = Object.keys(body).find((name) => !fields.includes(name));
  if (unknown === undefined) return { ok: true, value: body as Record<string, unknown> };
  return invalid(`the body has the unknown field "${unknown.slice(0, 40)}" (known: ${fields.join(", ")})`);
}

function invalid(detail: string): { readonly ok: false; readonly refusal: Response } {
  return { ok: false, refusal: problem("invalid_body", detail) };
}

/** Where a page begins: `kind/subject`. */
function readPlace(text: string | undefined): { kind: string; subject: string } | undefined {
  if (text === undefined) return { kind: "", subject: "" };
  const slash = text.indexOf("/");
  const kind = text.slice(0, Math.max(slash, 0));
  return KINDS.includes(kind) ? { kind, subject: text.slice(slash + 1) } : undefined;
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}
