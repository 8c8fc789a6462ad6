import {
  ACK_SIZE,
  CloseFlag,
  ConnectionState,
  ConnectionType,
  type ControlFrame,
  type ControlValues,
  DATA_PAYLOAD_OFFSET,
  type DataHeader,
  EndReason,
  FrameType,
  HANDLE_OFFSET,
  PROBE_SIZE,
  closeName,
  decodeControl,
  encodeControl,
  errorName,
  frameEnd,
  hasVirtualPort,
  parsePeerId,
  readAck,
  readDataHeader,
  readProbe,
} from "../protocol/index.ts";
import { ConnectionTable } from "./connection-table.ts";
import { type Dialed, dial } from "./dial.ts";
import type { FrameWriter } from "./engine/frame-writer.ts";
import { Listener } from "./listener.ts";
import { type ConnectionHost, type ConnectionTuning, RelayConnection, endedBy } from "./relay-connection.ts";
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
import { TypedEvents, emit } from "./typed-events.ts";
import { type WebSocketConstructor, clock } from "./websocket.ts";
import { Wire, type WireClosed } from "./wire.ts";

type Welcome = ControlValues<"welcome">;

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
  const token = typeof ticket === "string" ? ticket : await ticket();
  const dialed = await dial(options, token, { WebSocket, timeoutMs, signal });
  return new RelayClient(dialed, options.isLossy ?? false);
}

/** One peer's presence in a room: opens and accepts connections to other peers. Made by `connect`. */
export class RelayClient extends TypedEvents<ClientEvents> implements AsyncDisposable {
  /** This peer, as the ticket says. */
  readonly peer: bigint;
  /** The limits the relay told. Sizes in bytes, times in ms. */
  readonly limits: Readonly<Welcome>;
  /** Resolves when the client has left the relay, however that was. */
  readonly closed: Promise<ClientClosed>;

  readonly #isLossy: boolean;
  readonly #wire: Wire;
  readonly #closed = Promise.withResolvers<ClientClosed>();
  readonly #connections = new ConnectionTable();
  readonly #acceptors = new Map<string, { readonly accept: Acceptor; readonly tuning: ConnectionTuning | undefined }>();
  /** Asked for by peers before anybody listened on their port; offered when somebody does. */
  readonly #unclaimed = new Map<number, ControlValues<"incoming">>();
  readonly #host: ConnectionHost;
  readonly #header: DataHeader = { flags: 0, lane: 0, handle: 0, channel: 0, number: 0, sequence: 0 };
  #firstToPull = 0;
  #bye: ControlValues<"bye"> | undefined;
  #isClosed = false;

