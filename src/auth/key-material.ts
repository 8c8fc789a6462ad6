/** The three kinds of key that can sign a ticket: as text (a shared secret) or as a JWK (RFC 7517). */

export type TicketAlgorithm = "HS256" | "EdDSA" | "ES256";
export const TICKET_ALGORITHMS: readonly TicketAlgorithm[] = ["HS256", "EdDSA", "ES256"];

/** A JSON Web Key, public or private. Written out here because runtimes disagree on their `JsonWebKey`. */
export interface TicketJwk {
  readonly kty?: string | undefined;
  readonly kid?: string | undefined;
  readonly alg?: string | undefined;
  readonly use?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  /** The private part. */
  readonly d?: string | undefined;
  /** The secret of an `oct` key. */
  readonly k?: string | undefined;
}

/** A key that cannot be used. The message names it and says what to do, and holds none of its text. */
export class TicketKeyError extends TypeError {
  override readonly name = "TicketKeyError";
}

interface KeyKind {
  readonly alg: TicketAlgorithm;
  /** What a JWK's own `alg` may say. Node exports Ed25519 keys with the newer name of RFC 9864. */
  readonly aliases: readonly string[];
  readonly crv?: string;
  readonly parts: readonly ("k" | "x" | "y")[];
  readonly params: { readonly name: string; readonly hash?: string; readonly namedCurve?: string };
}

const HS256: KeyKind = { alg: "HS256", aliases: ["HS256"], parts: ["k"], params: { name: "HMAC", hash: "SHA-256" } };
const KINDS: ReadonlyMap<unknown, KeyKind> = new Map([
  ["oct", HS256],
  ["OKP", { alg: "EdDSA", aliases: ["EdDSA", "Ed25519"], crv: "Ed25519", parts: ["x"], params: { name: "Ed25519" } }],
  [
    "EC",
    {
      alg: "ES256",
      aliases: ["ES256"],
      crv: "P-256",
      parts: ["x", "y"],
      params: { name: "ECDSA", namedCurve: "P-256" },
    },
  ],
]);

const MIN_SECRET_BYTES = 32;
const NEW_SECRET = `make one with: node -p "crypto.randomBytes(32).toString('base64url')"`;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const KID = /^[\x20-\x7e]{1,128}$/;

/** `name` is what the caller knows the secret as. */
export async function importSecret(secret: string, name: string, usage: "sign" | "verify"): Promise<CryptoKey> {
  if (/-----BEGIN |"kty"/.test(secret)) {
    // Taken as a secret it would work, and where it is a public key anybody could sign.
    throw new TicketKeyError(`${name} holds a PEM or JWK key; give the relay its public key as a JWK in TICKET_KEYS.`);
  }
  if (secret.trim() !== secret) {
    throw new TicketKeyError(`${name} begins or ends with white space, often a line end of the shell; remove it.`);
  }
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < MIN_SECRET_BYTES) {
    throw new TicketKeyError(`${name} has ${bytes.length} bytes and needs ${MIN_SECRET_BYTES}; ${NEW_SECRET}`);
  }
  return crypto.subtle.importKey("raw", bytes, HS256.params, false, [usage]);
}

/** A JWK with nothing but checked members: what importing does with `key_ops`, `ext` or `alg` differs by runtime. */
export interface KeyMaterial {
  readonly kid: string | undefined;
  readonly alg: TicketAlgorithm;
  readonly params: KeyKind["params"];
  readonly jwk: { readonly kty: string; readonly [part: string]: string };
}

export function readJwk(jwk: TicketJwk): KeyMaterial {
  const { kty = "", kid, alg, use, crv } = jwk;
  const kind = KINDS.get(kty);
  if (!kind) throw new TicketKeyError(`"kty" must be "oct" (HS256), "OKP" (Ed25519) or "EC" (P-256).`);
  if (kind.crv !== crv) throw new TicketKeyError(`"crv" of an ${kty} key must be ${kind.crv ?? "absent"}.`);
  if (alg !== undefined && !kind.aliases.includes(alg)) {
    throw new TicketKeyError(`"alg" of an ${kty} key must be "${kind.alg}" or absent.`);
  }
  if (use !== undefined && use !== "sig") throw new TicketKeyError(`"use" must be "sig" or absent.`);
  if (kid !== undefined && !(typeof kid === "string" && KID.test(kid))) {
    throw new TicketKeyError(`"kid" must be 1 to 128 printable ASCII characters.`);
  }
  const checked: Record<string, string> & { kty: string } = kind.crv ? { kty, crv: kind.crv } : { kty };
  for (const part of kind.parts) checked[part] = readPart(jwk, part);
  if (kty === "oct") checkSecretPart(jwk);
  return { kid, alg: kind.alg, params: kind.params, jwk: checked };
}

export function readPart(jwk: TicketJwk, part: "k" | "x" | "y" | "d"): string {
  const value: unknown = jwk[part];
  if (typeof value === "string" && BASE64URL.test(value)) return value;
  throw new TicketKeyError(`"${part}" must be base64url text; copy the key again.`);
}

function checkSecretPart(jwk: TicketJwk): void {
  const bytes = Math.floor((readPart(jwk, "k").length * 3) / 4);
  if (bytes >= MIN_SECRET_BYTES) return;
  throw new TicketKeyError(`"k" holds ${bytes} bytes and needs ${MIN_SECRET_BYTES}; ${NEW_SECRET}`);
}

export async function importVerifyKey({ alg, params, jwk }: KeyMaterial): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey("jwk", { ...jwk }, params, false, ["verify"]);
  } catch (cause) {
    throw new TicketKeyError(`it is not a valid key for ${alg}; copy the key again.`, { cause });
  }
}
