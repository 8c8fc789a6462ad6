/** How a room says of itself what the lobby list shows: kept on its disk, told with its reports. */
import type { PeerId } from "../../protocol/index.ts";
import { Meter } from "../limits/rates.ts";
import type { Room } from "../room.ts";
import type { Listing } from "./lobby.ts";

/** Each change is a row here and a report, which is another. */
const CHANGES_PER_SECOND = 0.2;
const CHANGES_AT_ONCE = 5;

export interface ListingStore {
  loadListing(): Listing | undefined;
  /** Undefined: none any more. */
  saveListing(listing: Listing | undefined): void;
}

export type Announced =
  | { readonly outcome: "done" }
  /** Who announces a room is in it. */
  | { readonly outcome: "not_here" }
  | { readonly outcome: "too_often"; readonly retryAfter: number };

export class Announcing {
  readonly #room: Room;
  readonly #store: ListingStore;
  readonly #meter: Meter;
  #listing: Listing | undefined;
  #isNews = false;

  constructor(room: Room, store: ListingStore, now: number) {
    this.#room = room;
    this.#store = store;
    this.#meter = new Meter(CHANGES_PER_SECOND, CHANGES_AT_ONCE, now);
    this.#listing = store.loadListing();
  }

  get listing(): Listing | undefined {
    return this.#listing;
  }

  /** Undefined takes the room out of the list. */
  announce(peer: PeerId, listing: Listing | undefined, now: number): Announced {
    if (!this.#room.isPresent(peer)) return { outcome: "not_here" };
    if (!this.#meter.takeOne(now)) {
      return { outcome: "too_often", retryAfter: Math.max(1, Math.ceil(this.#meter.waitForOne(now) / 1000)) };
    }
    this.#keep(listing);
    return { outcome: "done" };
  }

  /** Nobody is there any more: who comes next announces it anew, if anybody. */
  emptied(): void {
    if (this.#listing) this.#keep(undefined);
  }

  /** Whether it has changed since this was last asked. */
  takeNews(): boolean {
    const isNews = this.#isNews;
    this.#isNews = false;
    return isNews;
  }

  #keep(listing: Listing | undefined): void {
    this.#store.saveListing(listing);
    this.#listing = listing;
    this.#isNews = true;
  }
}
