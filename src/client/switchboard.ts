/** The connections of one client, and what its session says of them. */
import {
  CloseFlag,
  ConnectionState,
  type ConnectionType,
  type ControlFrame,
  type ControlValues,
  EndReason,
  FrameType,
  PathFlag,
  encodeControl,
  errorName,
  hasVirtualPort,
} from "../protocol/index.ts";
import type { Alignment } from "./alignment.ts";
import { endedBy } from "./connection-errors.ts";
import { ConnectionTable } from "./connection-table.ts";
import type { FrameWriter } from "./engine/frame-writer.ts";
import type { Extension } from "./extension.ts";
import { guarded } from "./frame-reader.ts";
import {
  type ConnectionHost,
  type ConnectionOptions,
  type ConnectionTuning,
  RelayConnection,
} from "./relay-connection.ts";
import { RelayError } from "./relay-error.ts";
import { type Acceptor, type ClientEvents, type ConnectOptions, portKey } from "./relay-options.ts";
import type { Session, SessionHost } from "./session.ts";
import { type TypedEvents, emit } from "./typed-events.ts";
import { clock } from "./websocket.ts";

/** Requests kept for ports that nobody listens on yet. */
const MAX_UNCLAIMED = 256;
/** Closes and refusals kept, which may not have been heard. */
const MAX_FAREWELLS = 256;
/** More than a relay allows one client to have. */
const MAX_LISTED = 65_536;

type Incoming = ControlValues<"incoming">;
/** What all connections of a client have in common. */
export type ClientHabits = Pick<ConnectOptions, "isLossy" | "reportQuality">;
type Fresh = Pick<ConnectionOptions, "peer" | "type" | "virtualPort" | "channel" | "isIncoming" | "timeoutMs">;

export class Switchboard implements SessionHost {
  readonly connections = new ConnectionTable();
  readonly acceptors = new Map<string, { readonly accept: Acceptor; readonly tuning: ConnectionTuning | undefined }>();
  readonly extensions: Extension[] = [];
  readonly #session: Session;
  readonly #habits: ClientHabits;
  readonly #alignment: Alignment;
  readonly #events: TypedEvents<ClientEvents>;
  /** Asked for by peers before anybody listened on their port; offered when somebody does. */
  readonly #unclaimed = new Map<number, Incoming>();
  /** By handle: how this side has left it. The relay may ask for it again (rule R5). */
  readonly #farewells = new Map<number, Uint8Array>();
  /** What the relay lists of a resumed session, until it has listed all. */
  #listed: Map<number, ConnectionState | Incoming> | undefined;
  /** Listed, and not known here by their handles. They may be what was asked for when the socket was lost. */
  readonly #strays = new Set<number>();
  readonly #host: ConnectionHost;
  #firstToPull = 0;

