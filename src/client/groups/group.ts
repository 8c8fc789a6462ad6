import { AsyncQueue } from "../async-queue.ts";
import { RelayError } from "../relay-error.ts";
import { TypedEvents, emit } from "../typed-events.ts";

export interface GroupMessage {
  /** Who sent it: the relay says so, not the sender. */
  readonly sender: bigint;
  /** Counts what the sender has sent to this group, from 1: a gap is what was lost. */
  readonly number: number;
  readonly payload: Uint8Array;
}

/** `rejoining`: the client has no socket, or not the relay's answer on the new one. What is sent then is dropped. */
export type GroupStatus = "joining" | "joined" | "rejoining" | "left";

export interface GroupEvents {
  /** `error`: why, where it was not this client that left. */
  left: { readonly error: RelayError | undefined };
}

/** What a group asks of the client's groups. */
export interface GroupHost {
  cast(group: Group, payload: Uint8Array): number;
  leave(group: Group): void;
}

/** Messages kept for an application that does not read them; of a stream of states the newest are worth the most. */
const MAX_UNREAD = 1_024;

/**
 * A channel of the room: what one member sends comes to all others. Messages may be lost, as unreliable ones of a connection
 * may, and come in the order in which each member sent them. Iterate it to read.
 */
export class Group extends TypedEvents<GroupEvents> implements AsyncIterable<GroupMessage>, AsyncDisposable {
  readonly name: string;
  /** Resolves when the relay has let this client in; rejects with `group_full`, `too_many_groups` or `connect_timeout`. */
  readonly joined: Promise<this>;
  readonly #host: GroupHost;
  readonly #inbox = new AsyncQueue<GroupMessage>();
  readonly #joined = Promise.withResolvers<this>();
  #status: GroupStatus = "joining";
  #missed = 0;

  constructor(name: string, host: GroupHost) {
    super();
    this.name = name;
    this.#host = host;
    this.joined = this.#joined.promise;
    this.joined.catch(() => undefined); // told through `left` as well
  }

  get status(): GroupStatus {
    return this.#status;
  }

  /** Messages that this application was too slow to read. */
  get missed(): number {
    return this.#missed;
  }

  /**
   * Sends one message to all other members, at most `maxPayload` bytes of the client's limits. Returns its number. Throws
   * `payload_too_large`, and `invalid_argument` for a group that this client has left.
   */
  send(payload: Uint8Array | string): number {
    if (this.#status === "left")
      throw new RelayError("invalid_argument", "Cannot send: this client has left the group");
    return this.#host.cast(this, typeof payload === "string" ? new TextEncoder().encode(payload) : payload);
  }

  /** Takes up to `max` messages that have arrived, at once. */
  receive(max = Infinity): GroupMessage[] {
    const messages: GroupMessage[] = [];
    while (messages.length < max) {
      const message = this.#inbox.shift();
      if (!message) break;
      messages.push(message);
    }
    return messages;
  }

  [Symbol.asyncIterator](): AsyncIterator<GroupMessage, undefined> {
    return { next: () => this.#inbox.next() };
  }

  /** What was sent before is still sent. */
  leave(): void {
    if (this.#status === "left") return;
    this.#host.leave(this);
    this.end(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
  }

  /* What the client's groups call. */

  push(message: GroupMessage): void {
    this.#inbox.push(message);
    if (this.#inbox.length <= MAX_UNREAD) return;
    this.#inbox.shift();
    this.#missed++;
  }

  setJoined(): void {
    this.#status = "joined";
    this.#joined.resolve(this);
  }

  interrupted(): void {
    if (this.#status === "joined") this.#status = "rejoining";
  }

  end(error: RelayError | undefined): void {
    if (this.#status === "left") return;
    this.#status = "left";
    this.#joined.reject(error ?? new RelayError("invalid_argument", "Cannot join: this client has left the group"));
    this.#inbox.end();
    emit<GroupEvents, "left">(this, "left", { error });
  }
}
