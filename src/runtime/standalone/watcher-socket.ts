import { CloseCode, PING } from "../../protocol/index.ts";
import { WATCH_SUBPROTOCOL } from "../../relay/watching/events.ts";
import type { TextSocket } from "../../relay/watching/watcher.ts";
import type { HostedRoom } from "./hosted-room.ts";
import { type Door, type PlatformSocket, type Upgraded, answerKeepAlive } from "./upgraded.ts";

/** An operator who was let in to watch a room. */
export class WatcherSocket implements Upgraded, TextSocket {
  readonly subprotocol = WATCH_SUBPROTOCOL;
  readonly #door: Door;
  #socket: PlatformSocket | undefined;
  #hosted: HostedRoom | undefined;
  #lastKeepAlive = 0;

  constructor(door: Door) {
    this.#door = door;
  }

  opened(socket: PlatformSocket): void {
    this.#socket = socket;
    try {
      this.#hosted = this.#door.enter();
      this.#hosted.watch(this, Date.now());
    } catch (error) {
      this.#door.log({ level: "error", event: "watcher_failed", error: String((error as Error).stack ?? error) });
      socket.close(CloseCode.InternalError, "the relay failed");
    }
  }

  message(data: Uint8Array | string): void {
    if (data !== PING) return this.#hosted?.refuseWatcher(this);
    this.#lastKeepAlive = Date.now();
    answerKeepAlive(this.#socket);
  }

  closed(): void {
    const hosted = this.#hosted;
    this.#socket = this.#hosted = undefined;
    hosted?.unwatch(this, Date.now());
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  close(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  bufferedAmount(): number {
    return this.#socket?.bufferedAmount() ?? 0;
  }

  lastKeepAlive(): number {
    return this.#lastKeepAlive;
  }
}
