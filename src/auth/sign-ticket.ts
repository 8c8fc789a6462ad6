import { sign } from "hono/jwt";
import { ID_RULES, RATE_CLASS_RULE, parseAppId, parsePeerId, parseRateClass, parseRoomName } from "../protocol/ids.ts";
import { type TicketJwk, TicketKeyError, importSecret, readJwk, readPart } from "./key-material.ts";
import { TICKET_AUDIENCE, TICKET_ID_RULE, isSeconds, isTicketId } from "./ticket.ts";

export interface TicketClaims {
  /** A bigint or a decimal string. A JS number cannot hold a Steam id. */
  readonly peer: bigint | string;
  readonly app: number;
  /** Left out: any room of the app. */
  readonly room?: string | undefined;
  /** Default: one hour. */
  readonly expiresInSeconds?: number | undefined;
  /** Your own name for the ticket, to find it again in the relay's logs and to revoke it. */
  readonly id?: string | undefined;
  /** Let this peer learn that another one is offline or has refused, where others see a timeout. */
  readonly visible?: boolean | undefined;
  /** Let this peer say what the lobby list shows of a room that it is in. */
  readonly lobby?: boolean | undefined;
  /** The limits that this peer gets: one of the `classes` in the relay's settings of the app. */
  readonly rateClass?: string | undefined;
}

export interface SignOptions {
  /** ms since 1970. */
  readonly now?: number | undefined;
}

const HOUR = 3600;

/**
 * The ticket that lets one peer into one app: call it in the game's backend, once the player has logged in there.
 * `key` is the relay's TICKET_SECRET, or the private JWK of a public key in its TICKET_KEYS, with the same `kid`.
 */
export async function signTicket(
  claims: TicketClaims,
  key: string | TicketJwk,
  options: SignOptions = {},
): Promise<string> {
  const payload = makePayload(claims, options.now ?? Date.now());
  // A string goes to hono as an imported key only: hono takes any text with PUBLIC or PRIVATE in it for PEM.
  if (typeof key === "string") return sign(payload, await importSecret(key, "The signing secret", "sign"), "HS256");
  return signWithJwk(payload, key);
}

type Payload = Record<string, string | number | boolean | undefined>;

function makePayload(claims: TicketClaims, now: number): Payload {
  const { app, room, expiresInSeconds = HOUR, id, visible, lobby, rateClass } = claims;
  if (parseAppId(app) === undefined || typeof app !== "number") throw bad("app", "a number from 1 to 4294967295");
  if (room !== undefined && parseRoomName(room) === undefined) throw bad("room", ID_RULES.room);
  if (id !== undefined && !isTicketId(id)) throw bad("id", TICKET_ID_RULE);
  if (visible !== undefined && typeof visible !== "boolean") throw bad("visible", "true or false");
  if (lobby !== undefined && typeof lobby !== "boolean") throw bad("lobby", "true or false");
  if (rateClass !== undefined && parseRateClass(rateClass) === undefined) throw bad("rateClass", RATE_CLASS_RULE);
  const iat = Math.floor(now / 1000);
  const exp = iat + expiresInSeconds;
  if (!(expiresInSeconds > 0 && isSeconds(exp))) throw bad("expiresInSeconds", "a positive number of seconds");
  // JSON leaves out what is undefined.
  const sub = peerText(claims.peer);
  return { aud: TICKET_AUDIENCE, sub, app, room, iat, exp, jti: id, visible, lobby, class: rateClass };
}

function peerText(peer: unknown): string {
  if (typeof peer === "number") {
    throw new TypeError("Cannot sign a ticket: peer must be a bigint or a decimal string; a number loses digits.");
  }
  const id = parsePeerId(peer);
  if (id === undefined) throw bad("peer", ID_RULES.peer);
  return String(id);
}

function bad(name: string, rule: string): RangeError {
  return new RangeError(`Cannot sign a ticket: ${name} must be ${rule}.`);
}

async function signWithJwk(payload: Payload, key: TicketJwk): Promise<string> {
  const { kid, alg, jwk } = readJwk(key);
  if (alg !== "HS256" && key.d === undefined) {
    throw new TicketKeyError(`Cannot sign a ticket with a public key: the JWK needs its private part, "d".`);
  }
  const secret = alg === "HS256" ? jwk : { ...jwk, d: readPart(key, "d") };
  try {
    return await sign(payload, { ...secret, alg, ...(kid !== undefined && { kid }) });
  } catch (cause) {
    throw new TicketKeyError(`Cannot sign a ticket: the JWK is not a valid private key for ${alg}.`, { cause });
  }
}
