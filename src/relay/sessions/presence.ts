import type { PeerId } from "../../protocol/index.ts";
import type { PresenceChange } from "../observing.ts";
import type { RoomState } from "../room-state.ts";

export function presenceChanged({ observers }: RoomState, peer: PeerId, change: PresenceChange): void {
  for (const observer of observers) observer.presenceChanged?.(peer, change);
}
