import type { ConnectionId, PeerId } from "../../protocol/index.ts";
import type { ConnectionDetail } from "../connection-detail.ts";
import { type ConnectionView, viewConnection } from "../connection-view.ts";
import type { Room } from "../room.ts";

/** In order of creation, those with a handle above `after`. */
export function connections(
  { manager }: Room,
  _now: number,
  { after, limit }: { after: number; limit: number },
): ConnectionView[] {
  const views: ConnectionView[] = [];
  for (const open of manager.connections()) {
    if (open.handle > after) views.push(viewConnection(open));
    if (views.length === limit) break;
  }
  return views;
}

export function connection(room: Room, _now: number, id: ConnectionId): ConnectionDetail | undefined {
  return room.connectionDetail(id);
}

export function connectionsOfPeer({ manager }: Room, _now: number, peer: PeerId): ConnectionView[] {
  return manager.getConnectionsForPeer(peer).map(viewConnection);
}
