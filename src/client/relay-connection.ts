import {
  type Ack,
  ConnectionState,
  type ConnectionType,
  DataFlag,
  type DataHeader,
  EndReason,
  type Probe,
  applicationReason,
} from "../protocol/index.ts";
import { AsyncQueue } from "./async-queue.ts";
import { endingError, sendError } from "./connection-errors.ts";
import type {
  CloseOptions,
  ConnectionEvents,
  ConnectionHost,
  ConnectionOptions,
  ConnectionPath,
  Ending,
  MessageOptions,
} from "./connection-types.ts";
import {
  ConnectionEngine,
  type EngineStatus,
  type LaneStatus,
  type Message,
  type SendOptions,
  type SendResult,
} from "./engine/connection-engine.ts";
import type { FrameWriter } from "./engine/frame-writer.ts";
import { QualityReport } from "./quality-report.ts";
import { RelayError } from "./relay-error.ts";
import { TypedEvents, emit } from "./typed-events.ts";

export type * from "./connection-types.ts";
export type { Message } from "./engine/connection-engine.ts";

type ClosePlan = Required<Pick<CloseOptions, "reason" | "debug" | "graceful">>;

const PATHS: readonly ConnectionPath[] = ["open", "peer-away", "held"]; // by Path

/** Longest that a lingering close waits for the other end's acknowledgement, in ms. */
const LINGER_MS = 5_000;

/** A connection to one peer. Iterate it to read messages; iteration ends when the connection does. */
export class RelayConnection extends TypedEvents<ConnectionEvents> implements AsyncIterable<Message>, AsyncDisposable {
  readonly peer: bigint;
  readonly type: ConnectionType;
  readonly virtualPort: number | undefined;
  readonly channel: number | undefined;
  readonly isIncoming: boolean;
  /** Resolves when the connection has ended, however that was. */
  readonly closed: Promise<Ending>;
  /** How long to wait for the peer, in ms; 0 for the relay's default. */
  readonly timeoutMs: number;
  /** For the client and the families; applications use the methods here. */
  readonly engine: ConnectionEngine;

  readonly #host: ConnectionHost;
  readonly #inbox = new AsyncQueue<Message>();
  readonly #connected = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<Ending>();
  readonly #spaceWaiters: (() => void)[] = [];
  readonly #report: QualityReport | undefined;
  #state: ConnectionState = ConnectionState.Connecting;
  #path: ConnectionPath = "open";
  #isAccepted = false;
  #handle = 0;
  #id = 0n;
  #ending: Ending | undefined;
  #lingering: ClosePlan | undefined;

  constructor(host: ConnectionHost, options: ConnectionOptions) {
    super();
    this.#host = host;
    this.peer = options.peer;
    this.type = options.type;
    this.virtualPort = options.virtualPort;
    this.channel = options.channel;
    this.isIncoming = options.isIncoming;
    this.timeoutMs = options.timeoutMs ?? 0;
    this.closed = this.#closed.promise;
    this.#connected.promise.catch(() => undefined); // told through `closed` as well; unhandled here is not a fault
    this.engine = new ConnectionEngine({
      ...options.tuning,
      maxPayload: options.maxPayload,
      maxSendRate: options.maxSendRate ?? 0,
      ordered: options.isOrdered,
      alignment: options.alignment ?? { holdMs: 0 },
    });
    this.#report = options.reportQuality === false ? undefined : new QualityReport();
    this.engine.onMessage = (message) => this.#inbox.push(message);
    this.engine.onViolation = (what) =>
      this.#closeNow({ reason: EndReason.AppExceptionGeneric, debug: `protocol violation: ${what}`, graceful: false });
  }

  /** The connection's number on the wire; 0 until the relay has given one. */
  get handle(): number {
    return this.#handle;
  }

