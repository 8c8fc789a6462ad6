/** Two rooms compare their halves, as a client and its room do after a welcome (rule X6). */
import { ConnectionState, EndReason, Path } from "../../protocol/index.ts";
import type { RoomState } from "../room-state.ts";
import type { Link } from "../sessions/link.ts";
import { halfThatMoved } from "../shards/rebinding.ts";
import { HalfFlag, TRUNK_VERSION, type TrunkValues } from "./frames.ts";
import { disconnect, findHalf, raise, sayGone } from "./hearing.ts";
import { askHow, isAsking, isGivenAway, nearPeer, sayListed, sendList, tellOpen } from "./links.ts";
import { endHere } from "./saying.ts";
import { loseLink } from "./losing.ts";
import type { Trunk } from "./trunk.ts";

export function heardList(room: RoomState, link: Link, trunk: Trunk, version: number): void {
  if (version !== TRUNK_VERSION) {
    room.log({ level: "warn", event: "trunk_refused", to: trunk.room, version });
    return loseLink(room, link, "another version");
  }
  trunk.listing = new Set();
  trunk.arriving.clear();
}

export function heardHalf(room: RoomState, trunk: Trunk, half: TrunkValues<"half">, flags: number): void {
  const own = findHalf(room, trunk, half) ?? halfThatMoved(room, trunk, half);
  if (own === "older") return;
  if (!own?.farPeer) return sayHowItEnded(room, trunk, half);
  const path = half.path === Path.Away || half.path === Path.Held ? half.path : Path.Open;
  const asks = (flags & HalfFlag.Asks) !== 0;
  const isNews = !trunk.listing && (own.farPath !== path || own.isMoved || asks);
  trunk.listing?.add(own);
  own.farPath = path;
  own.isMoved = false;
  if (asks && trunk.link) sayListed(room, trunk.link, own);
  if (half.state === ConnectionState.Connecting) return;
  raise(room, own, half.mine);
  if (half.state === ConnectionState.Disconnecting && own.state === ConnectionState.Connected) {
    disconnect(room, own, half.reason, half.isByMe ? own.farPeer : nearPeer(own), "");
  }
  if (isNews) tellOpen(room, own);
}

/** The list is complete: what it does not name is over, and of the rest frames may have been lost, either way. */
export function heardListed(room: RoomState, link: Link, trunk: Trunk): void {
  const { listing } = trunk;
  // Behind it, since a half that has moved is known here only now.
  if (link.use?.owesList && trunk.link) sendList(room, trunk, trunk.link);
  if (link.use) link.use.owesList = false;
  trunk.listing = undefined;
  if (!listing) return;
  // Not before: one that breaks in the middle of each list is not dialed in a loop.
  trunk.lostAt = undefined;
  trunk.attempts = 0;
  trunk.retryAt = Infinity;
  for (const half of [...trunk.halves]) {
    if (listing.has(half)) tellOpen(room, half);
    else if (half.isMoved || isGivenAway(room, half)) continue; // not heard of there, or led there no more
    else if (half.farHandle === undefined || isAsking(half)) continue;
    else if (room.sharding.isSibling(trunk.room)) askHow(room, trunk, half); // the news of where it was handed on may be lost
    else endHere(room, half, EndReason.EndedWhileAway);
  }
}

function sayHowItEnded(room: RoomState, trunk: Trunk, { mine, yours }: TrunkValues<"half">): void {
  // What is still known of its end was said at the beginning of our own list.
  if (!trunk.farewells.has(yours)) sayGone(room, trunk, mine, yours === 0 ? mine : yours);
}
