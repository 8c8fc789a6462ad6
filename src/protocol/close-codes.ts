/**
 * Why a WebSocket was closed by the relay: the one table. 1000 is a normal end; the rest are in 4000 to 4999,
 * the range RFC 6455 §7.4.2 leaves to applications. `retry` tells a client whether connecting again can help.
 */
export const CloseCode = {
  Normal: 1000,
  ProtocolError: 4001,
  HelloTimeout: 4002,
  Superseded: 4003,
  Kicked: 4004,
  HeartbeatLost: 4005,
  MessageTooLarge: 4006,
  InternalError: 4007,
  Restarting: 4008,
  Stalled: 4009,
  RateLimited: 4010,
  Banned: 4011,
} as const;
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

export interface CloseMeaning {
  readonly name: string;
  readonly retry: boolean;
  readonly meaning: string;
}

export const CLOSE_MEANINGS: Readonly<Record<CloseCode, CloseMeaning>> = {
  1000: { name: "normal", retry: false, meaning: "the session is over, as asked" },
  4001: {
    name: "protocol_error",
    retry: false,
    meaning: "a message broke the protocol; an error frame before it says how",
  },
  4002: { name: "hello_timeout", retry: true, meaning: "no hello came in time after the socket opened" },
  4003: { name: "superseded", retry: false, meaning: "the same peer joined again, and the newer session stays" },
  4004: { name: "kicked", retry: false, meaning: "an operator removed the peer" },
  4005: { name: "heartbeat_lost", retry: true, meaning: "nothing was heard for longer than the heartbeat allows" },
  4006: {
    name: "message_too_large",
    retry: false,
    meaning: "a message was larger than the batch limit in the welcome",
  },
  4007: { name: "internal_error", retry: true, meaning: "the relay failed; it is logged there" },
  4008: { name: "restarting", retry: true, meaning: "the relay is going away and will be back" },
  4009: { name: "stalled", retry: true, meaning: "the peer did not take in what was sent to it" },
  4010: { name: "rate_limited", retry: false, meaning: "the peer sent far more than its rate allows" },
  4011: { name: "banned", retry: false, meaning: "an operator banned the peer, its address or its ticket" },
};

/** The meaning of a code in the table; undefined for codes that the relay does not send. */
export function closeMeaning(code: number): CloseMeaning | undefined {
  return (CLOSE_MEANINGS as Readonly<Record<number, CloseMeaning | undefined>>)[code];
}

/** The code's name alone: a client that bundles it does not carry the texts of the table. */
export function closeName(code: number): string | undefined {
  return Object.entries(CloseCode).find(([, value]) => value === code)?.[0];
}
