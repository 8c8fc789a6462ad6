import type { RoomName } from "../protocol/index.ts";
import { Announcing, type ListingStore } from "../relay/directory/announcing.ts";
import type { Following } from "../relay/directory/following.ts";
import { type Reported, Reporter } from "../relay/directory/reporting.ts";
import { Retention } from "../relay/retention.ts";
import type { Room } from "../relay/room.ts";

/** What goes with a room on every runtime: it tells the directory of it, and when its storage is to be cleared. */
export interface RoomCompany {
  readonly announcing: Announcing;
  readonly reporter: Reporter;
  readonly retention: Retention;
}

export interface RoomCompanyOptions {
  /** As it was rebuilt. */
  readonly room: Room;
  /** Undefined for the app's own. */
  readonly name: RoomName | undefined;
  readonly following: Following;
  readonly listings: ListingStore;
  /** Of the last report, as far as it is known. */
  readonly reported: Reported | undefined;
  /** ms since when nobody is here, should nobody be. */
  readonly since: number;
}

export function accompany(options: RoomCompanyOptions, now: number): RoomCompany {
  const { room, name, following, listings, reported, since } = options;
  const announcing = new Announcing(room, listings, now);
  const reporter = new Reporter({ room, name, following, announcing, reported, now });
  const isOwnRoom = name === undefined;
  const retention = new Retention({ room, isOwnRoom, settings: () => following.settings, since });
  room.observe(retention);
  room.observe(reporter);
  following.restored(room, now);
  return { announcing, reporter, retention };
}
