import type { PeerId, SessionId } from "../protocol/index.ts";
import type { Admission, RelaySocket, SavedLink } from "./ports.ts";
import { SessionRates } from "./rates.ts";
import { DEFAULT_SETTINGS, type PeerLimits, TIMES } from "./settings.ts";

/**
 * One socket as the rules see it: first a guest that has not said hello, then the session of a peer, then over.
 * Frames that arrive after that are not read.
 */
export type LinkState =
  | { readonly state: "awaiting-hello" }
  | { readonly state: "open"; readonly session: SessionId }
  | { readonly state: "over" };

/**
 * How far what is saved of a socket's last message may lag behind. A live client that falls silent pings within a
 * heartbeat, so with half of one to lag it never looks like a ghost after an eviction.
 */
const HEARD_LAG_MS = TIMES.heartbeatMs / 2;

export class Link {
  readonly socket: RelaySocket;
  readonly admission: Admission;
  /** ms of the upgrade */
  readonly since: number;
  status: LinkState;
  /** ms of the last message that reached the relay; keep-alives the platform answered are not in it. */
  lastMessage: number;
  /** Error frames that the current inbound message has caused (room-state.ts). */
  errors = 0;
  /** What leaves for this socket when the current turn ends (outbox.ts). */
  readonly pending: Uint8Array[] = [];
  /** What it has sent against its limits (limiting.ts). */
  readonly rates: SessionRates;
  #savedHeard = -Infinity;

  constructor(socket: RelaySocket, admission: Admission, since: number, limits: PeerLimits = DEFAULT_SETTINGS) {
    this.socket = socket;
    this.admission = admission;
    this.since = since;
    this.lastMessage = since;
    this.rates = new SessionRates(limits, since);
    this.status = { state: "awaiting-hello" };
  }

  get peer(): PeerId {
    return this.admission.peer;
  }

  get isOpen(): boolean {
    return this.status.state === "open";
  }

  get lastHeard(): number {
    return Math.max(this.lastMessage, this.socket.lastKeepAlive());
  }

  /** A message has come. */
  hear(now: number): void {
    this.lastMessage = now;
    this.errors = 0;
    if (this.isOpen && now - this.#savedHeard >= HEARD_LAG_MS) this.save();
  }

  /** Keeps the state beside the socket, for when the object is evicted and the socket is not. */
  save(): void {
    const { admission, since, status, lastMessage: heard } = this;
    this.#savedHeard = heard;
    if (status.state !== "open") return this.socket.save({ state: status.state, admission, since });
    this.socket.save({ state: "open", admission, since, session: status.session, heard });
  }

  static restore(socket: RelaySocket, saved: SavedLink, limits?: PeerLimits): Link {
    const link = new Link(socket, saved.admission, saved.since, limits);
    if (saved.state === "over") link.status = { state: "over" };
    if (saved.state !== "open") return link;
    link.status = { state: "open", session: saved.session as SessionId };
    link.lastMessage = link.#savedHeard = saved.heard;
    return link;
  }
}
