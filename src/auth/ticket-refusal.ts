/** Why a ticket is refused. The list is closed and the texts are stable: clients and dashboards compare them. */
export const TICKET_REFUSAL_CODES = [
  /** Not a JWT of at most 4096 characters, or one with a header that this relay does not understand. */
  "ticket_malformed",
  /** `alg` is none of HS256, EdDSA and ES256, or not the one of the key. */
  "ticket_algorithm",
  /** `kid` names no key of this relay, or is missing where there are several. */
  "ticket_unknown_key",
  "ticket_bad_signature",
  "ticket_expired",
  /** `nbf` or `iat` lies in the future. */
  "ticket_not_yet_valid",
  "ticket_wrong_audience",
  /** A claim is missing or is not what it has to be. */
  "ticket_bad_claim",
  /** A good ticket, but the key that signed it speaks for other apps. */
  "ticket_key_not_for_app",
] as const;
export type TicketRefusalCode = (typeof TICKET_REFUSAL_CODES)[number];

export interface TicketRefusal {
  readonly code: TicketRefusalCode;
  /** What was wrong and what to do, for the developer of the game. Never contains the ticket. */
  readonly message: string;
}

export interface Refused {
  readonly ok: false;
  readonly refusal: TicketRefusal;
}

export function refused(code: TicketRefusalCode, message: string): Refused {
  return { ok: false, refusal: { code, message } };
}

const SHORT_PRINTABLE = /^[\x20-\x7e]{0,64}$/;

/** A stranger's value for a message: bounded and printable, so that it can neither flood nor forge a log line. */
export function describe(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number" || typeof value === "boolean") return `the ${typeof value} ${value}`;
  if (typeof value !== "string") return `of type ${typeof value}`;
  return SHORT_PRINTABLE.test(value) ? `the text ${JSON.stringify(value)}` : `a text of ${value.length} characters`;
}
