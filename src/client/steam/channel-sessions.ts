import { ConnectionState, type ConnectionType, EndReason, parsePeerId } from "../../protocol/index.ts";
import type { RelayClient } from "../relay-client.ts";
import type { PortOptions } from "../relay-options.ts";
import type { ConnectionTuning, Ending, Message, RelayConnection } from "../relay-connection.ts";
import { clock } from "../websocket.ts";
import { ChannelQueues } from "./channel-queues.ts";
import { unlessRefused } from "./unless-refused.ts";

/** `k_ESteamNetConnectionEnd_P2P_SessionClosed`. */
const SESSION_CLOSED = 1001;
/** A peer that does not answer is asked again by sending to it, but no more often than this, in ms. */
const ASK_AGAIN_MS = 500;

/** All that one peer and this one say to each other in a family without connections of its own. */
export interface Session {
  readonly connection: RelayConnection;
  /** This side has sent or accepted. Until then it is a request, which is declined by ignoring it. */
  isWanted: boolean;
  /** When something was last sent, accepted or connected, in ms of `clock`. As in Steam, receiving does not count. */
  usedAt: number;
  askedAt: number;
  /** Those that count as open. */
  readonly channels: Set<number>;
}

export interface SessionOwner {
  /** A peer asks for a session, or goes on asking. */
  requested(peer: bigint): void;
  /**
   * A session is over, and not by this side's will. One that has failed stays, broken, until it is closed or opened again.
   * It has not when the other end closed it, when the relay found it idle, and when nobody here had wanted it.
   */
  ended(session: Session, hasFailed: boolean): void;
}

/**
 * The sessions of NetworkingMessages and P2PNetworking: made by sending, accepted by sending, one for each peer.
 * A message that is sent before the other end has accepted waits in the sender's own send buffer; the relay holds nothing.
 */
export class ChannelSessions {
  readonly queues = new ChannelQueues();
  readonly #relay: RelayClient;
  readonly #port: PortOptions;
  readonly #owner: SessionOwner;
  readonly #byPeer = new Map<bigint, Session>();
  readonly #stop: () => void;
  #isClosed = false;

  constructor(relay: RelayClient, type: ConnectionType, tuning: ConnectionTuning, owner: SessionOwner) {
    this.#relay = relay;
    this.#port = { type, tuning };
    this.#owner = owner;
    this.#stop = relay.onIncoming(this.#port, (connection, isRepeated) => {
      if (!isRepeated) this.#add(connection, false);
      if (this.find(connection.peer)?.isWanted === false) owner.requested(connection.peer);
    });
  }

  /** Whether a session with this peer is possible at all. */
  canReach(peer: bigint): boolean {
    return parsePeerId(peer) !== undefined && peer !== this.#relay.peer;
  }

  /** Broken ones as well: those have an `ending`. */
  find(peer: bigint): Session | undefined {
    return this.#byPeer.get(peer);
  }

  all(): Iterable<Session> {
    return this.#byPeer.values();
  }

  /** To send: the session there is, accepted if it was a request, or a new one. Undefined when the client has left the relay. */
  open(peer: bigint): Session | undefined {
    const session = this.accept(peer);
    if (!session) return this.#begin(peer);
    const { connection, usedAt: now } = session;
    const isUnanswered = !connection.isIncoming && connection.state === ConnectionState.Connecting;
    if (isUnanswered && now - session.askedAt >= ASK_AGAIN_MS) {
      session.askedAt = now;
      this.#relay.begin(peer, this.#port);
    }
    return session;
  }

  /** The session there is, unless it is broken. */
  accept(peer: bigint): Session | undefined {
    const session = this.#byPeer.get(peer);
    if (!session || session.connection.ending) return undefined;
    if (!session.isWanted) void session.connection.accept();
    session.isWanted = true;
    session.usedAt = clock();
    return session;
  }

  /** What was sent reliably is still delivered, what waits to be read is discarded. False when there was neither. */
  close(peer: bigint): boolean {
    const isPurged = this.queues.purge(peer);
    return this.end(peer, SESSION_CLOSED, "") || isPurged;
  }

  /** As `close`, but what was received can still be read. */
  end(peer: bigint, reason: number, debug: string): boolean {
    const session = this.#byPeer.get(peer);
    this.#byPeer.delete(peer);
    void session?.connection.close({ reason, debug });
    return session !== undefined;
  }

  /** With the last open channel the session closes. False when this one was not open. */
  closeChannel(peer: bigint, channel: number): boolean {
    const channels = this.#byPeer.get(peer)?.channels;
    if (!channels?.delete(channel)) return false;
    this.queues.purge(peer, channel);
    if (channels.size === 0) this.close(peer);
    return true;
  }

  closeAll(): void {
    this.#isClosed = true;
    this.#stop();
    for (const peer of this.#byPeer.keys()) this.close(peer);
  }

  #begin(peer: bigint): Session | undefined {
    const connection = this.#isClosed ? undefined : unlessRefused(() => this.#relay.begin(peer, this.#port));
    return connection && this.#add(connection, true);
  }

  #add(connection: RelayConnection, isWanted: boolean): Session {
    const now = clock();
    const session = { connection, isWanted, usedAt: now, askedAt: now, channels: new Set<number>() };
    this.#byPeer.set(connection.peer, session);
    connection.onMessage((message) => this.#received(session, message));
    connection.addEventListener("statechange", ({ detail }) => this.#stateChanged(session, detail.previous));
    return session;
  }

  #received(session: Session, message: Message): void {
    const { connection } = session;
    // Closed here, and only lingering for what was sent: nobody reads this.
    if (this.#byPeer.get(connection.peer) !== session) return connection.release(message);
    session.channels.add(message.channel);
    this.queues.push({ connection, message });
  }

  #stateChanged(session: Session, previous: ConnectionState): void {
    session.usedAt = clock();
    const { peer, ending } = session.connection;
    if (!ending || this.#byPeer.get(peer) !== session) return;
    const hasFailed = previous === ConnectionState.Connecting ? session.isWanted : !isOrderly(ending);
    if (!hasFailed) this.#byPeer.delete(peer);
    this.#owner.ended(session, hasFailed);
  }
}

/** The other end wanted it so, or nobody had said anything for as long as the relay waits. */
function isOrderly({ reason, closedBy }: Ending): boolean {
  return reason === EndReason.IdleTimeout || (closedBy === "peer" && reason < EndReason.AppExceptionGeneric);
}
