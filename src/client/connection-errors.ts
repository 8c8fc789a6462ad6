/** What the application is told when a connection fails. */
import { ClosedBy, EndReason } from "../protocol/index.ts";
import type { Ending } from "./connection-types.ts";
import { RelayError } from "./relay-error.ts";

export function endedBy(closedBy: number): Ending["closedBy"] {
  if (closedBy === ClosedBy.Local) return "local";
  return closedBy === ClosedBy.Peer ? "peer" : "relay";
}

export function endingError({ reason, debug, closedBy }: Ending): RelayError {
  if (reason === EndReason.Timeout) {
    const message = "The peer did not answer in time: it may be absent, or not want to connect";
    return new RelayError("connect_timeout", message, { reason });
  }
  const why = debug === "" ? `reason ${reason}` : `reason ${reason}: ${debug}`;
  return new RelayError("connection_closed", `The connection was closed by ${closedBy} (${why})`, { reason });
}

export function sendError(reason: string, size: number): RelayError {
  switch (reason) {
    case "LimitExceeded":
      return new RelayError("limit_exceeded", "Cannot send: the send buffer is full; use write() to wait for room");
    case "TooLarge":
      return new RelayError("payload_too_large", `Cannot send a message of ${size} bytes: it is above the limit`);
    case "InvalidLane":
      return new RelayError("invalid_argument", "Cannot send: the lane is not configured");
    default:
      return new RelayError(
        "not_connected",
        "Not sent: the message could not leave now, and was to be dropped rather than kept",
      );
  }
}
