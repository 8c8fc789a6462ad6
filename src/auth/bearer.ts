/** The scheme's name in any case (RFC 9110), then anything visible: an admin token may hold more than base64. */
const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

/** The token of an `Authorization` header; undefined if there is none, or another scheme, or two. */
export function bearerToken(header: string | null | undefined): string | undefined {
  return header?.match(BEARER)?.[1];
}
