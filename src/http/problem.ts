/** Refusals over HTTP: RFC 9457 problem details with a stable `code`, the one list of them. */
import type { TicketRefusalCode } from "../auth/index.ts";
import type { JoinRefusal } from "../relay/limits/entry.ts";
import type { JoinRefusalCode } from "../relay/limits/refusals.ts";
import { MAX_WATCHERS } from "../relay/watching/watchers.ts";

export const PROBLEMS = {
  invalid_app_id: 400,
  invalid_room: 400,
  invalid_peer_id: 400,
  invalid_connection_id: 400,
  invalid_page: 400,
  invalid_address: 400,
  invalid_ticket_id: 400,
  invalid_body: 400,
  invalid_query: 400,
  unsupported_subprotocol: 400,
  ticket_missing: 401,
  ticket_malformed: 401,
  ticket_algorithm: 401,
  ticket_unknown_key: 401,
  ticket_bad_signature: 401,
  ticket_expired: 401,
  ticket_not_yet_valid: 401,
  ticket_wrong_audience: 401,
  ticket_bad_claim: 401,
  ticket_key_not_for_app: 403,
  ticket_wrong_app: 403,
  ticket_wrong_room: 403,
  ticket_revoked: 403,
  unknown_rate_class: 403,
  peer_banned: 403,
  address_banned: 403,
  admin_token_missing: 401,
  admin_token_wrong: 401,
  admin_scope: 403,
  admin_app: 403,
  lobby_not_allowed: 403,
  not_found: 404,
  connection_not_found: 404,
  peer_not_found: 404,
  ban_not_found: 404,
  too_many_bans: 409,
  not_in_room: 409,
  upgrade_required: 426,
  too_many_joins: 429,
  too_many_requests: 429,
  too_many_sockets: 429,
  room_full: 429,
  too_many_watchers: 429,
  budget_exhausted: 429,
  internal_error: 500,
  relay_not_configured: 503,
  pages_not_built: 503,
  room_overloaded: 503,
} as const satisfies Record<TicketRefusalCode | JoinRefusalCode, number> & Record<string, number>;
export type ProblemCode = keyof typeof PROBLEMS;

const HEADERS: Partial<Record<ProblemCode, Record<string, string>>> = {
  ticket_missing: { "www-authenticate": "Bearer" },
  admin_token_missing: { "www-authenticate": "Bearer" },
  upgrade_required: { connection: "upgrade", upgrade: "websocket" },
  room_overloaded: { "retry-after": "5" },
};

/** Of the refusals made here: no body need be read to learn why. */
const codes = new WeakMap<Response, ProblemCode>();

/** `detail` says what was wrong and what to do; never a ticket or a secret. `retryAfter`: in seconds. */
export function problem(code: ProblemCode, detail: string, retryAfter?: number): Response {
  const status = PROBLEMS[code];
  const title = code.replaceAll("_", " ");
  const response = new Response(JSON.stringify({ type: "about:blank", title, status, detail, code }), {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...HEADERS[code],
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
    },
  });
  codes.set(response, code);
  return response;
}

/** Undefined for what is no refusal. */
export function problemCode(response: Response): ProblemCode | undefined {
  return codes.get(response);
}

/** The same refusal, which came from another isolate, so that its code is known here. */
export async function adoptProblem(refusal: Response): Promise<Response> {
  const { status, headers } = refusal;
  const text = await refusal.text();
  const response = new Response(text, { status, headers });
  const { code } = JSON.parse(text) as { code: ProblemCode };
  codes.set(response, code);
  return response;
}

export function tooManyWatchers(): Response {
  return problem("too_many_watchers", `${MAX_WATCHERS} watch this room, which is the limit; close one of them first`);
}

/** A room's own refusal of a join. */
export function entryProblem({ code, detail, retryAfter }: JoinRefusal): Response {
  return problem(code, detail, retryAfter);
}
