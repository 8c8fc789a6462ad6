/** Generated key pairs, and a relay's keys made of them. */
import type { TicketJwk } from "../../../src/auth/key-material.ts";
import { type TicketKeyConfig, type TicketKeys, loadTicketKeys } from "../../../src/auth/ticket-keys.ts";

export type Jwk = { -readonly [K in keyof TicketJwk]?: string } & { apps?: unknown };

const PARAMS = { EdDSA: { name: "Ed25519" }, ES256: { name: "ECDSA", namedCurve: "P-256" } };

export async function keyPair(alg: keyof typeof PARAMS, kid?: string): Promise<{ publicKey: Jwk; privateKey: Jwk }> {
  const pair = (await crypto.subtle.generateKey(PARAMS[alg], true, ["sign", "verify"])) as CryptoKeyPair;
  const name = kid === undefined ? {} : { kid };
  return {
    publicKey: { ...((await crypto.subtle.exportKey("jwk", pair.publicKey)) as Jwk), ...name },
    privateKey: { ...((await crypto.subtle.exportKey("jwk", pair.privateKey)) as Jwk), ...name },
  };
}

export function keySet(...keys: unknown[]): string {
  return JSON.stringify({ keys });
}

export async function loadOrThrow(config: TicketKeyConfig): Promise<TicketKeys> {
  const loaded = await loadTicketKeys(config);
  if (!loaded.ok) throw new Error(loaded.message);
  return loaded.keys;
}

export async function loadFault(config: TicketKeyConfig): Promise<string> {
  const loaded = await loadTicketKeys(config);
  if (loaded.ok) throw new Error("The keys were accepted");
  return loaded.message;
}
