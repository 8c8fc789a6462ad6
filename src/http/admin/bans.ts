/** Bans, revoked tickets and draining: who may be in a room. They hold for the room of the URL only. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { TICKET_ID_RULE, isTicketId } from "../../auth/ticket.ts";
import { type Ban, type BanKind, type BanPage, MAX_BANS, MAX_BAN_REASON } from "../../relay/limits/bans.ts";
import { ADDRESS_RULE, parseClientAddress } from "../../relay/limits/client-address.ts";
import { type AdminEnv, Refused, roomOf } from "./environment.ts";
import { DEFAULT_PAGE, cursorParameter, limitParameter, parsed, peerParameter, wholeField } from "./parameters.ts";
import { newRouter } from "./router.ts";
import { NO_CONTENT, answer, count, time } from "./schemas.ts";

const tags = ["Bans"];
/** What Date can hold. */
const MAX_TIME = 8.64e15;
/** A hundred years. */
const MAX_SECONDS = 3_155_760_000;
const KINDS = ["address", "peer", "ticket"] as const satisfies readonly BanKind[];
const REASON_RULE = `reason must be a text of at most ${MAX_BAN_REASON} bytes`;

export const BanSchema = z
  .object({
    kind: z.enum(KINDS).openapi({ example: "peer" }),
    subject: z.string().openapi({ example: "76561197960287930" }),
    until: time.nullable().openapi({ description: "ms since 1970; null: for good." }),
    created: time,
    reason: z.string().openapi({ example: "aimbot" }),
  })
  .openapi("Ban");

const EndingSchema = BanSchema.extend({ ended: count.openapi({ description: "How many sockets it ended." }) });

const TermsSchema = z
  .strictObject({
    until: wholeField("until", 0, MAX_TIME).optional().openapi({ description: "ms since 1970, to come." }),
    seconds: wholeField("seconds", 1, MAX_SECONDS).optional().openapi({ example: 86_400 }),
    reason: z
      .string(REASON_RULE)
      .refine((text) => new TextEncoder().encode(text).length <= MAX_BAN_REASON, REASON_RULE)
      .optional()
      .openapi({ description: "For operators: who is banned is not told.", example: "aimbot" }),
  })
  .openapi("BanTerms", { description: "How long, by `until` or by `seconds`; without either for good." });

export const peer = z.object({ peer: peerParameter });
export const address = z.object({
  address: parsed(parseClientAddress, "invalid_address", `address must be ${ADDRESS_RULE}, percent-encoded`, {
    type: "string",
    description: `${ADDRESS_RULE}, percent-encoded. An IPv6 address stands for its /64.`,
    example: "203.0.113.7",
  }),
});
export const ticket = z.object({
  jti: parsed(
    (text) => (isTicketId(text) ? text : undefined),
    "invalid_ticket_id",
    `ticket id must be a ticket's jti: ${TICKET_ID_RULE}, percent-encoded`,
    { type: "string", description: `A ticket's \`jti\`: ${TICKET_ID_RULE}, percent-encoded.`, example: "match-7" },
  ),
});

/** What the same routes are called where they are about something else. */
export interface Texts {
  /** Of operation ids. */
  readonly suffix: string;
  /** Of summaries. */
  readonly place: string;
  /** Of a ban. */
  readonly description: string;
}

const HERE: Texts = {
  suffix: "",
  place: "",
  description: "What it meets is ended at once. An earlier ban of the same subject is replaced.",
};

export function listRoute<Path extends string>(path: Path, { suffix, place }: Texts) {
  return createRoute({
    method: "get",
    path,
    tags,
    operationId: `listBans${suffix}`,
    summary: `Bans and revoked tickets that hold${place}, in pages`,
    request: { query: z.strictObject({ after: cursorParameter(readPlace, "peer/7", "after"), limit: limitParameter }) },
    responses: answer(
      "A page, in order of kind and subject.",
      z.object({
        bans: z.array(BanSchema),
        next: z.string().nullable().openapi({ description: "The `after` of the next page.", example: "peer/7" }),
      }),
    ),
    "x-problems": ["invalid_query", "invalid_page"],
  });
}

type PageQuery = { readonly [Name in keyof BanPage]?: BanPage[Name] | undefined };

/** What to ask for, and what a page is answered with. */
export function pageOf({ after = { kind: "", subject: "" }, limit = DEFAULT_PAGE }: PageQuery) {
  return {
    query: { after, limit },
    result: (bans: Ban[]) => {
      const last = bans.at(-1);
      return { bans, next: bans.length === limit && last ? `${last.kind}/${last.subject}` : null };
    },
  };
}

