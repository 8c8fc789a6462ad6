import { parseAppId, parsePeerId } from "../../protocol/index.ts";
import { RelayError } from "../relay-error.ts";
import { type Bytes, fromBase64url, utf8 } from "./bytes.ts";

/** Who a key belongs to, as the game's backend has signed it (`signIdentity` of `edge-relay/auth`). */
export interface Certificate {
  readonly peer: bigint;
  readonly app: number;
  /** The peer's X25519 public key, base64url. */
  readonly publicKey: string;
  /** ms since 1970. */
  readonly expiresAt: number;
  /** Which of the issuers signed it. */
  readonly issuer: string | undefined;
}

/** A public JWK of the game's backend: Ed25519 or P-256. */
export interface IssuerKey {
  readonly kty?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  readonly kid?: string | undefined;
  readonly alg?: string | undefined;
}

export interface Expected {
  readonly peer: bigint;
  readonly app: number;
  readonly issuers: Issuers;
  /** ms since 1970. */
  readonly now: number;
}

interface Issuer {
  readonly alg: "EdDSA" | "ES256";
  readonly kid: string | undefined;
  readonly key: CryptoKey;
}
export type Issuers = readonly Issuer[];

type Claims = Readonly<Record<string, unknown>>;

interface Decoded {
  readonly header: Claims;
  readonly claims: Claims;
  readonly signed: Bytes;
  readonly signature: Bytes;
}

export const IDENTITY_AUDIENCE = "edge-relay-identity";
export const CLOCK_SKEW_MS = 30_000;
/** Characters; a certificate takes about 350. */
export const MAX_CERTIFICATE_LENGTH = 4096;
/** Beyond this (year 5138) a time is milliseconds by mistake. */
const MAX_SECONDS = 1e11;

const ED25519 = { name: "Ed25519" };
const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export async function importIssuers(keys: readonly IssuerKey[]): Promise<Issuers> {
  const kids = new Set(keys.map(({ kid }) => kid));
  if (keys.length === 0) throw badIssuer("there must be at least one");
  if (kids.size < keys.length || (keys.length > 1 && kids.has(undefined))) {
    throw badIssuer(`several need a "kid" each, all different`);
  }
  return Promise.all(keys.map(importIssuer));
}

async function importIssuer(jwk: IssuerKey): Promise<Issuer> {
  const { kty, crv, x, y, kid } = jwk;
  if ("d" in jwk) throw badIssuer("one of them is a private key, which must never leave the backend");
  const isEd25519 = kty === "OKP" && crv === "Ed25519";
  if (!isEd25519 && !(kty === "EC" && crv === "P-256")) {
    throw badIssuer(`each must be a public JWK, Ed25519 or P-256; a shared secret cannot vouch for anybody`);
  }
  const alg = isEd25519 ? "EdDSA" : "ES256";
  const material = isEd25519 ? { kty, crv, x: x ?? "" } : { kty, crv, x: x ?? "", y: y ?? "" };
  try {
    const key = await crypto.subtle.importKey("jwk", material, isEd25519 ? ED25519 : P256, false, ["verify"]);
    return { alg, kid, key };
  } catch (cause) {
    throw new RelayError("invalid_argument", `Cannot encrypt: an issuer is not a valid key for ${alg}`, { cause });
  }
}

function badIssuer(what: string): RelayError {
  return new RelayError("invalid_argument", `Cannot encrypt: check "issuers": ${what}`);
}

/** What one's own certificate says. Its signature is for the other end to verify. */
export function readOwnCertificate(token: string, publicKey: string, now: number): Certificate {
  const decoded = decode(token);
  if (!decoded)
    throw new RelayError("invalid_argument", "Cannot encrypt: the certificate is not that of signIdentity()");
  const certificate = readClaims(decoded, now, "Our own certificate", "get a new one from the game's backend");
  if (certificate.publicKey === publicKey) return certificate;
  throw new RelayError(
    "invalid_argument",
    "Cannot encrypt: the certificate names another key than this identity's; have the backend sign this public key",
  );
}