  constructor({ socket, welcome, early }: Dialed, isLossy: boolean) {
    super();
    this.#isLossy = isLossy;
    this.peer = welcome.peer;
    this.limits = welcome;
    this.closed = this.#closed.promise;
    this.#host = this.#connectionHost();
    this.#wire = new Wire(
      socket,
      {
        receive: (batch, now) => this.#receive(batch, now),
        closed: (info) => this.#wireClosed(info),
        pull: (writer, now, budget) => this.#pull(writer, now, budget),
        nextDeadline: (now) => this.#nextDeadline(now),
      },
      welcome.heartbeatMs,
    );
    this.#wire.replay(early);
  }

  /** The connections that are not over. */
  get connections(): RelayConnection[] {
    return [...this.#connections.values()];
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
    if (this.#isClosed) throw new RelayError("relay_closed", "Cannot open: the client has left the relay");
    const existing = this.#connections.find(peer, type, virtualPort);
    if (existing && !existing.isLingering) {
      if (existing.isUnanswered) this.#request(existing, options.timeoutMs);
      else void existing.accept();
      return existing;
    }
    void existing?.close({ linger: false }); // the old one makes room for the new
    const { channel } = options;
    const connection = this.#create({ peer, type, virtualPort, channel, isIncoming: false }, options.tuning);
    this.#request(connection, options.timeoutMs);
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
    if (this.#isClosed) throw new RelayError("relay_closed", "Cannot listen: the client has left the relay");
    const key = portKey(type, virtualPort);
    if (this.#acceptors.has(key))
      throw new RelayError("port_in_use", "Cannot listen: this port is listened on already");
    this.#acceptors.set(key, { accept: acceptor, tuning: options.tuning });
    // Who joined a moment before us may have asked in the very message that welcomed us.
    queueMicrotask(() => {
      for (const values of [...this.#unclaimed.values()]) this.#incoming(values);
    });
    return () => this.#acceptors.delete(key);
  }

  /** Leaves the relay; connections that are open end for the other peers. */
  async close(): Promise<ClientClosed> {
    if (!this.#isClosed) {
      this.#wire.control(encodeControl("bye", { code: 1000, reconnectAfterMs: 0, debug: "" }));
      this.#wire.close(1000, "bye");
    }
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #connectionHost(): ConnectionHost {
    return {
      accept: ({ handle }) => this.#wire.control(encodeControl("accept", { handle })),
      refuse: (connection, reason, debug) => {
        const { handle } = connection;
        this.#connections.remove(connection);
        this.#wire.control(encodeControl("refuse", { handle, reason, debug }));
      },
      close: (connection, reason, debug, isGraceful) => {
        if (!isGraceful) this.#connections.remove(connection);
        this.#sendClose(connection.handle, reason, debug, isGraceful ? CloseFlag.Graceful : 0);
      },
      wake: () => this.#wire.wake(),
      now: clock,
    };
  }

  #request(connection: RelayConnection, timeoutMs = 0): void {
    const { peer, type, virtualPort = -1, channel = -1 } = connection;
    const request = this.#connections.addRequested(connection);
    this.#wire.control(
      encodeControl("connect", { request, connectionType: type, peer, virtualPort, channel, timeoutMs }),
    );
  }

  #sendClose(handle: number, reason: number, debug: string, flags = 0): void {
    // Without a handle the relay has not answered the connect yet: it is closed when it does.
    if (handle !== 0) this.#wire.control(encodeControl("close", { handle, reason, closedBy: 0, debug }, flags));
  }

  /** Every connection gets its turn to be first, so that a busy one cannot keep the others from the batch. */
  #pull(writer: FrameWriter, now: number, budget: number): boolean {
    const connections = this.connections;
    const count = connections.length;
    const first = this.#firstToPull++;
    let hasMore = false;
    for (let i = 0; i < count; i++) {
      if (writer.length >= budget) return true;
      if (connections[(first + i) % count]?.pull(writer, now, budget)) hasMore = true;
    }
    return hasMore;
  }

  #nextDeadline(now: number): number {
    let earliest = Infinity;
    for (const { engine } of this.#connections.values()) earliest = Math.min(earliest, engine.nextDeadline(now));
    return earliest;
  }

  #receive(batch: Uint8Array, now: number): void {
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    for (let offset = 0; offset < batch.length && !this.#isClosed;) {
      const end = frameEnd(view, offset);
      if (end < 0) return this.#violation("a batch ended inside a frame");
      try {
        this.#receiveFrame(batch, view, offset, end, now);
      } catch (error) {
        // Thrown by a handler of the application: it is told, and the frames behind this one are not lost.
        queueMicrotask(() => {
          throw error;
        });
      }
      offset = end;
    }
  }

  #receiveFrame(batch: Uint8Array, view: DataView, offset: number, end: number, now: number): void {
    const type = view.getUint8(offset);
    if (type !== FrameType.Data && type !== FrameType.Ack && type !== FrameType.Probe) {
      const control = decodeControl(view, offset);
      if (control) this.#receiveControl(control);
      return;
    }
    if (end < offset + MIN_END_TO_END[type]) return this.#violation("a frame was too short");
    const connection = this.#connections.withHandle(view.getUint32(offset + HANDLE_OFFSET, true));
    if (!connection) return; // closed here while it was under way
    if (type === FrameType.Ack) return connection.receiveAck(readAck(view, offset), now);
    if (type === FrameType.Probe) return connection.receiveProbe(readProbe(view, offset), now);
    readDataHeader(view, offset, this.#header);
    connection.receiveData(this.#header, batch.subarray(offset + DATA_PAYLOAD_OFFSET, end), now);
  }

  #receiveControl(control: ControlFrame): void {
    switch (control.frame) {
      case "connecting":
        return this.#opened(control.values);
      case "incoming":
        return this.#incoming(control.values);
      case "state":
        return this.#stateChanged(control.values);
      case "close":
        return this.#connectionClosed(control.values, control.flags);
      case "error":
        return this.#refused(control.values);
      case "bye":
        this.#bye = control.values;
        return;
      default:
        return; // what a later relay may send is not ours to refuse
    }
  }

  #stateChanged({ handle, state }: ControlValues<"state">): void {
    const isState = state === ConnectionState.Connected || state === ConnectionState.Disconnecting;
    if (isState) this.#connections.withHandle(handle)?.setState(state);
  }

  #opened({ request, handle, connectionId, state }: ControlValues<"connecting">): void {
    const requested = this.#connections.takeRequested(request);
    if (!requested) return;
    const { ending, peer, type, virtualPort } = requested;
    if (ending && requested.handle === handle) return; // asked for again, then closed under the name that it had
    // Withdrawn, and asked for again before this answer: the relay has one connection for both requests (rule C1).
    const connection = ending ? this.#connections.find(peer, type, virtualPort) : requested;
    if (connection) {
      this.#unclaimed.delete(handle);
      this.#connections.addNamed(connection, handle, connectionId);
      connection.setState(state as ConnectionState);
    } else if (ending) {
      this.#sendClose(handle, ending.reason, ending.debug);
    }
  }

  #incoming(values: ControlValues<"incoming">): void {
    const { handle, connectionId, peer, channel } = values;
    const type = values.connectionType as ConnectionType;
    const virtualPort = hasVirtualPort(type) ? values.virtualPort : undefined;
    const known = this.#connections.find(peer, type, virtualPort);
    if (known && !known.isLingering) {
      // Either we asked for the same connection, which the relay takes for an accept (rule C5), or they ask again.
      if (known.handle === 0) this.#connections.addNamed(known, handle, connectionId);
      else if (known.isIncoming) this.#acceptors.get(portKey(type, virtualPort))?.accept(known, true);
      return;
    }
    const acceptor = this.#acceptors.get(portKey(type, virtualPort));
    if (!acceptor) return this.#leaveUnclaimed(values);
    this.#unclaimed.delete(handle);
    const connection = this.#create({ peer, type, virtualPort, channel, isIncoming: true }, acceptor.tuning);
    this.#connections.addNamed(connection, handle, connectionId);
    acceptor.accept(connection, false);
  }

  /** Nobody listens yet. To the one who asks it looks like an absent peer either way, so there is no hurry to refuse. */
  #leaveUnclaimed(values: ControlValues<"incoming">): void {
    const { handle } = values;
    if (this.#unclaimed.size < MAX_UNCLAIMED || this.#unclaimed.has(handle)) this.#unclaimed.set(handle, values);
    else this.#wire.control(encodeControl("refuse", { handle, reason: EndReason.AppGeneric, debug: "nobody listens" }));
  }

  #create(
    options: Omit<ConstructorParameters<typeof RelayConnection>[1], "maxPayload" | "tuning" | "isOrdered">,
    tuning: ConnectionTuning = {},
  ): RelayConnection {
    const { maxPayload } = this.limits;
    return new RelayConnection(this.#host, { ...options, tuning, maxPayload, isOrdered: !this.#isLossy });
  }

  #connectionClosed({ handle, reason, closedBy, debug }: ControlValues<"close">, flags: number): void {
    this.#unclaimed.delete(handle);
    const connection = this.#connections.withHandle(handle);
    if (!connection) return;
    // A graceful close waits for us: everything it sent before has arrived, so there is nothing to wait for (rule C8).
    if (flags & CloseFlag.Graceful) this.#sendClose(handle, reason, "");
    this.#connections.remove(connection);
    connection.end({ reason, debug, closedBy: endedBy(closedBy) });
  }

  #refused({ code, frame, about, message }: ControlValues<"error">): void {
    const error = new RelayError(errorName(code) ?? `error_${code}`, message);
    const connection = frame === FrameType.Connect ? this.#connections.takeRequested(about) : undefined;
    // What we said of a connection has crossed with the news of its end: nobody did anything wrong.
    const isCrossing = error.code === "unknown_handle" && !this.#connections.withHandle(about);
    if (!connection) return isCrossing ? undefined : emit<ClientEvents, "error">(this, "error", error);
    this.#connections.remove(connection);
    this.#sendClose(connection.handle, EndReason.AppGeneric, ""); // the other end may have named it meanwhile
    connection.end({ reason: EndReason.MiscGeneric, debug: message, closedBy: "relay" }, error);
  }

  #violation(what: string): void {
    emit<ClientEvents, "error">(
      this,
      "error",
      new RelayError("protocol_violation", `The relay broke the protocol: ${what}`),
    );
    this.#wire.close(4001, "protocol_error");
  }

  #wireClosed({ code, reason }: WireClosed): void {
    this.#isClosed = true;
    this.#unclaimed.clear();
    // The bye names the reason even where the platform delays or loses the close code.
    const info = this.#bye ? { code: this.#bye.code, reason: this.#bye.debug } : { code, reason };
    const error = new RelayError("relay_closed", describeClose(info), { closeCode: info.code });
    for (const connection of this.connections) {
      this.#connections.remove(connection);
      connection.end({ reason: EndReason.RelayLost, debug: error.message, closedBy: "relay" }, error);
    }
    emit<ClientEvents, "closed">(this, "closed", info);
    this.#closed.resolve(info);
  }
}

/** Requests kept for ports that nobody listens on yet. */
const MAX_UNCLAIMED = 256;

const MIN_END_TO_END = {
  [FrameType.Data]: DATA_PAYLOAD_OFFSET,
  [FrameType.Ack]: ACK_SIZE,
  [FrameType.Probe]: PROBE_SIZE,
} as const;

function describeClose({ code, reason }: ClientClosed): string {
  return `The session with the relay ended: ${closeName(code) ?? `${code} ${reason}`.trim()}`;
}