export function putRoute<Path extends string, Params extends z.ZodObject, Answer extends z.ZodType>(
  path: Path,
  params: Params,
  verb: Verb,
  schema: Answer,
  { suffix, place, description }: Texts,
) {
  return createRoute({
    method: "put",
    path,
    tags,
    operationId: `${verb.put}${suffix}`,
    summary: `${verb.putSummary}${place}`,
    description,
    request: { params, body: { content: { "application/json": { schema: TermsSchema } } } },
    responses: answer("The ban.", schema),
    "x-problems": [verb.problem, "invalid_body", "too_many_bans"],
  });
}

export function deleteRoute<Path extends string, Params extends z.ZodObject>(
  path: Path,
  params: Params,
  verb: Verb,
  { suffix, place }: Texts,
) {
  return createRoute({
    method: "delete",
    path,
    tags,
    operationId: `${verb.delete}${suffix}`,
    summary: `${verb.deleteSummary}${place}`,
    request: { params },
    responses: NO_CONTENT,
    "x-problems": [verb.problem, "ban_not_found"],
  });
}

export interface Verb {
  readonly put: string;
  readonly putSummary: string;
  readonly delete: string;
  readonly deleteSummary: string;
  readonly problem: string;
}

export const PEER: Verb = {
  put: "banPeer",
  putSummary: "Ban a peer",
  delete: "unbanPeer",
  deleteSummary: "Lift a peer's ban",
  problem: "invalid_peer_id",
};
export const ADDRESS: Verb = {
  put: "banAddress",
  putSummary: "Ban a client address",
  delete: "unbanAddress",
  deleteSummary: "Lift an address's ban",
  problem: "invalid_address",
};
export const TICKET: Verb = {
  put: "revokeTicket",
  putSummary: "Revoke a ticket",
  delete: "restoreTicket",
  deleteSummary: "Take the revocation of a ticket back",
  problem: "invalid_ticket_id",
};

export function banRoutes() {
  return newRouter()
    .openapi(listRoute("/bans", HERE), async (c) => {
      const { query, result } = pageOf(c.req.valid("query"));
      return c.json(result(await roomOf(c).bans(query)), 200);
    })
    .openapi(putRoute("/bans/peers/{peer}", peer, PEER, EndingSchema, HERE), async (c) =>
      c.json(await ban(c, "peer", String(c.req.valid("param").peer), c.req.valid("json")), 200),
    )
    .openapi(deleteRoute("/bans/peers/{peer}", peer, PEER, HERE), async (c) => {
      await unban(c, "peer", String(c.req.valid("param").peer));
      return c.body(null, 204);
    })
    .openapi(putRoute("/bans/addresses/{address}", address, ADDRESS, EndingSchema, HERE), async (c) =>
      c.json(await ban(c, "address", c.req.valid("param").address, c.req.valid("json")), 200),
    )
    .openapi(deleteRoute("/bans/addresses/{address}", address, ADDRESS, HERE), async (c) => {
      await unban(c, "address", c.req.valid("param").address);
      return c.body(null, 204);
    })
    .openapi(putRoute("/tickets/{jti}/revocation", ticket, TICKET, EndingSchema, HERE), async (c) =>
      c.json(await ban(c, "ticket", c.req.valid("param").jti, c.req.valid("json")), 200),
    )
    .openapi(deleteRoute("/tickets/{jti}/revocation", ticket, TICKET, HERE), async (c) => {
      await unban(c, "ticket", c.req.valid("param").jti);
      return c.body(null, 204);
    });
}

export type Terms = z.output<typeof TermsSchema>;

async function ban(c: Context<AdminEnv>, kind: BanKind, subject: string, terms: Terms) {
  const until = untilOf(terms, c.env.now());
  const banned = await roomOf(c).ban({ kind, subject, until, reason: terms.reason ?? "" }, c.env.operator.name);
  if (banned) return { ...banned.ban, ended: banned.ended };
  throw new Refused("too_many_bans", `this room has ${MAX_BANS} bans, which is the limit; remove one first`);
}

async function unban(c: Context<AdminEnv>, kind: BanKind, subject: string): Promise<void> {
  if (await roomOf(c).unban(kind, subject, c.env.operator.name)) return;
  throw new Refused("ban_not_found", `there is no ban of ${kind} ${subject} in this room`);
}

export function untilOf({ until, seconds }: Terms, now: number): number | null {
  if (until !== undefined && seconds !== undefined) {
    throw new Refused("invalid_body", "give until or seconds, not both");
  }
  if (until !== undefined && until <= now) {
    throw new Refused("invalid_body", "until must be a time to come, in ms since 1970");
  }
  return until ?? (seconds === undefined ? null : now + seconds * 1000);
}

/** Where a page begins: `kind/subject`. */
function readPlace(text: string): { kind: string; subject: string } | undefined {
  const slash = text.indexOf("/");
  const kind = KINDS.find((known) => known === text.slice(0, Math.max(slash, 0)));
  return kind && { kind, subject: text.slice(slash + 1) };
}
