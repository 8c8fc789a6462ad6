/** What the relay's names mean to an operator, and what to do about it. A name of a later release is shown as it is. */
import type { DropReason, ErrorName } from "../../protocol/index.ts";
import type { JoinRefusalCode } from "../../relay/limits/refusals.ts";

export const DROP_MEANINGS: Readonly<Record<DropReason, string>> = {
  unknown_handle: "Sent on a connection that is over, or never was the sender's. Some after each close are normal.",
  not_connected: "Sent before the other side accepted, or while the connection was closing.",
  payload_too_large: "The payload is above the app's maxPayload. The game should send smaller packets.",
  peer_away: "The receiver had lost its network just then. Unreliable data is not kept for it.",
  peer_stalled: "The receiver takes in less than it is sent: a slow network, or a game that hangs.",
  rate_limited: "The sender sends more than messagesPerSecond or bytesPerSecond of its rate class allow.",
  connection_rate_limited: "One connection carries more than connectionBytesPerSecond.",
  unknown_group: "Sent to a group that the sender is not in. Some after each reconnect are normal.",
};

export const REFUSAL_MEANINGS: Readonly<Record<ErrorName, string>> = {
  malformed_frame: "A frame whose bytes make no sense. A broken client, or somebody trying things out.",
  truncated_batch: "A message ended in the middle of a frame. A broken client.",
  unknown_frame: "A frame of a type that this release does not know.",
  unexpected_frame: "A frame that only the relay may send.",
  text_message: "A text message where only binary ones belong.",
  hello_expected: "Something else than hello came first.",
  hello_repeated: "A second hello on the same socket.",
  unsupported_version: "A client of another protocol version: it needs an update, or the relay does.",
  batch_too_large: "A WebSocket message above the limit.",
  internal: "The relay failed on a frame. Look into its log: this is a bug.",
  hello_timeout: "A socket that never said hello.",
  flooding: "Sessions ended because they went on sending far above their rates.",
  unknown_handle: "Frames for a connection that is over. Some after each close are normal.",
  not_connected: "Frames on a connection that was not accepted yet.",
  payload_too_large: "Payloads above the app's maxPayload.",
  connect_to_self: "A peer tried to connect to itself.",
  invalid_argument: "A value outside of what the protocol allows.",
  illegal_state: "Accept or refuse of what is not to be accepted any more, or by the wrong end.",
  too_many_connections: "A peer has maxConnectionsPerPeer open already.",
  rate_limited: "More connects per second than connectsPerSecond allows.",
  unknown_mark: "A credit for a mark that the relay never gave. A broken client.",
  unknown_group: "Messages to groups that the sender is not in. Some after each reconnect are normal.",
  too_many_groups: "A peer is in maxGroupsPerPeer groups already.",
  group_full: "A group has maxGroupMembers. Split it, as a world into zones, or raise it.",
};

export const JOIN_MEANINGS: Readonly<Record<JoinRefusalCode, string>> = {
  room_full: "The room has maxPeers. Spread players over several rooms, or raise it.",
  budget_exhausted: "This month's monthlyBytes are used up. Nobody new joins until it is raised, or the month ends.",
  peer_banned: "Peers that are banned tried to come in.",
  address_banned: "Somebody from a banned address tried to come in.",
  ticket_revoked: "Somebody came with a revoked ticket.",
  too_many_sockets: "A peer has 32 sockets that were never closed: a client that reconnects in a loop.",
};

export const END_MEANINGS: Readonly<Record<string, string>> = {
  Timeout: "no answer in time",
  IdleTimeout: "idle",
  PeerLeft: "the other end left",
  PeerLost: "the other end was lost",
  PeerSuperseded: "the player joined anew",
  ClosedByAdmin: "closed by an operator",
  PeerKicked: "kicked",
  PeerBanned: "banned",
  RateLimited: "sent far too much",
};

export interface Counted {
  readonly name: string;
  readonly count: number;
  readonly meaning: string;
}

/** What occurred, the most frequent first. */
export function ranked(
  counts: Readonly<Record<string, number>>,
  meanings: Readonly<Record<string, string>>,
): Counted[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => ({ name, count, meaning: meanings[name] ?? "" }))
    .toSorted((a, b) => b.count - a.count);
}
