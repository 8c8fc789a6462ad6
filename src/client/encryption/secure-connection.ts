import { type ConnectionType, EndReason, MAX_PAYLOAD } from "../../protocol/index.ts";
import { AsyncQueue } from "../async-queue.ts";
import { endingError } from "../connection-errors.ts";
import {
  type CloseOptions,
  type Ending,
  type Message,
  type MessageOptions,
  type RelayConnection,
} from "../relay-connection.ts";
import { RelayError } from "../relay-error.ts";
import { type Bytes, utf8 } from "./bytes.ts";
import type { Certificate } from "./certificate.ts";
import { type Established, type HandshakeOptions, handshake } from "./handshake.ts";
import { Kind } from "./key-schedule.ts";
import { Lobby } from "./lobby.ts";
import { OVERHEAD, ReliableOpener, Sealer, UnreliableOpener } from "./message-cipher.ts";

export interface EncryptOptions extends HandshakeOptions {
  /** That of the connection, where it is tuned; a message may be 21 bytes smaller. Default 512 KiB. */
  readonly maxMessageSize?: number | undefined;
  /** Bytes that are being encrypted or wait for the connection's own send buffer. Default 512 KiB. */
  readonly sendBufferSize?: number | undefined;
}

/** A message as the other end sent it. The engine's number is left out: the relay could have changed it. */
export type SecureMessage = Omit<Message, "number">;

const BUFFER_SIZE = 512 * 1024;
/** Longest that a close waits for what is being encrypted, in ms; the connection's own linger comes on top. */
const FLUSH_MS = 5_000;

const claimed = new WeakSet<RelayConnection>();

/**
 * Encrypts a connection from here to the other end, which has to do the same before it sends anything. The connection
 * itself must not be used any more. Rejects, and ends the connection, with a RelayError: `certificate_expired`,
 * `certificate_wrong_peer`, `certificate_untrusted`, `handshake_failed`, `handshake_timeout`, `encryption_unavailable`.
 */
export async function encrypt(connection: RelayConnection, options: EncryptOptions): Promise<SecureConnection> {
  if (claimed.has(connection)) throw new RelayError("invalid_argument", "This connection is encrypted already");
  claimed.add(connection);
  const lobby = new Lobby(connection);
  const established = await handshake(connection, lobby, options);
  return new SecureConnection(connection, lobby, established, options);
}

interface OutLane {
  readonly reliable: Sealer;
  readonly unreliable: Sealer;
  /** Resolves when what was sent before has been handed to the connection. */
  tail: Promise<void>;
}

interface InLane {
  readonly reliable: ReliableOpener;
  readonly unreliable: UnreliableOpener;
  tail: Promise<void>;
}

interface Received {
  readonly message: SecureMessage;
  readonly original: Message;
}

/** A `RelayConnection` whose messages nobody between the two ends can read, alter, repeat, or put into another order. */
export class SecureConnection implements AsyncIterable<SecureMessage>, AsyncDisposable {
  readonly peer: bigint;
  readonly type: ConnectionType;
  readonly virtualPort: number | undefined;
  /** Resolves when the connection has ended. Its reason is what the relay says, and not authenticated. */
  readonly closed: Promise<Ending>;
  /** Whom the game's backend says this is. */
  readonly peerCertificate: Certificate;

  readonly #connection: RelayConnection;
  readonly #keys: Established;
  readonly #maxPayload: number;
  readonly #bufferSize: number;
  readonly #outLanes = new Map<number, OutLane>();
  readonly #inLanes = new Map<number, InLane>();
  readonly #inbox = new AsyncQueue<Received>();
  readonly #spaceWaiters: (() => void)[] = [];
  #buffered = 0;
  #dropped = 0;
  #unsent = 0;
  #isClosing = false;
  #failure: RelayError | undefined;

