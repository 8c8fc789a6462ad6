/** Two rooms compare their halves, as a client and its room do after a welcome (rule X6). */
import { ConnectionState, EndReason, Path } from "../../protocol/index.ts";
import type { RoomState } from "../room-state.ts";
import type { Link } from "../sessions/link.ts";
import { TRUNK_VERSION, type TrunkValues } from "./frames.ts";
import { disconnect, findHalf, raise } from "./hearing.ts";
import { isAsking, nearPeer, say, sendList, tellOpen } from "./links.ts";
import { endHere } from "./saying.ts";
import { loseLink } from "./losing.ts";
import type { Trunk } from "./trunk.ts";

export function heardList(room: RoomState, link: Link, trunk: Trunk, version: number): void {
  if (version !== TRUNK_VERSION) {
    room.log({ level: "warn", event: "trunk_refused", to: trunk.room, version });
    return loseLink(room, link, "another version");
  }
  trunk.listing = new Set();
  if (!link.use?.owesList) return;
  link.use.owesList = false;
  if (trunk.link) sendList(room, trunk, trunk.link);
}

export function heardHalf(room: RoomState, trunk: Trunk, half: TrunkValues<"half">): void {
  const own = findHalf(room, trunk, half);
  if (!own?.farPeer) return sayHowItEnded(room, trunk, half);
  trunk.listing?.add(own);
  own.farPath = half.path === Path.Away || half.path === Path.Held ? half.path : Path.Open;
  if (half.state === ConnectionState.Connecting) return;
  raise(room, own, half.mine);
  if (half.state === ConnectionState.Disconnecting && own.state === ConnectionState.Connected) {
    disconnect(room, own, half.reason, half.isByMe ? own.farPeer : nearPeer(own), "");
  }
}

/** The list is complete: what it does not name is over, and of the rest frames may have been lost, either way. */
export function heardListed(room: RoomState, trunk: Trunk): void {
  const { listing } = trunk;
  trunk.listing = undefined;
  if (!listing) return;
  // Not before: one that breaks in the middle of each list is not dialed in a loop.
  trunk.lostAt = undefined;
  trunk.attempts = 0;
  trunk.retryAt = Infinity;
  for (const half of [...trunk.halves]) {
    if (listing.has(half)) tellOpen(room, half);
    else if (half.farHandle !== undefined && !isAsking(half)) endHere(room, half, EndReason.EndedWhileAway);
  }
}

function sayHowItEnded(room: RoomState, trunk: Trunk, { mine, yours }: TrunkValues<"half">): void {
  const link = trunk.link ?? room.dial(trunk);
  if (!link) return;
  // What is still known of its end was said at the beginning of our own list.
  if (!trunk.farewells.has(yours)) say(room, link, "gone", { yours: mine });
}
