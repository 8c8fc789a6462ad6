import { CloseCode, PING, PONG } from "../../protocol/index.ts";
import type { Admission, Log, RelaySocket } from "../../relay/ports.ts";
import type { Link } from "../../relay/sessions/link.ts";
import type { HostedRoom } from "./hosted-room.ts";

/** A WebSocket as the runtime has it. None of its methods may throw because the socket is closing or gone. */
export interface PlatformSocket {
  /** The bytes may be a view of a larger buffer, and nobody changes them afterwards. */
  send(data: Uint8Array | string): void;
  close(code: number, reason: string): void;
  bufferedAmount(): number;
}

/** The way into a room, for all its peers: it may have been closed, and opened again, when one comes in. */
export interface Door {
  readonly log: Log;
  enter(): HostedRoom;
}

/** What a client's close event reports for `close(1000)` and for `close()`. */
const NORMAL_CLOSE = 1000;
const NO_CODE = 1005;

/** Pongs wait for nobody: who asks and does not read gets none beyond this. */
const MAX_BUFFERED_PONGS = 64 * 1024;

/**
 * A peer that was let in: what its runtime tells of its socket, and what the rules ask of it. The runtime calls `opened`
 * once, then `message` for each message, and `closed` at the end.
 */
export class PeerSocket implements RelaySocket {
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

  /** `bytes` must be the relay's alone, and a plain Uint8Array: the `slice` of Node's Buffer is no copy. */
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

  /** On Cloudflare the platform does this, without waking the room. */
  #keepAlive(): void {
    this.#lastKeepAlive = Date.now();
    const socket = this.#socket;
    if (socket && socket.bufferedAmount() <= MAX_BUFFERED_PONGS) socket.send(PONG);
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