  /** The connection's name in logs and in the admin API; 0n until the relay has given one. */
  get id(): bigint {
    return this.#id;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /**
   * Whether messages can reach the other end just now. While they cannot, reliable ones wait in the send buffer and unreliable
   * ones are dropped: `reconnecting` while this client has no socket, `peer-away` while the other end has none, `held` while
   * it does not take in what it is sent.
   */
  get path(): ConnectionPath {
    return this.#path;
  }

  /** Incoming, and accepted here; the relay may not know yet. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /** Closing, and still delivering what was sent before. */
  get isLingering(): boolean {
    return this.#lingering !== undefined && !this.#ending;
  }

  /** Asked for by this side, known to the relay, and neither accepted nor over. */
  get isUnanswered(): boolean {
    return !this.isIncoming && this.#handle !== 0 && this.#state === ConnectionState.Connecting;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Resolves when Connected; rejects with RelayError `connect_timeout` or `connection_closed`. */
  get connected(): Promise<void> {
    return this.#connected.promise;
  }

  /** Accepts an incoming connection. Resolves when both ends are told. */
  accept(): Promise<void> {
    if (this.isIncoming && this.#state === ConnectionState.Connecting) {
      this.#isAccepted = true;
      this.#host.accept(this);
    }
    return this.connected;
  }

  /** Refuses an incoming connection. To the other end it looks as if nobody were here, unless its ticket says otherwise. */
  refuse(options: Pick<CloseOptions, "reason" | "debug"> = {}): void {
    if (!this.isIncoming || this.#state !== ConnectionState.Connecting) return;
    const reason = applicationReason(options.reason ?? 0);
    this.#host.refuse(this, reason, options.debug ?? "");
    this.end({ reason, debug: options.debug ?? "", closedBy: "local" });
  }

  /**
   * Sends one message, at most `maxMessageSize` bytes; the bytes are copied. Returns its number in its lane.
   * Before the connection is Connected, reliable messages are kept and unreliable ones dropped.
   * Throws RelayError: `limit_exceeded` when the send buffer is full (see `ready`), `connection_closed`, `payload_too_large`.
   */
  send(payload: Uint8Array | string, options: MessageOptions = {}): number {
    this.#mustBeOpen();
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    const result = this.engine.send(bytes, sendOptions(options), this.#host.now());
    this.#host.wake();
    if (result.ok) return result.number;
    throw sendError(result.reason, bytes.length);
  }

  /** As `send`, but waits for room in the send buffer instead of throwing `limit_exceeded`. */
  async write(payload: Uint8Array | string, options: MessageOptions = {}): Promise<number> {
    for (;;) {
      try {
        return this.send(payload, options);
      } catch (error) {
        // With nothing buffered there is nothing to wait for: the message alone is above the buffer's size.
        const mayWait = error instanceof RelayError && error.code === "limit_exceeded" && !this.engine.drained;
        if (!mayWait) throw error;
        await this.#space();
      }
    }
  }

  /** Takes up to `max` messages that have arrived, at once. */
  receive(max = Infinity): Message[] {
    const messages: Message[] = [];
    while (messages.length < max) {
      const message = this.#inbox.shift();
      if (!message) break;
      this.release(message);
      messages.push(message);
    }
    return messages;
  }

  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return {
      next: async () => {
        const result = await this.#inbox.next();
        if (!result.done) this.release(result.value);
        return result;
      },
    };
  }

  /** Ends the connection for both. Resolves when it has ended; a second call waits for the same end. */
  close(options: CloseOptions = {}): Promise<Ending> {
    if (this.#ending) return this.closed;
    if (this.#lingering) {
      if (options.linger === false) this.#closeNow({ ...this.#lingering, graceful: options.graceful ?? false });
      return this.closed;
    }
    const { debug = "", graceful = false, linger = true } = options;
    // The other end is being waited for: only an impatient close cuts that short.
    if (this.#state === ConnectionState.Disconnecting && linger) return this.closed;
    const how = { reason: applicationReason(options.reason ?? 0), debug, graceful };
    if (!linger || this.#state !== ConnectionState.Connected || this.engine.drained) this.#closeNow(how);
    else this.#lingerFor(how);
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /* For the families (steam/), which have their own queues and result codes. */

  /** Messages go to `handler` instead of the iterator; each is given back by `release` when the application has taken it. */
  onMessage(handler: (message: Message) => void): void {
    this.engine.onMessage = handler;
    for (let waiting = this.#inbox.shift(); waiting; waiting = this.#inbox.shift()) handler(waiting);
  }

  release(message: Message): void {
    this.engine.consumed(message.payload.length);
    this.#host.wake();
  }

  /** As `send`, with the refusal as a value. */
  trySend(payload: Uint8Array, options: SendOptions): SendResult {
    const result = this.engine.send(payload, options, this.#host.now());
    this.#host.wake();
    return result;
  }

  /** Sends what Nagle's delay holds back. */
  flush(): void {
    this.engine.flush(this.#host.now());
    this.#host.wake();
  }

  /** Lower priorities first, weights among equal ones (Steam: `ConfigureConnectionLanes`). False when they do not fit. */
  configureLanes(priorities: readonly number[], weights: readonly number[]): boolean {
    return this.engine.configureLanes(priorities, weights);
  }

  status(): EngineStatus {
    return this.engine.status(this.#host.now());
  }

  laneStatus(): LaneStatus[] {
    return this.engine.laneStatus(this.#host.now());
  }

  /* What the client calls when frames for this connection arrive or may leave. */

  named(handle: number, id: bigint): void {
    this.#handle = handle;
    this.#id = id;
    this.engine.handle = handle;
  }

  setState(state: ConnectionState): void {
    const previous = this.#state;
    if (this.#ending || state === previous) return;
    this.#state = state;
    if (state === ConnectionState.Connected) this.#connected.resolve();
    this.#steer();
    emit<ConnectionEvents, "statechange">(this, "statechange", { state, previous });
  }

  /** A path frame. `isLost`: frames may have been lost either way (rules R6, F3). */
  setPath(path: number, isLost: boolean): void {
    if (isLost) this.engine.resync();
    this.#setPath(PATHS[path] ?? this.#path);
  }

  /** The client has no socket. */
  interrupted(): void {
    this.#setPath("reconnecting");
  }

  /** The client has a socket again, and the relay has the connection in this state. */
  resumed(state: ConnectionState): void {
    if (state > this.#state) this.setState(state);
    this.engine.resync();
    // A relay that crashed may know less than we: what was accepted is to be accepted again first.
    if (this.#path === "reconnecting" && state >= Math.min(this.#state, ConnectionState.Connected))
      this.#setPath("open");
  }

  /** `cause`: what `connected` rejects with, when it says more than the ending does. */
  end(ending: Ending, cause?: RelayError): void {
    if (this.#ending) return;
    const previous = this.#state;
    this.#ending = ending;
    this.#state = ConnectionState.Closed;
    this.engine.close();
    this.#connected.reject(cause ?? endingError(ending));
    this.#releaseWaiters();
    this.#inbox.end();
    emit<ConnectionEvents, "statechange">(this, "statechange", { state: ConnectionState.Closed, previous });
    emit<ConnectionEvents, "closed">(this, "closed", ending);
    this.#closed.resolve(ending);
  }

  receiveData(header: DataHeader, payload: Uint8Array, now: number): void {
    if (!this.#ending) this.engine.receiveData(header, payload, now);
  }

  receiveAck(ack: Ack, now: number): void {
    if (this.#ending) return;
    this.engine.receiveAck(ack, now);
    this.#releaseWaiters();
    const isConnected = this.#state === ConnectionState.Connected; // not Disconnecting already
    if (this.#lingering && isConnected && this.engine.drained) this.#closeNow(this.#lingering);
  }

  receiveProbe(probe: Probe, now: number): void {
    if (!this.#ending) this.engine.receiveProbe(probe, now);
  }

  pull(writer: FrameWriter, now: number, budget: number): boolean {
    if (this.#ending) return false;
    const before = writer.length;
    const hasMore = this.engine.pull(writer, now, budget);
    if (writer.length > before) {
      this.#releaseWaiters(); // what is unreliable has left the buffer
      this.#report?.write(writer, this.engine, now, budget);
    }
    return hasMore;
  }

  #setPath(path: ConnectionPath): void {
    const previous = this.#path;
    if (this.#ending) return;
    this.#path = path;
    this.#steer();
    if (path !== previous) emit<ConnectionEvents, "pathchange">(this, "pathchange", { path, previous });
  }

  #steer(): void {
    const isOpen = this.#path === "open" || this.#path === "held";
    this.engine.setHeld(this.#path === "held" || this.#state === ConnectionState.Disconnecting); // rule D2
    this.engine.setConnected(isOpen && this.#state !== ConnectionState.Connecting);
    this.#host.wake();
  }

  #lingerFor(how: ClosePlan): void {
    this.#lingering = how;
    this.engine.flush(this.#host.now());
    this.engine.hastenAck();
    this.#host.wake();
    const timer = setTimeout(() => this.#closeNow(how), LINGER_MS);
    void this.closed.finally(() => clearTimeout(timer));
  }

  #closeNow({ reason, debug, graceful }: ClosePlan): void {
    if (this.#ending) return;
    const mustWait = graceful && this.#state === ConnectionState.Connected;
    this.#host.close(this, reason, debug, mustWait);
    // The relay ends a graceful close, when the other end has closed or its time is over.
    if (mustWait) this.setState(ConnectionState.Disconnecting);
    else this.end({ reason, debug, closedBy: "local" });
  }

  #space(): Promise<void> {
    return new Promise((resolve) => this.#spaceWaiters.push(resolve));
  }

  #releaseWaiters(): void {
    for (const resolve of this.#spaceWaiters.splice(0)) resolve();
  }

  #mustBeOpen(): void {
    if (this.#ending) throw endingError(this.#ending);
    if (this.#lingering) throw new RelayError("connection_closed", "Cannot send: the connection is closing");
  }
}

function sendOptions({ reliable = true, noNagle, noDelay, lane = 0, channel = 0 }: MessageOptions): SendOptions {
  const flags =
    (reliable ? DataFlag.Reliable : 0) | (noNagle ? DataFlag.NoNagle : 0) | (noDelay ? DataFlag.NoDelay : 0);
  return { flags, lane, channel };
}
