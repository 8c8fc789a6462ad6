import { AsyncQueue } from "./async-queue.ts";
import type { RelayConnection } from "./relay-connection.ts";

/**
 * Where connections of other peers arrive: iterate it, and accept or refuse each. One that is neither within the
 * connect timeout is over; to the other end it looks as if nobody were here.
 */
export class Listener implements AsyncIterable<RelayConnection>, AsyncDisposable {
  readonly #incoming = new AsyncQueue<RelayConnection>();
  readonly #onClose: () => void;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  /** For the client: somebody asked. */
  offer(connection: RelayConnection): void {
    this.#incoming.push(connection);
    // Who gave up waiting is not kept for an application that has not looked yet.
    void connection.closed.then(() => this.#incoming.remove(connection));
  }

  /** Stops listening. Connections that were accepted stay; those that wait are refused. */
  close(): void {
    this.#onClose();
    for (let waiting = this.#incoming.shift(); waiting; waiting = this.#incoming.shift()) waiting.refuse();
    this.#incoming.end();
  }

  [Symbol.asyncIterator](): AsyncIterator<RelayConnection, undefined> {
    return { next: () => this.#incoming.next() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
