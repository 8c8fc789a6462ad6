/** Peers whose shard is another one since the number of shards has changed are sent there (rule SH3). */
import { CloseCode, ConnectionState } from "../../protocol/index.ts";
import type { RoomState } from "../room-state.ts";
import type { Link } from "../sessions/link.ts";
import { loseSocket } from "../sessions/sessions.ts";
import { closeLink } from "../telling.ts";
import { seek } from "../trunk/locating.ts";

/** So many come back in a second, and within so long all of them: who moves is away until then. */
const COMING_BACK_PER_SECOND = 500;
const SPREAD_MS = 2_000;

/** With the end of a turn in which something has changed. Their sessions stay here, away, until their new shard asks for them. */
export function settleShards(room: RoomState, now: number): void {
  const { sharding, links } = room;
  sharding.isUnsettled = false;
  sharding.hasGuests = [...links].some(({ isOpen }) => !isOpen);
  const movers = [...links].filter(({ isOpen, peer }) => isOpen && sharding.homeOf(peer) !== sharding.name);
  const spread = Math.min(SPREAD_MS, (1_000 * movers.length) / COMING_BACK_PER_SECOND);
  movers.forEach((link, index) => sendOn(room, link, Math.floor((spread * index) / movers.length), now));
  if (movers.length > 0) room.log({ level: "info", event: "peers_moved", peers: movers.length });
  seekElsewhere(room);
}

function sendOn(room: RoomState, link: Link, reconnectAfterMs: number, now: number): void {
  closeLink(room, link, CloseCode.Restarting, "moved to another shard", reconnectAfterMs);
  loseSocket(room, link, now, "moved");
}

/** Who was asked for here, and is not here, is to be found in its own shard. */
function seekElsewhere(room: RoomState): void {
  for (const { state, toPeerId, trunk } of [...room.manager.connections()]) {
    if (state === ConnectionState.Connecting && !trunk && !room.sessions.has(toPeerId)) seek(room, toPeerId);
  }
}
