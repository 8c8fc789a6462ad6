import { sign } from "hono/jwt";
import { ID_RULES, parseAppId, parsePeerId } from "../protocol/ids.ts";
import { type TicketJwk, TicketKeyError, readJwk, readPart } from "./key-material.ts";
import type { SignOptions } from "./sign-ticket.ts";
import { isSeconds } from "./ticket.ts";

/** Not a ticket's audience, so that a certificate, which every peer gets to see, never opens the relay. */
export const IDENTITY_AUDIENCE = "edge-relay-identity";

export interface IdentityClaims {
  /** Who the player is, as the backend has verified: a bigint or a decimal string. */
  readonly peer: bigint | string;
  readonly app: number;
  /** `identity.publicKey`, as the player's client sent it: 32 bytes, base64url. */
  readonly key: string;
  /** Default: one hour. It is checked when a connection is made, not while it lasts. */
  readonly expiresInSeconds?: number | undefined;
}

const HOUR = 3600;
/** 32 bytes are 43 characters, the last of which has two bits to spare: they must be 0. */
const RAW_KEY = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/**
 * The certificate that says which X25519 key is a player's: call it in the game's backend, once the player has logged in
 * there. `key` is a private JWK, Ed25519 or P-256, whose public half the game's clients have. A shared secret is refused:
 * who can verify with one can sign with it.
 */
export async function signIdentity(claims: IdentityClaims, key: TicketJwk, options: SignOptions = {}): Promise<string> {
  const payload = makePayload(claims, options.now ?? Date.now());
  const { kid, alg, jwk } = readJwk(key);
  if (alg === "HS256") {
    throw new TicketKeyError(
      `Cannot sign an identity with a shared secret: every client that verifies could sign too; use Ed25519 or P-256.`,
    );
  }
  if (key.d === undefined) {
    throw new TicketKeyError(`Cannot sign an identity with a public key: the JWK needs its private part, "d".`);
  }
  const secret = { ...jwk, d: readPart(key, "d"), alg, ...(kid !== undefined && { kid }) };
  try {
    return await sign(payload, secret);
  } catch (cause) {
    throw new TicketKeyError(`Cannot sign an identity: the JWK is not a valid private key for ${alg}.`, { cause });
  }
}

function makePayload(claims: IdentityClaims, now: number): Record<string, string | number> {
  const { app, key, expiresInSeconds = HOUR } = claims;
  if (typeof claims.peer === "number") {
    throw new TypeError("Cannot sign an identity: peer must be a bigint or a decimal string; a number loses digits.");
  }
  const peer = parsePeerId(claims.peer);
  if (peer === undefined) throw bad("peer", ID_RULES.peer);
  if (typeof app !== "number" || parseAppId(app) === undefined) throw bad("app", "a number from 1 to 4294967295");
  if (typeof key !== "string" || !RAW_KEY.test(key)) throw bad("key", "32 bytes as 43 characters of base64url");
  const iat = Math.floor(now / 1000);
  const exp = iat + expiresInSeconds;
  if (!(expiresInSeconds > 0 && isSeconds(exp))) throw bad("expiresInSeconds", "a positive number of seconds");
  return { aud: IDENTITY_AUDIENCE, sub: String(peer), app, key, iat, exp };
}

function bad(name: string, rule: string): RangeError {
  return new RangeError(`Cannot sign an identity: ${name} must be ${rule}.`);
}