  constructor(session: Session, habits: ClientHabits, alignment: Alignment, events: TypedEvents<ClientEvents>) {
    this.#session = session;
    this.#alignment = alignment;
    this.#habits = habits;
    this.#events = events;
    this.#host = {
      accept: ({ handle }) => this.#accept(handle),
      refuse: (connection, reason, debug) => {
        const { handle } = connection;
        this.connections.remove(connection);
        this.#leave(handle, encodeControl("refuse", { handle, reason, debug }));
      },
      close: (connection, reason, debug, isGraceful) => {
        if (!isGraceful) this.connections.remove(connection);
        this.#close(connection.handle, reason, debug, isGraceful ? CloseFlag.Graceful : 0);
      },
      wake: () => session.wake(),
      now: clock,
    };
  }

  create(options: Fresh, tuning: ConnectionTuning = {}): RelayConnection {
    const { maxPayload, connectionBytesPerSecond } = this.#session.welcome;
    const { isLossy, reportQuality } = this.#habits;
    const limits = {
      maxPayload,
      maxSendRate: connectionBytesPerSecond,
      isOrdered: !isLossy,
      reportQuality,
      alignment: this.#alignment,
    };
    const connection = new RelayConnection(this.#host, { ...options, tuning, ...limits });
    if (this.#session.status === "reconnecting") connection.interrupted();
    return connection;
  }

  /** Asks the peer. While there is no session, that is done when there is one. */
  request(connection: RelayConnection, timeoutMs = connection.timeoutMs): void {
    const { peer, type, virtualPort = -1, channel = -1 } = connection;
    const request = this.connections.addRequested(connection);
    this.#session.say(
      encodeControl("connect", { request, connectionType: type, peer, virtualPort, channel, timeoutMs }),
    );
  }

  /** Somebody listens on another port now. */
  offerUnclaimed(): void {
    for (const values of [...this.#unclaimed.values()]) this.#incoming(values);
  }

  connection(handle: number): RelayConnection | undefined {
    return this.connections.withHandle(handle);
  }

  /** Every connection gets its turn to be first, so that a busy one cannot keep the others from the batch. */
  pull(writer: FrameWriter, now: number, budget: number): boolean {
    const connections = [...this.connections.values()];
    const count = connections.length;
    const first = this.#firstToPull++;
    let hasMore = false;
    for (const extension of this.extensions) if (extension.pull?.(writer, budget)) return true;
    for (let i = 0; i < count; i++) {
      if (writer.length >= budget) return true;
      if (connections[(first + i) % count]?.pull(writer, now, budget)) hasMore = true;
    }
    return hasMore;
  }

  pack(batch: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    for (const { pack } of this.extensions) if (pack) batch = pack(batch);
    return batch;
  }

  nextDeadline(now: number): number {
    let earliest = Infinity;
    for (const { engine } of this.connections.values()) earliest = Math.min(earliest, engine.nextDeadline(now));
    return earliest;
  }

  control(control: ControlFrame): void {
    switch (control.frame) {
      case "connecting":
        return this.#opened(control.values);
      case "incoming":
        return this.#list(control.values.handle, control.values) ? undefined : this.#incoming(control.values);
      case "state":
        return this.#stateChanged(control.values);
      case "path":
        this.connections
          .withHandle(control.values.handle)
          ?.setPath(control.values.path, (control.flags & PathFlag.Lost) !== 0);
        return;
      case "close":
        return this.#closed(control.values, control.flags);
      case "error":
        return this.#refused(control.values);
      case "pace":
        return this.#alignment.hint(control.values);
      default:
        return; // what a later relay may send is not ours to refuse
    }
  }

  other(batch: Uint8Array, view: DataView, offset: number, end: number): void {
    for (const extension of this.extensions) extension.receive(batch, view, offset, end);
  }

  /** The socket is gone. */
  interrupted(): void {
    this.#alignment.holdMs = 0; // the next one may have another way
    this.#listed = undefined;
    this.#strays.clear();
    for (const connection of this.connections.values()) connection.interrupted();
    for (const extension of this.extensions) extension.interrupted();
  }

  /** There is another one. Either the relay lists what it knows of the session, or the session is over. */
  welcomed(isResumed: boolean): void {
    this.#unclaimed.clear();
    this.#listed = new Map();
    if (!isResumed) this.#farewells.clear();
  }

  /**
   * The relay has listed everything: says what it has not heard, and ends what it does not know (rule R5). All of that
   * before the application is told anything, since it may say more.
   */
  settled(isResumed: boolean): void {
    const listed = this.#listed ?? new Map<number, never>();
    this.#listed = undefined;
    this.connections.clearRequests(); // none of them was heard, or the answer was not
    const news: (() => void)[] = [];
    for (const connection of this.connections.values()) {
      const { handle } = connection;
      if (handle === 0) {
        this.request(connection);
        news.push(() => connection.resumed(ConnectionState.Connecting));
      } else if (!listed.has(handle)) {
        this.connections.remove(connection);
        const reason = isResumed ? EndReason.EndedWhileAway : EndReason.RelayLost;
        const debug = isResumed ? "ended while away" : "the session was lost";
        news.push(() => connection.end({ reason, debug, closedBy: "relay" }));
      }
    }
    for (const [handle, told] of listed) news.push(this.#settle(handle, told));
    this.#closeStrays();
    for (const extension of this.extensions) extension.connected();
    for (const tell of news) guarded(tell);
  }

  /** The client has left the relay. */
  ended(error: RelayError): void {
    this.#unclaimed.clear();
    for (const connection of [...this.connections.values()]) {
      this.connections.remove(connection);
      connection.end({ reason: EndReason.RelayLost, debug: error.message, closedBy: "relay" }, error);
    }
    for (const extension of this.extensions.splice(0)) extension.ended(error);
  }

  /** False when the relay is not listing. */
  #list(handle: number, told: ConnectionState | Incoming): boolean {
    if (this.#listed && this.#listed.size < MAX_LISTED) this.#listed.set(handle, told);
    return this.#listed !== undefined;
  }

  /** Says what the relay has not heard of one connection; returns what there is to tell the application. */
  #settle(handle: number, told: ConnectionState | Incoming): () => void {
    const connection = this.connections.withHandle(handle);
    const state = typeof told === "number" ? told : ConnectionState.Connecting;
    const farewell = this.#farewells.get(handle);
    if (farewell && (!connection || state < ConnectionState.Disconnecting)) this.#session.say(farewell);
    else if (!connection) {
      if (typeof told !== "number") return () => this.#incoming(told);
      this.#strays.add(handle);
    } else if (connection.isIncoming && connection.isAccepted && typeof told !== "number") this.#accept(handle);
    else if (state === ConnectionState.Disconnecting && !farewell) this.#close(handle, EndReason.AppGeneric, "");
    return () => connection?.resumed(state);
  }

  #closeStrays(): void {
    if (this.connections.requests > 0) return; // one of the answers may name it
    for (const handle of this.#strays) this.#close(handle, EndReason.AppGeneric, "");
    this.#strays.clear();
  }

  #accept(handle: number): void {
    this.#session.say(encodeControl("accept", { handle }));
  }

  #close(handle: number, reason: number, debug: string, flags = 0): void {
    // Without a handle the relay has not answered the connect yet: it is closed when it does.
    if (handle !== 0) this.#leave(handle, encodeControl("close", { handle, reason, closedBy: 0, debug }, flags));
  }

  #leave(handle: number, farewell: Uint8Array): void {
    this.#farewells.delete(handle);
    this.#farewells.set(handle, farewell);
    if (this.#farewells.size > MAX_FAREWELLS) this.#farewells.delete(this.#farewells.keys().next().value ?? 0);
    this.#session.say(farewell);
  }

  #stateChanged({ handle, state }: ControlValues<"state">): void {
    if (this.#list(handle, state as ConnectionState)) return;
    if (state !== ConnectionState.Connected && state !== ConnectionState.Disconnecting) return;
    const connection = this.connections.withHandle(handle);
    if (connection?.path === "reconnecting") connection.resumed(state);
    else connection?.setState(state);
  }

  #opened({ request, handle, connectionId, state }: ControlValues<"connecting">): void {
    const requested = this.connections.takeRequested(request);
    if (!requested) return;
    this.#strays.delete(handle);
    this.#named(requested, handle, connectionId, state as ConnectionState);
    this.#closeStrays();
  }

  #named(requested: RelayConnection, handle: number, id: bigint, state: ConnectionState): void {
    const { ending, peer, type, virtualPort } = requested;
    if (ending && requested.handle === handle) return; // asked for again, then closed under the name that it had
    // Withdrawn, and asked for again before this answer: the relay has one connection for both requests (rule C1).
    const connection = ending ? this.connections.find(peer, type, virtualPort) : requested;
    if (connection) {
      this.#unclaimed.delete(handle);
      this.connections.addNamed(connection, handle, id);
      connection.setState(state);
    } else if (ending) {
      this.#close(handle, ending.reason, ending.debug);
    }
  }

  #incoming(values: Incoming): void {
    const { handle, connectionId, peer, channel } = values;
    this.#farewells.delete(handle); // refused before, and asked again
    const type = values.connectionType as ConnectionType;
    const virtualPort = hasVirtualPort(type) ? values.virtualPort : undefined;
    const known = this.connections.find(peer, type, virtualPort);
    if (known && !known.isLingering) {
      // Either we asked for the same connection, which the relay takes for an accept (rule C5), or they ask again.
      if (known.handle === 0) this.connections.addNamed(known, handle, connectionId);
      else if (known.isIncoming) this.acceptors.get(portKey(type, virtualPort))?.accept(known, true);
      return;
    }
    const acceptor = this.acceptors.get(portKey(type, virtualPort));
    if (!acceptor) return this.#leaveUnclaimed(values);
    this.#unclaimed.delete(handle);
    const connection = this.create({ peer, type, virtualPort, channel, isIncoming: true }, acceptor.tuning);
    this.connections.addNamed(connection, handle, connectionId);
    acceptor.accept(connection, false);
  }

  /** Nobody listens yet. To the one who asks it looks like an absent peer either way, so there is no hurry to refuse. */
  #leaveUnclaimed(values: Incoming): void {
    const { handle } = values;
    if (this.#unclaimed.size < MAX_UNCLAIMED || this.#unclaimed.has(handle)) this.#unclaimed.set(handle, values);
    else
      this.#leave(handle, encodeControl("refuse", { handle, reason: EndReason.AppGeneric, debug: "nobody listens" }));
  }

  #closed({ handle, reason, closedBy, debug }: ControlValues<"close">, flags: number): void {
    this.#unclaimed.delete(handle);
    this.#listed?.delete(handle);
    this.#farewells.delete(handle);
    const connection = this.connections.withHandle(handle);
    if (!connection) return;
    // A graceful close waits for us: everything it sent before has arrived, so there is nothing to wait for (rule C8).
    if (flags & CloseFlag.Graceful) {
      this.#close(handle, reason, "");
      this.#list(handle, ConnectionState.Disconnecting);
    }
    this.connections.remove(connection);
    connection.end({ reason, debug, closedBy: endedBy(closedBy) });
  }

  #refused({ code, frame, about, message }: ControlValues<"error">): void {
    const error = new RelayError(errorName(code) ?? `error_${code}`, message);
    if (this.extensions.some((extension) => extension.refused(error, frame, about))) return;
    const connection = frame === FrameType.Connect ? this.connections.takeRequested(about) : undefined;
    // What we said of a connection has crossed with the news of its end, or a credit has met a relay that was evicted
    // meanwhile and knows its marks no more: nobody did anything wrong.
    const isLate = error.code === "unknown_handle" && !this.connections.withHandle(about);
    const isCrossing = isLate || error.code === "unknown_mark";
    if (!connection) return isCrossing ? undefined : emit(this.#events, "error", error);
    this.connections.remove(connection);
    this.#close(connection.handle, EndReason.AppGeneric, ""); // the other end may have named it meanwhile
    connection.end({ reason: EndReason.MiscGeneric, debug: message, closedBy: "relay" }, error);
    this.#closeStrays();
  }
}
