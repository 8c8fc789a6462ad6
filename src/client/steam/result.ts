/** `EResult`, the ones that networking calls return. */
export const Result = {
  OK: 1,
  NoConnection: 3,
  InvalidParam: 8,
  InvalidState: 11,
  LimitExceeded: 25,
  DuplicateRequest: 29,
  ConnectFailed: 35,
  Ignored: 41,
} as const;
export type Result = (typeof Result)[keyof typeof Result];
