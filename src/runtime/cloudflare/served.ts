import type { RoomAddress } from "../../http/gateway.ts";
import type { Following } from "../../relay/directory/following.ts";
import type { Reported } from "../../relay/directory/reporting.ts";
import type { Room } from "../../relay/room.ts";
import { type RoomCompany, accompany } from "../room-company.ts";
import { SendTimer } from "../send-timer.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { Attachment } from "./hibernatable-socket.ts";
import type { PeerSockets } from "./peer-sockets.ts";
import type { RoomMaker } from "./room-maker.ts";
import type { Trunks } from "./trunks.ts";
import { Watching } from "./watching.ts";

/** What an event works on: the rules with all that outlived the memory, and what keeps their counters. */
export interface Served extends RoomCompany {
  readonly room: Room;
  readonly checkpoints: Checkpoints;
  readonly sendTimer: SendTimer;
  readonly watching: Watching;
  readonly following: Following;
}

/** Where what outlived the memory is found. */
export interface Remains {
  readonly ctx: DurableObjectState;
  readonly address: RoomAddress;
  readonly maker: RoomMaker;
  readonly peers: PeerSockets;
  readonly trunks: Trunks;
}

/** `closing`: the socket of a close event. `isNew`: nothing is stored yet. */
export function restoreServed(remains: Remains, now: number, closing: WebSocket | undefined, isNew: boolean): Served {
  const { ctx, address, maker, peers, trunks } = remains;
  const survivors = peers.survivors(closing);
  const attachments = survivors.map(({ attachment }) => attachment);
  const following = maker.newFollowing();
  const room = maker.newRoom(following);
  const watching = new Watching(ctx, room, now);
  const checkpoints = new Checkpoints(room);
  const links = room.restore(checkpoints.newest(attachments), survivors, now, trunks.survivors());
  peers.restored(survivors, links);
  // Nothing was ever counted in it: then its alarm is for this alone, and tells the time.
  const since = isNew ? now : (room.lastCounted ?? 0);
  const reported = newestReport(attachments);
  const company = accompany({ room, name: address.room, following, listings: maker.store, reported, since }, now);
  return { room, checkpoints, sendTimer: new SendTimer(room), watching, following, ...company };
}

/** The last that sockets know of; none where the one that carried it has closed. */
function newestReport(attachments: readonly Attachment[]): Reported | undefined {
  let newest: Reported | undefined;
  for (const { reported } of attachments) if (reported && !(newest && newest.at >= reported.at)) newest = reported;
  return newest;
}
