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
  /** The other end takes in less than it is sent, and no more can be held for it. */
  "peer_stalled",
  /** The sender sends more than its rate allows. */
  "rate_limited",
  /** More than one connection may carry. */
  "connection_rate_limited",
  /** Sent to a group that the sender is not in. */
  "unknown_group",
] as const;
export type DropReason = (typeof DROP_REASONS)[number];
