/** Every data frame that is not relayed is counted under one of these. The list is closed. */
export const DROP_REASONS = [
  /** The handle names no connection that the sender is an end of. */
  "unknown_handle",
  /** The connection is not Connected: not accepted yet, or already closing. */
  "not_connected",
  /** The payload is larger than the app allows. */
  "payload_too_large",
  /** The other end has no open socket just now. */
  "peer_away",
] as const;
export type DropReason = (typeof DROP_REASONS)[number];
