/** Which room of an app each peer is in, as the rooms have said: so that one can be found by its id alone (docs/trunk.md). */
import type { PeerId } from "../../protocol/index.ts";

/** Where it is kept: one row per room that somebody is in. */
export interface PeerLists {
  loadPeers(): { readonly name: string; readonly peers: Uint8Array }[];
  savePeers(name: string, peers: Uint8Array): void;
  deletePeers(name: string): void;
}

const ID_BYTES = 8;
const NOBODY = new Uint8Array();

/** Ids as bytes, little-endian, one behind the other. */
export function packPeers(peers: Iterable<PeerId>): Uint8Array {
  const ids = [...peers];
  const bytes = new Uint8Array(ID_BYTES * ids.length);
  const view = new DataView(bytes.buffer);
  ids.forEach((id, index) => view.setBigUint64(ID_BYTES * index, id, true));
  return bytes;
}

function unpackPeers(bytes: Uint8Array): PeerId[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from(
    { length: Math.floor(bytes.length / ID_BYTES) },
    (_, index) => view.getBigUint64(ID_BYTES * index, true) as PeerId,
  );
}

/** Where a peer was last said to be. */
export interface Whereabout {
  /** "" for the app's own. */
  readonly room: string;
  /** ms of the directory's clock when the room named it first; 0: before it was last read. */
  readonly since: number;
}

/** What several directories of one app say of the same peers, in the order of these. */
export function latestOf(answers: readonly (readonly (Whereabout | undefined)[])[]): (string | undefined)[] {
  const [first = []] = answers;
  return first.map((_, index) => {
    let latest: Whereabout | undefined;
    for (const { [index]: found } of answers) if (found && !(latest && latest.since >= found.since)) latest = found;
    return latest?.room;
  });
}

export class Whereabouts {
  readonly #store: PeerLists;
  /** Built when it is first needed: in most apps it never is. */
  #index: Index | undefined;

  constructor(store: PeerLists) {
    this.#store = store;
  }

  /** All that are in the room now, in place of whom it named before. */
  told(name: string, peers: Uint8Array, now: number): void {
    const index = this.#read();
    if (peers.length === 0) this.#store.deletePeers(name);
    else this.#store.savePeers(name, peers);
    index.set(name, peers, now);
  }

  /** All that are in the room, for another directory; undefined for nobody. */
  listOf(name: string): Uint8Array | undefined {
    return this.#read().peersIn(name);
  }

  forget(name: string): void {
    this.#store.deletePeers(name);
    this.#index?.set(name, NOBODY, 0);
  }

  /** What is held may differ from what is kept: it is read anew. */
  reload(): void {
    this.#index = undefined;
  }

  /** Of a peer that is in several rooms, the one that named it last. */
  locate(peer: PeerId): Whereabout | undefined {
    return this.#read().roomOf(peer);
  }

  #read(): Index {
    if (this.#index) return this.#index;
    const index = new Index();
    for (const { name, peers } of this.#store.loadPeers()) index.set(name, peers, 0);
    return (this.#index = index);
  }
}

/** Some 100 bytes per peer, of whom there may be hundreds of thousands in one object's memory. */
class Index {
  /** As the rooms have packed them. */
  readonly #byRoom = new Map<string, Uint8Array>();
  /** Most peers are in one room, and need no list; those that it named together share what is said of them. */
  readonly #byPeer = new Map<PeerId, Whereabout | readonly Whereabout[]>();

  set(name: string, peers: Uint8Array, since: number): void {
    const before = new Set(unpackPeers(this.#byRoom.get(name) ?? NOBODY));
    const after = new Set(unpackPeers(peers));
    const here = { room: name, since };
    for (const peer of before) if (!after.has(peer)) this.#keep(peer, this.#without(peer, name));
    for (const peer of after) if (!before.has(peer)) this.#keep(peer, [...this.#placesOf(peer), here]);
    if (after.size > 0) this.#byRoom.set(name, peers);
    else this.#byRoom.delete(name);
  }

  peersIn(name: string): Uint8Array | undefined {
    return this.#byRoom.get(name);
  }

  roomOf(peer: PeerId): Whereabout | undefined {
    return this.#placesOf(peer).at(-1);
  }

  #placesOf(peer: PeerId): readonly Whereabout[] {
    return [this.#byPeer.get(peer) ?? []].flat();
  }

  #without(peer: PeerId, name: string): readonly Whereabout[] {
    return this.#placesOf(peer).filter(({ room }) => room !== name);
  }

  #keep(peer: PeerId, places: readonly Whereabout[]): void {
    const [only, ...others] = places;
    if (!only) this.#byPeer.delete(peer);
    else this.#byPeer.set(peer, others.length === 0 ? only : places);
  }
}
