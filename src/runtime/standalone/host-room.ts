import type { PeerId } from "../../protocol/index.ts";
import { Following } from "../../relay/directory/following.ts";
import type { RoomReport } from "../../relay/directory/report.ts";
import type { Log, TrunkSocket } from "../../relay/ports.ts";
import type { SettingsFor } from "../../relay/settings.ts";
import { SqlAuditLog } from "../../storage/sql-audit.ts";
import { SqlBanStore } from "../../storage/sql-bans.ts";
import { SqlFollowingStore } from "../../storage/sql-following.ts";
import { SqlRoomStore } from "../../storage/sql-room-store.ts";
import { parseRoomAddress, roomIn, roomName } from "../room-address.ts";
import type { LocalDirectory } from "./directory.ts";
import { HostedRoom } from "./hosted-room.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

export interface HostOptions {
  /** As in logs: `app/480/room/lobby`. */
  readonly name: string;
  readonly database: SqliteDatabase;
  readonly log: Log;
  readonly settingsFor: SettingsFor;
  readonly directory: LocalDirectory;
  /** A trunk from this room, `from` as its app names it, to the room `to`, as logs name it. */
  readonly dial: (from: string, to: string) => TrunkSocket;
  readonly changed: (hosted: HostedRoom) => void;
}

/** A room over its database, with what is around it in this process. */
export function hostRoom({ name, database, log, settingsFor, directory, dial, changed }: HostOptions): HostedRoom {
  const { app, room } = parseRoomAddress(name);
  const own = room ?? "";
  const options = {
    app,
    store: new SqlRoomStore(database),
    bans: new SqlBanStore(database),
    audit: new SqlAuditLog(database),
    log,
    random: (size: number) => crypto.getRandomValues(new Uint8Array(size)),
    crossing: {
      name: own,
      port: { dial: (to: string) => dial(own, roomName({ app, room: roomIn(to) })) },
    },
  };
  const store = new SqlFollowingStore(database);
  const surroundings = {
    name,
    room,
    following: new Following(store, (overrides) => settingsFor(app, overrides)),
    listings: store,
    directory: {
      report: (report: RoomReport) => directory.report(app, report, Date.now()),
      locate: (peers: readonly PeerId[]) => directory.locate(app, peers),
    },
    changed,
  };
  return new HostedRoom(options, surroundings, Date.now());
}
