import { CloseCode, PING, SUBPROTOCOL } from "../../protocol/index.ts";
import type { Admission, RelaySocket } from "../../relay/ports.ts";
import type { Link } from "../../relay/sessions/link.ts";
import type { HostedRoom } from "./hosted-room.ts";
import { type Door, type PlatformSocket, type Upgraded, answerKeepAlive } from "./upgraded.ts";

/** What a client's close event reports for `close(1000)` and for `close()`. */
const NORMAL_CLOSE = 1000;
const NO_CODE = 1005;

/** A peer that was let in: what its runtime tells of its socket, and what the rules ask of it. */
export class PeerSocket implements Upgraded, RelaySocket {
  readonly subprotocol = SUBPROTOCOL;
  readonly #admission: Admission;
  readonly #door: Door;
  #socket: PlatformSocket | undefined;
  #hosted: HostedRoom | undefined;
  #link: Link | undefined;
  #lastKeepAlive = 0;
  #isClosedByRelay = false;

  constructor(admission: Admission, door: Door) {
    this.#admission = admission;
    this.#door = door;
  }

  opened(socket: PlatformSocket): void {
    this.#socket = socket;
    this.#guard(() => {
      this.#hosted = this.#door.enter();
      this.#link = this.#hosted.join(this, this.#admission, Date.now());
    });
  }

  message(data: Uint8Array | string): void {
    if (data === PING) return this.#keepAlive();
    const [hosted, link] = [this.#hosted, this.#link];
    if (!hosted || !link) return;
    this.#guard(() => {
      if (typeof data === "string") hosted.receiveText(link, Date.now());
      else hosted.receive(link, data, Date.now());
    });
  }

  closed(code: number): void {
    const [hosted, link] = [this.#hosted, this.#link];
    this.#socket = this.#hosted = this.#link = undefined;
    if (!hosted || !link) return;
    // An answer to the relay's own close is no farewell, whatever its code: Deno reports 1005 where there was no answer.
    const isFarewell = !this.#isClosedByRelay && (code === NORMAL_CLOSE || code === NO_CODE);
    this.#guard(() => hosted.socketClosed(link, Date.now(), isFarewell));
  }

  send(bytes: Uint8Array): void {
    this.#socket?.send(bytes);
  }

  close(code: number, reason: string): void {
    this.#isClosedByRelay = true;
    this.#socket?.close(code, reason);
  }

  bufferedAmount(): number {
    return this.#socket?.bufferedAmount() ?? 0;
  }

  lastKeepAlive(): number {
    return this.#lastKeepAlive;
  }

  save(): void {
    // The memory lives as long as the sockets: there is nothing to come back from.
  }

  #keepAlive(): void {
    this.#lastKeepAlive = Date.now();
    answerKeepAlive(this.#socket);
  }

  /** What fails here ends this socket, and nobody else's. */
  #guard(event: () => void): void {
    try {
      event();
    } catch (error) {
      const peer = String(this.#admission.peer);
      const { log } = this.#door;
      log({ level: "error", event: "socket_failed", peer, error: String((error as Error).stack ?? error) });
      this.#socket?.close(CloseCode.InternalError, "the relay failed");
    }
  }
}
