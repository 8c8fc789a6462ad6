import type { Message, RelayConnection } from "../relay-connection.ts";
import { RelayError } from "../relay-error.ts";

/**
 * What arrives during the handshake. Its own messages are the first reliable ones of lane 0; the others wait, and count
 * against the connection's receive buffer, which bounds them.
 */
export class Lobby {
  readonly #handshake: Message[] = [];
  readonly #others: Message[] = [];
  /** How many of the handshake's messages may still come; what is behind them is data. */
  #expected = 2;
  #waiting: { resolve: (message: Message) => void; reject: (error: RelayError) => void } | undefined;
  #failure: RelayError | undefined;
  #handler: ((message: Message) => void) | undefined;

  constructor(connection: RelayConnection) {
    connection.onMessage((message) => this.#arrived(message));
    void connection.closed.then(({ reason, debug }) => {
      const why = `the connection ended during the handshake (reason ${reason}: ${debug})`;
      this.fail(new RelayError("handshake_failed", `The connection could not be encrypted: ${why}`, { reason }));
    });
  }

  /** The handshake's next message. */
  next(): Promise<Message> {
    const message = this.#handshake.shift();
    if (message) return Promise.resolve(message);
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  /** What has not arrived by now is not waited for. */
  fail(error: RelayError): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  /** The handshake is over: the others go to `handler`, in the order in which they came. */
  open(handler: (message: Message) => void): void {
    this.#handler = handler;
    for (const message of this.#others.splice(0)) handler(message);
  }

  #arrived(message: Message): void {
    if (this.#handler) return this.#handler(message);
    if (!message.reliable || message.lane !== 0 || this.#expected === 0) {
      this.#others.push(message);
      return;
    }
    this.#expected--;
    if (!this.#waiting) {
      this.#handshake.push(message);
      return;
    }
    this.#waiting.resolve(message);
    this.#waiting = undefined;
  }
}