/** Throws RelayError `certificate_untrusted`, `certificate_expired`, `certificate_wrong_peer`. */
export async function verifyCertificate(token: string, expected: Expected): Promise<Certificate> {
  const decoded = decode(token);
  if (!decoded) throw untrusted("is not a JWT as signIdentity() makes it");
  // The key decides the algorithm; what the header says must agree with it, and chooses nothing.
  const issuer = chooseIssuer(decoded.header, expected.issuers);
  const params = issuer.alg === "EdDSA" ? ED25519 : P256;
  if (!(await crypto.subtle.verify(params, issuer.key, decoded.signature, decoded.signed))) {
    throw untrusted("is not signed by the game's backend; compare its key with the issuers given to encrypt()");
  }
  const certificate = readClaims(decoded, expected.now, "The peer's certificate", "the peer has to get a new one");
  if (certificate.app !== expected.app) {
    throw untrusted(`is for app ${certificate.app}, and ours is for ${expected.app}; both must be of one app`);
  }
  if (certificate.peer === expected.peer) return certificate;
  throw new RelayError(
    "certificate_wrong_peer",
    `The certificate is peer ${certificate.peer}'s, and the connection is to ${expected.peer}: do not trust the other end`,
  );
}

function chooseIssuer({ alg, kid }: Claims, issuers: Issuers): Issuer {
  const only = issuers.length === 1 ? issuers[0] : undefined;
  const issuer = kid === undefined ? only : issuers.find((each) => each.kid !== undefined && each.kid === kid);
  if (!issuer) throw untrusted(`names a "kid" that is none of the issuers'; give encrypt() the backend's current keys`);
  if (issuer.alg === alg) return issuer;
  throw untrusted(`has another "alg" than its issuer's key, which is for ${issuer.alg}`);
}

function decode(token: string): Decoded | undefined {
  const parts = token.length <= MAX_CERTIFICATE_LENGTH ? token.split(".") : [];
  const [header, claims, signature] = parts.map(fromBase64url);
  if (parts.length !== 3 || !header || !claims || !signature) return undefined;
  const [headerValue, claimsValue] = [parseObject(header), parseObject(claims)];
  if (!headerValue || !claimsValue || "crit" in headerValue) return undefined;
  return {
    header: headerValue,
    claims: claimsValue,
    signed: utf8(token.slice(0, token.lastIndexOf("."))),
    signature,
  };
}

function parseObject(bytes: Bytes): Claims | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
  } catch {
    return undefined; // a stranger's bytes need not be JSON
  }
}

function readClaims({ header, claims }: Decoded, now: number, whose: string, remedy: string): Certificate {
  const { aud, exp, iat = 0, nbf = 0, key } = claims;
  if (aud !== IDENTITY_AUDIENCE) throw untrusted(`has not the audience "${IDENTITY_AUDIENCE}"; use signIdentity()`);
  const peer = typeof claims.sub === "string" ? parsePeerId(claims.sub) : undefined;
  const app = typeof claims.app === "number" ? parseAppId(claims.app) : undefined;
  const isKey = typeof key === "string" && fromBase64url(key)?.length === 32;
  if (peer === undefined || app === undefined || !isKey || !isSeconds(exp) || !isSeconds(iat) || !isSeconds(nbf)) {
    throw untrusted(`lacks a good "sub", "app", "key" or "exp"; use signIdentity()`);
  }
  const expiresAt = exp * 1000;
  if (now >= expiresAt + CLOCK_SKEW_MS) {
    const ago = Math.round((now - expiresAt) / 1000);
    throw new RelayError("certificate_expired", `${whose} expired ${ago} s ago; ${remedy}`);
  }
  if (Math.max(iat, nbf) * 1000 - now > CLOCK_SKEW_MS) {
    throw untrusted("is not valid yet; compare this machine's clock with the backend's");
  }
  return { peer, app, publicKey: key, expiresAt, issuer: typeof header.kid === "string" ? header.kid : undefined };
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < MAX_SECONDS;
}

function untrusted(what: string): RelayError {
  return new RelayError("certificate_untrusted", `The certificate ${what}`);
}
