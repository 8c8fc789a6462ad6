import { NOTHING, counted, difference, isSomebodyIn, presence, sum, total } from "./figures.ts";
import { monthOf } from "../limits/monthly-bytes.ts";
import type { RoomStatistics } from "../statistics.ts";
import type { KnownRoom } from "./app-ledger.ts";
import type { Listing } from "./lobby.ts";

/** As much of a room as sums over all of them need. */
export interface Glimpse {
  /** ms of the last report, by the directory's clock. */
  readonly seen: number;
  /** ms of the last report, by the room's clock. */
  readonly at: number;
  readonly monthBytes: number;
  /** Of what is now; undefined where nobody was in it. */
  readonly presence: RoomStatistics | undefined;
  /** Undefined where it is not in the lobby list. */
  readonly listed: (Listing & Pick<KnownRoom, "region">) | undefined;
}

/**
 * All rooms of an app in memory, and what they have counted together, which is kept up instead of added up: there may be
 * 20,000 of them, who asks asks often, and on one's own machine the games of the same process would wait for the answer.
 */
export class KnownRooms {
  readonly #glimpses = new Map<string, Glimpse>();
  #counted: RoomStatistics;

  /** `pages`: all of them, some at a time. */
  constructor(pages: Iterable<readonly KnownRoom[]>) {
    let sums = NOTHING;
    for (const page of pages) {
      sums = total([sums, ...page.map(({ statistics }) => statistics)]);
      for (const room of page) this.#glimpses.set(room.name, glimpseOf(room));
    }
    this.#counted = counted(sums);
  }

  get size(): number {
    return this.#glimpses.size;
  }

  /** Without bytes of a month. */
  get counted(): RoomStatistics {
    return this.#counted;
  }

  entries(): IterableIterator<[string, Glimpse]> {
    return this.#glimpses.entries();
  }

  /** What the rooms have relayed in the month of `now`. */
  bytesInMonth(now: number): number {
    const [begin, end] = [monthOf(now, 0), monthOf(now, 1)];
    let bytes = 0;
    for (const { at, monthBytes } of this.#glimpses.values()) if (at >= begin && at < end) bytes += monthBytes;
    return bytes;
  }

  /** `former`: what was known of the same room. */
  set(room: KnownRoom, former: KnownRoom | undefined): void {
    const others = former ? difference(this.#counted, former.statistics) : this.#counted;
    this.#counted = counted(sum(others, room.statistics));
    this.#glimpses.set(room.name, glimpseOf(room));
  }

  delete({ name, statistics }: KnownRoom): void {
    if (this.#glimpses.delete(name)) this.#counted = counted(difference(this.#counted, statistics));
  }
}

function glimpseOf({ seen, at, region, listing, statistics }: KnownRoom): Glimpse {
  const { monthBytes } = statistics;
  const listed = listing ? { ...listing, region } : undefined;
  return { seen, at, monthBytes, presence: isSomebodyIn(statistics) ? presence(statistics) : undefined, listed };
}
