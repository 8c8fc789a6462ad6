import { type TicketClaims, signTicket } from "../../src/auth/sign-ticket.ts";

export const TEST_SECRET = "test-secret-of-at-least-thirty-two-bytes";
export const TEST_APP = 480;

export interface TestTicket extends Omit<TicketClaims, "app"> {
  readonly app?: number;
  readonly now?: number;
}

/** A good ticket for app 480, unless told otherwise. */
export function testTicket({ app = TEST_APP, now, ...claims }: TestTicket): Promise<string> {
  return signTicket({ app, ...claims }, TEST_SECRET, { now });
}

/** Whatever header and payload, with an HS256 signature by `secret`: for the tokens that an attacker would send. */
export async function forgeToken(header: unknown, payload: unknown, secret: string = TEST_SECRET): Promise<string> {
  const signed = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", utf8(secret), algorithm, false, ["sign"]);
  return `${signed}.${base64url(await crypto.subtle.sign(algorithm, key, utf8(signed)))}`;
}

export function base64url(data: string | ArrayBuffer): string {
  const bytes = typeof data === "string" ? utf8(data) : new Uint8Array(data);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

// No return type: the runtimes' type libraries do not agree on it.
function utf8(text: string) {
  return new TextEncoder().encode(text);
}
