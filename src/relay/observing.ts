import type { ConnectionState, PeerId } from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";
import type { Ending } from "./manager.ts";

/**
 * A session that begins, loses its socket, is resumed on a new one, and ends. One that is resumed while its older socket
 * looks open was never away, and nothing is told of it.
 */
export type PresenceChange = "joined" | "away" | "back" | "left";

/** Hears of what happens in a room, and changes nothing in it. None of these may throw. */
export interface RoomObserver {
  opened?(connection: P2PConnection): void;
  stateChanged?(connection: P2PConnection, previous: ConnectionState): void;
  /** Its counters are final. */
  closed?(connection: P2PConnection, ending: Ending): void;
  presenceChanged?(peer: PeerId, change: PresenceChange): void;
  /** After every event of the room, messages included: next to nothing may be done here in most turns. */
  turnEnded?(now: number): void;
}
