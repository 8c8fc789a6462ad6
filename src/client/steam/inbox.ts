import type { Message } from "../engine/connection-engine.ts";
import type { NetworkingMessage } from "./networking-message.ts";
import type { SocketConnection } from "./socket-connection.ts";

/** A message that waits to be taken. */
export interface Waiting {
  readonly connection: SocketConnection;
  readonly message: Message;
}

/** Messages in the order of their arrival: of one connection, or of all in a poll group. */
export class Inbox {
  #waiting: Waiting[] = [];

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** Takes the first `max`, of one connection only if one is given. */
  take(max: number, of?: SocketConnection): Waiting[] {
    const taken: Waiting[] = [];
    const passed: Waiting[] = [];
    let next = 0;
    for (const waiting of this.#waiting) {
      if (!(taken.length < max)) break;
      next++;
      (of && waiting.connection !== of ? passed : taken).push(waiting);
    }
    if (next > 0) this.#waiting = passed.concat(this.#waiting.slice(next));
    return taken;
  }

  /** As `take`, for the application. */
  receive(max: number, of?: SocketConnection): NetworkingMessage[] {
    return this.take(max, of).map(({ connection, message }) => connection.receive(message));
  }

  /** Takes over what waits elsewhere of a connection. All together stays in the order of arrival. */
  moveFrom(other: Inbox, connection: SocketConnection): void {
    this.#waiting = this.#waiting
      .concat(other.take(Infinity, connection))
      .toSorted((a, b) => a.message.receivedAt - b.message.receivedAt);
  }
}
