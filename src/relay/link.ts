import type { PeerId, SessionId } from "../protocol/index.ts";
import type { Admission, RelaySocket, SavedLink } from "./ports.ts";

/**
 * One socket as the rules see it: first a guest that has not said hello, then the session of a peer, then over.
 * Frames that arrive after that are not read.
 */
export type LinkState =
  | { readonly state: "awaiting-hello" }
  | { readonly state: "open"; readonly session: SessionId }
  | { readonly state: "over" };

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

  constructor(socket: RelaySocket, admission: Admission, since: number, now: number) {
    this.socket = socket;
    this.admission = admission;
    this.since = since;
    this.lastMessage = now;
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

  /** Keeps the state beside the socket, for when the object is evicted and the socket is not. */
  save(): void {
    const { admission, since, status } = this;
    if (status.state === "open") this.socket.save({ state: "open", admission, since, session: status.session });
    else if (status.state === "awaiting-hello") this.socket.save({ state: "awaiting-hello", admission, since });
  }

  static restore(socket: RelaySocket, saved: SavedLink, now: number): Link {
    const link = new Link(socket, saved.admission, saved.since, now);
    if (saved.state === "open") link.status = { state: "open", session: saved.session as SessionId };
    return link;
  }
}
