import type { Backlog } from "../flow/backlog.ts";
import type { Gathering } from "../flow/coalescing.ts";
import type { Group } from "../groups/group.ts";
import { Pending } from "../flow/pending.ts";
import type { PeerId } from "../../protocol/index.ts";
import type { Admission, RelaySocket, SavedLink } from "../ports.ts";
import type { Cadence } from "../pacing/cadence.ts";
import { SessionRates } from "../limits/rates.ts";
import type { Session } from "./session.ts";
import { DEFAULT_SETTINGS, type PeerLimits, TIMES } from "../settings.ts";
import type { TrunkUse } from "../trunk/trunk.ts";
import { Window } from "../flow/window.ts";

/**
 * One socket as the rules see it: first a guest that has not said hello, then the session of a peer, then over.
 * Frames that arrive after that are not read.
 */
export type LinkState = "awaiting-hello" | "open" | "over";

/**
 * How far what is saved of a socket's last message may lag behind. A live client that falls silent pings within a
 * heartbeat and a quarter, so with half of one to lag it never looks like a ghost after an eviction.
 */
const HEARD_LAG_MS = TIMES.heartbeatMs / 2;

export class Link {
  readonly socket: RelaySocket;
  readonly admission: Admission;
  /** ms of the upgrade */
  readonly since: number;
  state: LinkState = "awaiting-hello";
  /** Whose socket this is while it is open. */
  session: Session | undefined;
  /** ms of the last message that reached the relay; keep-alives the platform answered are not in it. */
  lastMessage: number;
  /** Error frames that the current inbound message has caused (room-state.ts). */
  errors = 0;
  /** What leaves for this socket next (outbox.ts). */
  readonly pending = new Pending();
  /** Whether that waits for more beyond its turn; nothing has while this is undefined. */
  gathering: Gathering | undefined;
  /** The current turn has added to it. */
  isTouched = false;
  /** What has left for it and was not credited (rule F1). */
  readonly window = new Window();
  /** What the platform still queued for it when the object woke: not in the window, whose marks went with the memory. */
  inherited = 0;
  /** What waits because the client does not take in what it is sent (rule F2). */
  backlog: Backlog | undefined;
  /** What it has sent against its limits (limiting.ts). */
  rates: SessionRates;
  /** When its messages with data come (pacing/); measured anew on each socket, whose way here is another. */
  cadence: Cadence | undefined;
  /** Those that it is in, by number (groups/); most sockets are in none. */
  groups: Map<number, Group> | undefined;
  /** It is told who hosts the room (hosting/). */
  isFollowing = false;
  /** What it is as the socket of a trunk; undefined for a peer's. */
  use: TrunkUse | undefined;
  /** Something of the session has changed that is to be kept beside the socket, when the turn ends. */
  isUnsaved = false;
  #savedHeard = -Infinity;

  constructor(socket: RelaySocket, admission: Admission, since: number, limits: PeerLimits = DEFAULT_SETTINGS) {
    this.socket = socket;
    this.admission = admission;
    this.since = since;
    this.lastMessage = since;
    this.rates = new SessionRates(limits, since);
  }

  get peer(): PeerId {
    return this.admission.peer;
  }

  get isOpen(): boolean {
    return this.state === "open";
  }

  get lastHeard(): number {
    return Math.max(this.lastMessage, this.socket.lastKeepAlive());
  }

  /** From guest to the socket of a session. */
  open(session: Session): void {
    this.state = "open";
    this.session = session;
    session.link = this;
    session.awayUntil = Infinity;
    // What it has used up on an older socket stays used up, unless its new ticket has other limits.
    if (session.rates?.limits === this.rates.limits) this.rates = session.rates;
    session.rates = this.rates;
    session.admission = this.admission;
    this.save();
  }

  /** Other limits from now on. What was used up of the old ones is forgotten. */
  limit(limits: PeerLimits, now: number): void {
    this.rates = new SessionRates(limits, now);
    if (this.session?.link === this) this.session.rates = this.rates;
  }

  /** The socket is of no more use. `session` still tells whose it was. */
  end(): void {
    this.state = "over";
    if (this.session?.link === this) {
      this.session.link = undefined;
      this.session.lastHeard = this.lastHeard;
    }
    this.pending.clear();
  }

  /** A message has come. True when it confirms that the client has its newest token (R7). */
  hear(now: number): boolean {
    this.lastMessage = now;
    this.errors = 0;
    if (!this.session) return false;
    const isNews = this.session.previousToken !== undefined;
    if (isNews) this.session.confirm();
    if (isNews || now - this.#savedHeard >= HEARD_LAG_MS) this.save();
    return isNews;
  }

  /** Keeps the state beside the socket, for when the object is evicted and the socket is not. */
  save(): void {
    const { admission, since, state, session, lastMessage: heard } = this;
    this.#savedHeard = heard;
    this.isUnsaved = false;
    if (state !== "open" || !session) {
      return this.socket.save({ state: state === "over" ? "over" : "awaiting-hello", admission, since });
    }
    const { id, token, previousToken, offeredAt } = session;
    // A typed array, even an empty one, costs as much as all the rest.
    const farewells = session.farewells.length > 0 ? session.farewells : undefined;
    const isHolding = this.backlog !== undefined;
    this.socket.save({
      state,
      admission,
      since,
      heard,
      session: id,
      token,
      previousToken,
      farewells,
      isHolding,
      ...(this.groups &&
        this.groups.size > 0 && { groups: [...this.groups.values()].map((group) => [group.id, group.name] as const) }),
      ...(this.isFollowing && { isFollowing: true }),
      ...(offeredAt !== undefined && { offeredAt }),
    });
  }

  static restore(socket: RelaySocket, saved: SavedLink, limits?: PeerLimits): Link {
    const link = new Link(socket, saved.admission, saved.since, limits);
    link.state = saved.state;
    if (saved.state === "open") link.lastMessage = link.#savedHeard = saved.heard;
    link.inherited = socket.bufferedAmount() ?? 0;
    return link;
  }
}
