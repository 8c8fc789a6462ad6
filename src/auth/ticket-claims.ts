import { ID_RULES, RATE_CLASS_RULE, parseAppId, parsePeerId, parseRateClass, parseRoomName } from "../protocol/ids.ts";
import { type Refused, describe, refused } from "./ticket-refusal.ts";
import {
  CLOCK_SKEW_MS,
  SECONDS_RULE,
  TICKET_AUDIENCE,
  TICKET_ID_RULE,
  type Ticket,
  isSeconds,
  isTicketId,
} from "./ticket.ts";

/** A JWT's payload: signed, but by someone who may have written anything into it. */
export type Claims = Readonly<Record<string, unknown>>;

export type TicketVerdict = { readonly ok: true; readonly ticket: Ticket } | Refused;

/** Reads claims whose signature has been verified. */
export function readTicket(claims: Claims, now: number): TicketVerdict {
  const wrongAudience = checkAudience(claims.aud);
  if (wrongAudience) return wrongAudience;
  const times = readTimes(claims, now);
  return times.ok ? readGrant(claims, times.expiresAt) : times;
}

function badClaim(name: string, rule: string, value: unknown): Refused {
  return refused("ticket_bad_claim", `The ticket's claim "${name}" must be ${rule}; it is ${describe(value)}.`);
}

function checkAudience(aud: unknown): Refused | undefined {
  if (aud === TICKET_AUDIENCE || (Array.isArray(aud) && aud.includes(TICKET_AUDIENCE))) return undefined;
  const found = Array.isArray(aud) ? "an array without it" : describe(aud);
  return refused("ticket_wrong_audience", `The ticket's claim "aud" must be "${TICKET_AUDIENCE}"; it is ${found}.`);
}

function readTimes(claims: Claims, now: number): { ok: true; expiresAt: number } | Refused {
  const { exp, nbf = 0, iat = 0 } = claims;
  if (!isSeconds(exp)) return badClaim("exp", SECONDS_RULE, exp);
  if (!isSeconds(nbf)) return badClaim("nbf", SECONDS_RULE, nbf);
  if (!isSeconds(iat)) return badClaim("iat", SECONDS_RULE, iat);
  const expiresAt = Math.floor(exp * 1000);
  if (now >= expiresAt + CLOCK_SKEW_MS) {
    const ago = Math.round((now - expiresAt) / 1000);
    return refused("ticket_expired", `The ticket expired ${ago} s ago; get a new one from the game's backend.`);
  }
  const early = Math.max(nbf, iat) * 1000 - now;
  if (early > CLOCK_SKEW_MS) {
    const claim = nbf > iat ? "nbf" : "iat";
    const remedy = "compare the clock of the machine that signed it with the relay's";
    return refused(
      "ticket_not_yet_valid",
      `The ticket's "${claim}" lies ${Math.round(early / 1000)} s ahead; ${remedy}.`,
    );
  }
  return { ok: true, expiresAt };
}

function readGrant(claims: Claims, expiresAt: number): TicketVerdict {
  const { sub, visible = false, lobby = false, jti: id } = claims;
  // Text and nothing else: a JSON number has already lost the low bits of a Steam id when it gets here.
  const peer = typeof sub === "string" ? parsePeerId(sub) : undefined;
  if (peer === undefined) return badClaim("sub", `a string holding ${ID_RULES.peer}`, sub);
  const app = typeof claims.app === "number" ? parseAppId(claims.app) : undefined;
  if (app === undefined) return badClaim("app", "a number, an integer from 1 to 4294967295", claims.app);
  const room = parseRoomName(claims.room);
  if (room === undefined && claims.room !== undefined) return badClaim("room", ID_RULES.room, claims.room);
  if (typeof visible !== "boolean") return badClaim("visible", "true or false", visible);
  if (typeof lobby !== "boolean") return badClaim("lobby", "true or false", lobby);
  if (id !== undefined && !isTicketId(id)) return badClaim("jti", TICKET_ID_RULE, id);
  const rateClass = parseRateClass(claims.class);
  if (rateClass === undefined && claims.class !== undefined) {
    return badClaim("class", RATE_CLASS_RULE, claims.class);
  }
  const ticket: Ticket = {
    peer,
    app,
    ...(room && { room }),
    expiresAt,
    ...(id !== undefined && { id }),
    ...(rateClass !== undefined && { rateClass }),
    visible,
    ...(lobby && { mayAnnounce: true }),
  };
  return { ok: true, ticket };
}
