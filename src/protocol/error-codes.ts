import { CloseCode } from "./close-codes.ts";

/**
 * What an error frame says went wrong: the one list. `close` tells whether the relay ends the session after it,
 * and with which code; errors without it concern one frame, and the session goes on.
 */
export const ERRORS = {
  malformed_frame: { code: 1, close: CloseCode.ProtocolError },
  truncated_batch: { code: 2, close: CloseCode.ProtocolError },
  unknown_frame: { code: 3, close: CloseCode.ProtocolError },
  unexpected_frame: { code: 4, close: CloseCode.ProtocolError },
  text_message: { code: 5, close: CloseCode.ProtocolError },
  hello_expected: { code: 6, close: CloseCode.ProtocolError },
  hello_repeated: { code: 7, close: CloseCode.ProtocolError },
  unsupported_version: { code: 8, close: CloseCode.ProtocolError },
  batch_too_large: { code: 9, close: CloseCode.MessageTooLarge },
  internal: { code: 10, close: CloseCode.InternalError },
  hello_timeout: { code: 11, close: CloseCode.HelloTimeout },
  flooding: { code: 12, close: CloseCode.RateLimited },
  unknown_handle: { code: 32, close: undefined },
  not_connected: { code: 33, close: undefined },
  payload_too_large: { code: 34, close: undefined },
  connect_to_self: { code: 35, close: undefined },
  invalid_argument: { code: 36, close: undefined },
  illegal_state: { code: 37, close: undefined },
  too_many_connections: { code: 38, close: undefined },
  rate_limited: { code: 39, close: undefined },
  unknown_mark: { code: 40, close: undefined },
  unknown_group: { code: 48, close: undefined },
  too_many_groups: { code: 49, close: undefined },
  group_full: { code: 50, close: undefined },
} as const satisfies Record<string, { code: number; close: CloseCode | undefined }>;

export type ErrorName = keyof typeof ERRORS;

const NAMES: ReadonlyMap<number, ErrorName> = new Map(
  Object.entries(ERRORS).map(([name, { code }]) => [code, name as ErrorName]),
);

/** The name of an error frame's code; undefined for a code of a later protocol revision. */
export function errorName(code: number): ErrorName | undefined {
  return NAMES.get(code);
}

/** An expected failure as a value: what an error frame, or the client's exception, is made of. */
export interface ProtocolProblem {
  readonly error: ErrorName;
  readonly message: string;
}
