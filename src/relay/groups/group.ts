import type { Link } from "../sessions/link.ts";

/** A channel of the room. It exists while somebody is in it. */
export interface Group {
  /** Its name on the wire, the same for all members. */
  readonly id: number;
  readonly name: string;
  /** Sockets, in the order in which they joined. */
  readonly members: Set<Link>;
}

/** A membership as it is kept beside a socket: id and name. */
export type SavedGroup = readonly [number, string];

/**
 * The groups of one room. Membership is the socket's: it is kept beside it through an eviction, which costs no row, and is
 * gone with it. So there are no members that are not there, and nothing is left behind by who does not come back.
 */
export class Groups {
  readonly #byName = new Map<string, Group>();
  readonly #ids = new Set<number>();
  #lastId = 0;

  /** How many members the group has; 0 where there is none of that name. */
  sizeOf(name: string): number {
    return this.#byName.get(name)?.members.size ?? 0;
  }

  join(link: Link, name: string): Group {
    let group = this.#byName.get(name);
    if (!group) this.#add((group = { id: this.#takeId(), name, members: new Set() }));
    enter(link, group);
    return group;
  }

  leave(link: Link, group: Group): void {
    link.groups?.delete(group.id);
    group.members.delete(link);
    if (group.members.size > 0) return;
    this.#byName.delete(group.name);
    this.#ids.delete(group.id);
  }

  leaveAll(link: Link): void {
    if (link.groups) for (const group of link.groups.values()) this.leave(link, group);
  }

  /**
   * A socket that stayed open through an eviction. One that turns up after the others (Room.rejoin) is on its way out, and
   * its group may be another by now: then it has been in none.
   */
  restore(link: Link, saved: readonly SavedGroup[]): void {
    for (const [id, name] of saved) {
      const known = this.#byName.get(name);
      if (known ? known.id !== id : this.#ids.has(id)) continue;
      const group = known ?? { id, name, members: new Set<Link>() };
      if (!known) this.#add(group);
      enter(link, group);
    }
  }

  #add(group: Group): void {
    this.#byName.set(group.name, group);
    this.#ids.add(group.id);
  }

  /** The next that is free, so that a number comes up again as late as may be. */
  #takeId(): number {
    do this.#lastId = this.#lastId >= 0xffff_ffff ? 1 : this.#lastId + 1;
    while (this.#ids.has(this.#lastId));
    return this.#lastId;
  }
}

function enter(link: Link, group: Group): void {
  group.members.add(link);
  (link.groups ??= new Map()).set(group.id, group);
}
