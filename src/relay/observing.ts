import type { ConnectionState } from "../protocol/index.ts";
import type { P2PConnection } from "./connection.ts";
import type { Ending } from "./manager.ts";

/** Hears of what happens in a room, and changes nothing in it. None of these may throw. */
export interface RoomObserver {
  opened?(connection: P2PConnection): void;
  stateChanged?(connection: P2PConnection, previous: ConnectionState): void;
  /** Its counters are final. */
  closed?(connection: P2PConnection, ending: Ending): void;
  /** After every event of the room, messages included: next to nothing may be done here in most turns. */
  turnEnded?(now: number): void;
}
