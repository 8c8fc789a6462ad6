import { Alignment, type Pace } from "./alignment.ts";
import { parsePeerId } from "../protocol/index.ts";
import { type Dialed, dial } from "./dial.ts";
import type { Extension, ExtensionHost } from "./extension.ts";
import { Listener } from "./listener.ts";
import type { RelayConnection } from "./relay-connection.ts";
import { RelayError } from "./relay-error.ts";
import {
  type Acceptor,
  type ClientClosed,
  type ClientEvents,
  type ConnectOptions,
  type OpenOptions,
  type PortOptions,
  checkPort,
  portKey,
} from "./relay-options.ts";
import { Session, type SessionOptions, type SessionStatus, type Welcome } from "./session.ts";
import { type ClientHabits, Switchboard } from "./switchboard.ts";
import { TypedEvents } from "./typed-events.ts";
import type { WebSocketConstructor } from "./websocket.ts";

/** Joins a room of a relay. Throws RelayError; a refusal has the relay's own code, such as `ticket_expired`. */
export async function connect(options: ConnectOptions): Promise<RelayClient> {
  const { ticket, timeoutMs = 10_000, signal } = options;
  const WebSocket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (!WebSocket) {
    throw new RelayError(
      "invalid_argument",
      "Cannot join: this runtime has no WebSocket; pass one as options.WebSocket",
    );
  }
  const join: SessionOptions["join"] = async (how) => {
    const token = typeof ticket === "string" ? ticket : await ticket();
    return dial(options, token, { WebSocket, ...how });
  };
  const dialed = await join({ timeoutMs, signal });
  const { reconnect: mayReconnect = true, alignment } = options;
  return new RelayClient(dialed, { join, timeoutMs, mayReconnect, signal }, options, new Alignment(alignment));
}

/** One peer's presence in a room: opens and accepts connections to other peers. Made by `connect`. */
export class RelayClient extends TypedEvents<ClientEvents> implements AsyncDisposable {
  /** This peer, as the ticket says. */
  readonly peer: bigint;
  /** Resolves when the client has left the relay, however that was. */
  readonly closed: Promise<ClientClosed>;

  readonly #session: Session;
  readonly #switchboard: Switchboard;
  readonly #alignment: Alignment;

  constructor(dialed: Dialed, options: SessionOptions, habits: ClientHabits, alignment: Alignment) {
    super();
    this.peer = dialed.welcome.peer;
    this.#session = new Session(dialed.welcome, this, options);
    this.#switchboard = new Switchboard(this.#session, habits, alignment, this);
    this.#alignment = alignment;
    this.closed = this.#session.left.promise;
    this.#session.start(dialed, this.#switchboard);
  }

  /** `reconnecting`: there is no socket; the client looks for another, and connections wait (docs/client.md). */
  get status(): SessionStatus {
    return this.#session.status;
  }

  /** The limits the relay told last. Sizes in bytes, times in ms. */
  get limits(): Readonly<Welcome> {
    return this.#session.welcome;
  }

  /** The connections that are not over. */
  get connections(): RelayConnection[] {
    return [...this.#switchboard.connections.values()];
  }

  /**
   * Opens a connection to a peer of the same room. Resolves when it has accepted; rejects with `connect_timeout` when
   * it does not answer in time (absent and unwilling peers look the same), or with the relay's error.
   */
  async open(peer: bigint, options: OpenOptions = {}): Promise<RelayConnection> {
    options.signal?.throwIfAborted();
    const connection = this.begin(peer, options);
    const abort = (): void => void connection.close({ linger: false });
    options.signal?.addEventListener("abort", abort);
    try {
      await connection.connected;
    } catch (error) {
      options.signal?.throwIfAborted();
      throw error;
    } finally {
      options.signal?.removeEventListener("abort", abort);
    }
    return connection;
  }

  /**
   * As `open`, without waiting: reliable messages may be sent at once, and leave when the peer has accepted.
   * Two peers have one connection per type and port: where there is one, it is returned, and accepted if it is theirs, or
   * asked for again if it is ours and not answered.
   */
  begin(peer: bigint, options: OpenOptions = {}): RelayConnection {
    const { type, virtualPort } = checkPort(options);
    if (parsePeerId(peer) === undefined) {
      throw new RelayError("invalid_argument", "Cannot open: the peer id must be a bigint from 1 to 2^64 - 1");
    }
    if (this.status === "closed") throw new RelayError("relay_closed", "Cannot open: the client has left the relay");
    const switchboard = this.#switchboard;
    const existing = switchboard.connections.find(peer, type, virtualPort);
    if (existing && !existing.isLingering) {
      if (existing.isUnanswered) switchboard.request(existing, options.timeoutMs);
      else void existing.accept();
      return existing;
    }
    void existing?.close({ linger: false }); // the old one makes room for the new
    const { channel, timeoutMs } = options;
    const fresh = { peer, type, virtualPort, channel, timeoutMs, isIncoming: false };
    const connection = switchboard.create(fresh, options.tuning);
    switchboard.request(connection);
    return connection;
  }

  /** Waits for connections of other peers. Throws `port_in_use` when the port is listened on already. */
  listen(options: PortOptions = {}): Listener {
    const listener = new Listener(() => stop());
    const stop = this.onIncoming(options, (connection, isRepeated) => {
      if (!isRepeated) listener.offer(connection);
    });
    void this.closed.then(() => listener.close());
    return listener;
  }

  /** As `listen`, with a function for each connection that arrives. Returns what stops it. */
  onIncoming(options: PortOptions, acceptor: Acceptor): () => void {
    const { type, virtualPort } = checkPort(options);
    if (this.status === "closed") throw new RelayError("relay_closed", "Cannot listen: the client has left the relay");
    const key = portKey(type, virtualPort);
    const { acceptors } = this.#switchboard;
    if (acceptors.has(key)) throw new RelayError("port_in_use", "Cannot listen: this port is listened on already");
    acceptors.set(key, { accept: acceptor, tuning: options.tuning });
    // Who joined a moment before us may have asked in the very message that welcomed us.
    queueMicrotask(() => this.#switchboard.offerUnclaimed());
    return () => acceptors.delete(key);
  }

  /**
   * The relay's hints when to tick, for an application that moves its own loop (`edge-relay/client/ticker` is one). While
   * there is a follower, nothing is held back for them. Returns what ends it; the newest follower is the only one.
   */
  onPace(follow: (pace: Pace) => void): () => void {
    return this.#alignment.follow(follow);
  }

  /** For the parts of the client that are imports of their own (`edge-relay/client/groups`, `edge-relay/client/hosting`). */
  extend(extension: Extension): ExtensionHost {
    if (this.status === "closed") throw new RelayError("relay_closed", "Too late: the client has left the relay");
    this.#switchboard.extensions.push(extension);
    if (this.status === "connected") queueMicrotask(() => extension.connected());
    return this.#session;
  }

  /** For an application that knows that the network has changed: another socket, at once. */
  reconnect(): void {
    this.#session.reconnect();
  }

  /** Leaves the relay; connections that are open end for the other peers. */
  async close(): Promise<ClientClosed> {
    this.#session.close();
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
