import { Fifo } from "../engine/fifo.ts";
import { SEGMENT_OVERHEAD } from "../engine/options.ts";
import type { Message, RelayConnection } from "../relay-connection.ts";

/** A message that waits to be read. */
export interface Unread {
  readonly connection: RelayConnection;
  readonly message: Message;
}

/**
 * Messages by channel, those of all peers in the order of their arrival. Bounded by the connections: what is not read
 * here fills a connection's receive buffer, and then its sender has to wait.
 */
export class ChannelQueues {
  readonly #byChannel = new Map<number, Fifo<Unread>>();

  push(unread: Unread): void {
    const { channel } = unread.message;
    let queue = this.#byChannel.get(channel);
    if (!queue) this.#byChannel.set(channel, (queue = new Fifo()));
    queue.push(unread);
  }

  peek(channel: number): Unread | undefined {
    return this.#byChannel.get(channel)?.at(0);
  }

  take(channel: number): Unread | undefined {
    const queue = this.#byChannel.get(channel);
    const unread = queue?.shift();
    if (queue?.length === 0) this.#byChannel.delete(channel);
    unread?.connection.release(unread.message);
    return unread;
  }

  /** What the messages of a connection that wait here count for in its engine's `bytesHeld`. */
  bytesHeld(connection: RelayConnection): number {
    let bytes = 0;
    for (const queue of this.#byChannel.values()) {
      for (let i = 0; i < queue.length; i++) {
        const unread = queue.at(i);
        if (unread?.connection === connection) bytes += unread.message.payload.length + SEGMENT_OVERHEAD;
      }
    }
    return bytes;
  }

  /** Discards what waits of one peer, on one channel or on all. False when there was nothing. */
  purge(peer: bigint, channel?: number): boolean {
    let hasPurged = false;
    for (const [each, queue] of this.#byChannel) {
      if (channel !== undefined && each !== channel) continue;
      for (let left = queue.length; left > 0; left--) {
        const unread = queue.shift();
        if (!unread) break;
        if (unread.connection.peer !== peer) {
          queue.push(unread);
          continue;
        }
        unread.connection.release(unread.message);
        hasPurged = true;
      }
      if (queue.length === 0) this.#byChannel.delete(each);
    }
    return hasPurged;
  }
}
