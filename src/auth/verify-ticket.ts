import { decode, verify } from "hono/jwt";
import { JwtHeaderInvalid } from "hono/utils/jwt/types";
import { TICKET_ALGORITHMS } from "./key-material.ts";
import { type Claims, type TicketVerdict, readTicket } from "./ticket-claims.ts";
import type { TicketKey, TicketKeys } from "./ticket-keys.ts";
import { type Refused, describe, refused } from "./ticket-refusal.ts";
import { MAX_TICKET_LENGTH } from "./ticket.ts";

export type { TicketVerdict } from "./ticket-claims.ts";
export type { TicketRefusal, TicketRefusalCode } from "./ticket-refusal.ts";

/** Three parts, the last of which may be empty (`alg: none`), so that such a token is refused for what it is. */
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

/** Never throws for a bad token: a stranger's bytes are an expected input. `now` in ms. */
export async function verifyTicket(token: string, keys: TicketKeys, now: number): Promise<TicketVerdict> {
  const header = readHeader(token);
  if (!header.ok) return header;
  const chosen = chooseKey(header, keys);
  if (!chosen.ok) return chosen;
  const signed = await verifySignature(token, chosen.key);
  if (!signed.ok) return signed;
  const verdict = readTicket(signed.claims, now);
  if (!verdict.ok || !chosen.key.apps || chosen.key.apps.has(verdict.ticket.app)) return verdict;
  return refused(
    "ticket_key_not_for_app",
    `The ticket is for app ${verdict.ticket.app}, and its key may not sign for that app; use the app's own key.`,
  );
}

interface Header {
  readonly ok: true;
  readonly alg: string;
  readonly kid: string | undefined;
}

function readHeader(token: string): Header | Refused {
  if (token.length > MAX_TICKET_LENGTH) {
    const size = `${token.length} characters long, and the limit is ${MAX_TICKET_LENGTH}`;
    return refused("ticket_malformed", `The ticket is ${size}; leave out claims that the relay does not read.`);
  }
  const header = JWT.test(token) ? decodeHeader(token) : undefined;
  if (!header) {
    return refused("ticket_malformed", "The ticket is not a JWT (three base64url parts with dots); send it unchanged.");
  }
  const { alg, kid } = header;
  if (!TICKET_ALGORITHMS.some((known) => known === alg)) {
    const known = TICKET_ALGORITHMS.join(", ");
    return refused("ticket_algorithm", `The ticket's "alg" must be one of ${known}; it is ${describe(alg)}.`);
  }
  if (kid !== undefined && typeof kid !== "string") {
    return refused("ticket_malformed", `The ticket's "kid" must be a string; it is ${describe(kid)}.`);
  }
  return { ok: true, alg: String(alg), kid };
}

function decodeHeader(token: string): Claims | undefined {
  try {
    const header: unknown = decode(token).header;
    return isObject(header) ? header : undefined;
  } catch {
    return undefined; // a part is not base64url or not JSON
  }
}

function chooseKey({ alg, kid }: Header, keys: TicketKeys): { ok: true; key: TicketKey } | Refused {
  const key = kid === undefined ? keys.withoutKid : keys.byKid.get(kid);
  if (!key) {
    const fault =
      kid === undefined
        ? `names no key and this relay has several; sign it with the "kid" of its key in the header`
        : `names a key that this relay does not have ("kid" is ${describe(kid)}); add the key to TICKET_KEYS`;
    return refused("ticket_unknown_key", `The ticket ${fault}.`);
  }
  if (key.alg === alg) return { ok: true, key };
  return refused("ticket_algorithm", `The ticket's "alg" is ${describe(alg)}, and its key is for ${key.alg} only.`);
}

async function verifySignature(
  token: string,
  { alg, key }: TicketKey,
): Promise<{ ok: true; claims: Claims } | Refused> {
  try {
    // Times are checked afterwards, against the caller's clock and with tolerance; hono has neither.
    const claims: unknown = await verify(token, key, { alg, exp: false, nbf: false, iat: false });
    if (isObject(claims)) return { ok: true, claims };
    return refused("ticket_malformed", "The ticket's payload is not a JSON object.");
  } catch (error) {
    // hono's messages quote the token, so none of them goes on.
    if (error instanceof JwtHeaderInvalid) {
      return refused("ticket_malformed", `The ticket's header must say "typ":"JWT" or no "typ", and no "crit".`);
    }
    return refused("ticket_bad_signature", "The ticket's signature is not that of its key; compare the two keys.");
  }
}

function isObject(value: unknown): value is Claims {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
