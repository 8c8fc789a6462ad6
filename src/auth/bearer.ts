/** The scheme's name in any case (RFC 9110), then anything visible: an admin token may hold more than base64. */
const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

/** The token of an `Authorization` header; undefined if there is none, or another scheme, or two. */
export function bearerToken(header: string | null | undefined): string | undefined {
  return header?.match(BEARER)?.[1];
}

/** How long it takes says nothing about where, or whether, the two differ; nor about the length of either. */
export async function secretsEqual(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([sha256(a), sha256(b)]);
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= (left[i] ?? 0) ^ (right[i] ?? 0);
  return difference === 0;
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