  /** Use `encrypt`. */
  constructor(connection: RelayConnection, lobby: Lobby, keys: Established, options: EncryptOptions) {
    this.peer = connection.peer;
    this.type = connection.type;
    this.virtualPort = connection.virtualPort;
    this.closed = connection.closed;
    this.peerCertificate = keys.peerCertificate;
    this.#connection = connection;
    this.#keys = keys;
    this.#maxPayload = (options.maxMessageSize ?? MAX_PAYLOAD) - OVERHEAD;
    this.#bufferSize = options.sendBufferSize ?? BUFFER_SIZE;
    lobby.open((message) => this.#receive(message));
    void connection.closed.then(() => this.#ended());
  }

  /** Unreliable messages that arrived and were thrown away: forged, repeated, or too old to tell. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Unreliable messages of this end that could not leave (`noDelay`). */
  get unsent(): number {
    return this.#unsent;
  }

  /** Bytes that `send` took and the connection has not. */
  get bufferedAmount(): number {
    return this.#buffered;
  }

  /**
   * Sends one message; the bytes are copied. Messages of a lane leave in the order of the calls. Throws RelayError:
   * `limit_exceeded` when the send buffer is full (see `write`), `connection_closed`, `payload_too_large`,
   * `invalid_argument`.
   */
  send(payload: Uint8Array | string, options: MessageOptions = {}): void {
    this.#mustBeOpen();
    const bytes = typeof payload === "string" ? utf8(payload) : new Uint8Array(payload);
    this.#checkSize(bytes.length);
    if (!this.#hasRoom(bytes.length)) {
      throw new RelayError("limit_exceeded", "Cannot send: the send buffer is full; use write() to wait for room");
    }
    const { reliable = true, lane = 0, channel = 0 } = options;
    const out = this.#outLane(lane);
    const sealed = (reliable ? out.reliable : out.unreliable).seal(bytes, channel);
    this.#buffered += bytes.length;
    out.tail = this.#handOn(out.tail, sealed, bytes.length, options);
  }

  /** As `send`, but waits for room in the send buffer instead of throwing `limit_exceeded`. */
  async write(payload: Uint8Array | string, options: MessageOptions = {}): Promise<void> {
    const bytes = typeof payload === "string" ? utf8(payload) : payload;
    this.#checkSize(bytes.length);
    while (!this.#hasRoom(bytes.length)) {
      this.#mustBeOpen();
      await new Promise<void>((resolve) => this.#spaceWaiters.push(resolve));
    }
    this.send(bytes, options);
  }

  /** Takes up to `max` messages that have arrived and are decrypted, at once. */
  receive(max = Infinity): SecureMessage[] {
    const messages: SecureMessage[] = [];
    while (messages.length < max) {
      const received = this.#inbox.shift();
      if (!received) break;
      messages.push(this.#take(received));
    }
    return messages;
  }

  /** Ends when the connection does; throws RelayError `decryption_failed` when it ended because of that. */
  [Symbol.asyncIterator](): AsyncIterator<SecureMessage, undefined> {
    return {
      next: async () => {
        const result = await this.#inbox.next();
        if (!result.done) return { value: this.#take(result.value), done: false };
        if (this.#failure) throw this.#failure;
        return { value: undefined, done: true };
      },
    };
  }

  /** Ends the connection for both, when what was sent before has left (unless `linger` is false). */
  async close(options: CloseOptions = {}): Promise<Ending> {
    this.#isClosing = true;
    this.#releaseWaiters();
    if (options.linger !== false) await this.#flushed();
    return this.#connection.close(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** As that of `RelayConnection`. */
  configureLanes(priorities: readonly number[], weights: readonly number[]): boolean {
    return this.#connection.configureLanes(priorities, weights);
  }

  /** Sizes and counts are those of the encrypted messages. */
  status(): ReturnType<RelayConnection["status"]> {
    return this.#connection.status();
  }

  async #handOn(previous: Promise<void>, sealed: Promise<Bytes>, size: number, options: MessageOptions): Promise<void> {
    try {
      const [bytes] = await Promise.all([sealed, previous]);
      if (options.noDelay && options.reliable === false) this.#connection.send(bytes, options);
      else await this.#connection.write(bytes, options);
    } catch (error) {
      // A reliable message that is missing could not be told from one that the relay has taken away.
      if (options.reliable === false) this.#unsent++;
      else if (!this.#connection.ending) this.#fail(error instanceof RelayError ? error : internal(error));
    }
    this.#buffered -= size;
    this.#releaseWaiters();
  }

  #receive(message: Message): void {
    const lane = this.#inLane(message.lane);
    const { payload, channel } = message;
    const kind = payload[0];
    if (kind === Kind.Unreliable) {
      lane.tail = this.#deliver(lane.tail, lane.unreliable.open(payload, channel), message, false);
    } else if (message.reliable) {
      const opened = kind === Kind.Reliable ? lane.reliable.open(payload, channel) : Promise.resolve(undefined);
      lane.tail = this.#deliver(lane.tail, opened, message, true);
    } else {
      this.#drop(message);
    }
  }

  async #deliver(
    previous: Promise<void>,
    opened: Promise<Bytes | undefined>,
    original: Message,
    reliable: boolean,
  ): Promise<void> {
    const [payload] = await Promise.all([opened, previous]);
    if (this.#failure) return;
    if (payload) {
      const { lane, channel, receivedAt } = original;
      this.#inbox.push({ message: { payload, lane, channel, reliable, receivedAt }, original });
    } else if (reliable) {
      const what = `message on lane ${original.lane} is not what the peer sent next: it was altered, repeated or left out`;
      this.#fail(new RelayError("decryption_failed", `A ${what}; connect again, over another relay if it goes on`));
    } else {
      this.#drop(original);
    }
  }

  #drop(message: Message): void {
    this.#dropped++;
    this.#connection.release(message);
  }

  #take({ message, original }: Received): SecureMessage {
    this.#connection.release(original);
    return message;
  }

  #fail(error: RelayError): void {
    if (this.#failure) return;
    this.#failure = error;
    const debug = `${error.code}: ${error.message}`;
    void this.#connection.close({ reason: EndReason.AppExceptionGeneric, debug, linger: false });
  }

  async #ended(): Promise<void> {
    this.#releaseWaiters();
    await Promise.all([...this.#inLanes.values()].map(({ tail }) => tail));
    this.#inbox.end();
  }

  async #flushed(): Promise<void> {
    const tails = Promise.all([...this.#outLanes.values()].map(({ tail }) => tail));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise((resolve) => (timer = setTimeout(resolve, FLUSH_MS)));
    await Promise.race([tails, this.closed, timeout]);
    clearTimeout(timer);
  }

  #outLane(index: number): OutLane {
    let lane = this.#outLanes.get(index);
    if (lane) return lane;
    // Known only when it is sent otherwise, which is after the message has its place in the order.
    if (!(index in this.#connection.laneStatus())) {
      throw new RelayError("invalid_argument", "Cannot send: the lane is not configured");
    }
    const { outgoing } = this.#keys;
    lane = {
      reliable: new Sealer(outgoing, Kind.Reliable, index),
      unreliable: new Sealer(outgoing, Kind.Unreliable, index),
      tail: Promise.resolve(),
    };
    this.#outLanes.set(index, lane);
    return lane;
  }

  #inLane(index: number): InLane {
    let lane = this.#inLanes.get(index);
    if (lane) return lane;
    const { incoming } = this.#keys;
    const [reliable, unreliable] = [new ReliableOpener(incoming, index), new UnreliableOpener(incoming, index)];
    this.#inLanes.set(index, (lane = { reliable, unreliable, tail: Promise.resolve() }));
    return lane;
  }

  /** One message always fits. */
  #hasRoom(size: number): boolean {
    return this.#buffered === 0 || this.#buffered + size <= this.#bufferSize;
  }

  #releaseWaiters(): void {
    for (const resolve of this.#spaceWaiters.splice(0)) resolve();
  }

  #checkSize(size: number): void {
    if (size <= this.#maxPayload) return;
    const message = `Cannot send a message of ${size} bytes: encrypted, at most ${this.#maxPayload} fit`;
    throw new RelayError("payload_too_large", message);
  }

  #mustBeOpen(): void {
    const { ending } = this.#connection;
    if (this.#failure) throw this.#failure;
    if (ending) throw endingError(ending);
    if (this.#isClosing) throw new RelayError("connection_closed", "Cannot send: the connection is closing");
  }
}

function internal(cause: unknown): RelayError {
  return new RelayError("encryption_failed", "A message could not be encrypted; connect again", { cause });
}
