import type { PeerId, SessionId } from "../../protocol/index.ts";
import type { Link } from "./link.ts";
import type { Admission, StoredSession } from "../ports.ts";
import type { SessionRates } from "../limits/rates.ts";
import type { Moving } from "../shards/yielding.ts";

/**
 * Closes that a client with a socket may not have heard: those last sent before it turned out to be gone. So many fit
 * beside the rest in the socket's attachment, where they survive an eviction.
 */
const RECENT_FAREWELLS = 16;
const RECENT_BYTES = 1_536;
/** Closes that wait for a client without one. Whatever they do not cover is told as `EndedWhileAway`. */
const MAX_FAREWELLS = 1_024;

const NONE = new Uint8Array();

export interface SessionSecrets {
  readonly session: SessionId;
  readonly token: Uint8Array;
  readonly previousToken?: Uint8Array | undefined;
  readonly farewells?: Uint8Array | undefined;
  readonly offeredAt?: number | undefined;
}

/** One peer's presence in a room. It outlives its sockets by the grace period (rules R1 to R10). */
export class Session {
  readonly peer: PeerId;
  readonly id: SessionId;
  /** Undefined while the session is away. */
  link: Link | undefined;
  /** What the next socket must show to resume it. */
  token: Uint8Array;
  /** What this socket showed: good again until it has been heard from, should the welcome have been lost (R7). */
  previousToken: Uint8Array | undefined;
  /** ms until which an away session waits for its client; Infinity with a socket. */
  awayUntil = Infinity;
  /** ms since when it is away, where it is; unknown after an eviction or a crash. */
  awaySince: number | undefined;
  /** ms of the last word on its last socket, once that is gone; unknown after an eviction without it. */
  lastHeard: number | undefined;
  /** Who its last socket was admitted as; unknown after an eviction without that socket. */
  admission: Admission | undefined;
  /** What it has sent against its limits; unknown after an eviction, which takes a quiet room. */
  rates: SessionRates | undefined;
  /** ms when it offered to host the room; undefined where it has not (hosting/). */
  offeredAt: number | undefined;
  /** Another shard has asked for it, and been told, and has not said that it has it (shards/yielding.ts). */
  moving: Moving | undefined;
  /** There is a row of it on disk, as there must be before anybody is told of a connection. */
  isStored = false;
  readonly #farewells: Uint8Array[] = [];

  constructor(peer: PeerId, secrets: SessionSecrets) {
    this.peer = peer;
    this.id = secrets.session;
    this.token = secrets.token;
    this.takeOver(secrets);
  }

  static restore({ peer, awayUntil, ...secrets }: StoredSession): Session {
    const session = new Session(peer, secrets);
    session.awayUntil = awayUntil ?? Infinity;
    session.isStored = true;
    return session;
  }

  /** What a socket has kept of it is newer than what the disk has, which is written only when something else has to be. */
  takeOver({ token, previousToken, farewells, offeredAt }: SessionSecrets): void {
    this.token = token;
    this.previousToken = previousToken;
    this.offeredAt = offeredAt;
    this.#farewells.length = 0;
    if (farewells && farewells.length > 0) this.#farewells.push(farewells);
  }

  /** Also true for the token before, until the session was heard from on the socket that got the newest. */
  accepts(token: Uint8Array): boolean {
    const isNewest = equals(token, this.token);
    const isPrevious = this.previousToken !== undefined && equals(token, this.previousToken);
    return isNewest || isPrevious;
  }

  /** The client spoke on the socket that got the newest token, so it has it. */
  confirm(): void {
    this.previousToken = undefined;
  }

  /** Keeps a close frame, in case the client has no socket or does not get it. */
  addFarewell(close: Uint8Array): void {
    this.#farewells.push(close);
    const limit = this.link ? RECENT_FAREWELLS : MAX_FAREWELLS;
    if (this.#farewells.length > limit) this.#farewells.shift();
    if (!this.link) return;
    while (this.farewells.length > RECENT_BYTES) this.#farewells.shift();
    this.link.isUnsaved = true;
  }

  /** The close frames to send to a client that has come back, as one run of bytes. */
  get farewells(): Uint8Array {
    if (this.#farewells.length === 0) return NONE;
    const bytes = new Uint8Array(this.#farewells.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const farewell of this.#farewells) {
      bytes.set(farewell, offset);
      offset += farewell.length;
    }
    return bytes;
  }

  stored(): StoredSession {
    const { peer, id: session, token, previousToken, awayUntil, farewells, offeredAt } = this;
    return {
      peer,
      session,
      token,
      previousToken,
      awayUntil: awayUntil === Infinity ? undefined : awayUntil,
      farewells: this.link ? new Uint8Array() : farewells,
      offeredAt,
    };
  }
}

/** In a time that does not tell how many of the bytes are right. */
function equals(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
