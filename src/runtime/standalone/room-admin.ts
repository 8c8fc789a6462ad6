import type { RoomAdmin } from "../../http/gateway.ts";
import type { HostedRoom } from "./hosted-room.ts";

/** What operators ask of a room. It is entered anew for each: it may have been closed since the last. */
export function adminOf(enter: () => HostedRoom): RoomAdmin {
  return {
    statistics: async () => enter().statistics(Date.now()),
    connections: async (page) => enter().connections(page),
    connection: async (id) => enter().connection(id),
    connectionsOfPeer: async (peer) => enter().connectionsOfPeer(peer),
    closeConnection: async (id) => enter().closeConnection(id, Date.now()),
    kick: async (peer) => enter().kick(peer, Date.now()),
    bans: async (page) => enter().bans(page, Date.now()),
    ban: async (ban) => enter().ban(ban, Date.now()),
    unban: async (kind, subject) => enter().unban(kind, subject, Date.now()),
    drain: async (reconnectAfterMs) => enter().drain(reconnectAfterMs, Date.now()),
  };
}
