import type { ErrorName } from "../protocol/index.ts";

/**
 * Every failure of the client, with a stable `code`: a refusal's problem code (`ticket_expired`, …; the relay's
 * src/http/problem.ts), an error frame's name (`too_many_connections`, …), or one of these.
 */
export type RelayErrorCode =
  | ErrorName
  /** The relay did not answer, or answered no WebSocket. */
  | "dial_failed"
  /** Joining took longer than its timeout. */
  | "dial_timeout"
  /** The socket to the relay is closed; `closeCode` says why. */
  | "relay_closed"
  /** The peer did not answer in time: it may be absent, or may not want to. */
  | "connect_timeout"
  /** The connection has ended. */
  | "connection_closed"
  /** The send buffer is full; wait until it drains. */
  | "limit_exceeded"
  /** An argument is out of its range. */
  | "invalid_argument"
  /** The same port is listened on already. */
  | "port_in_use"
  /** The relay sent what the protocol does not allow. */
  | "protocol_violation"
  | (string & {});

export class RelayError extends Error {
  readonly code: RelayErrorCode;
  /** The WebSocket close code, when a close of the relay caused this. */
  readonly closeCode: number | undefined;
  /** The HTTP status, when the relay refused the upgrade. */
  readonly status: number | undefined;
  /** The connection's end reason, when the end of a connection caused this. */
  readonly reason: number | undefined;

  constructor(
    code: RelayErrorCode,
    message: string,
    details: {
      closeCode?: number | undefined;
      status?: number | undefined;
      reason?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "RelayError";
    this.code = code;
    this.closeCode = details.closeCode;
    this.status = details.status;
    this.reason = details.reason;
  }
}
