import { PONG } from "../../protocol/index.ts";
import type { Log } from "../../relay/ports.ts";
import type { HostedRoom } from "./hosted-room.ts";

/** A WebSocket as the runtime has it. None of its methods may throw because the socket is closing or gone. */
export interface PlatformSocket {
  /** The bytes may be a view of a larger buffer, and nobody changes them afterwards. */
  send(data: Uint8Array | string): void;
  close(code: number, reason: string): void;
  bufferedAmount(): number;
}

/** Whose upgrade was let in, a peer's or a watcher's: what its runtime tells of its socket. */
export interface Upgraded {
  /** What the runtime selects of the offered subprotocols, the first of which may be a ticket or a token. */
  readonly subprotocol: string;
  /** Once, before all else. */
  opened(socket: PlatformSocket): void;
  /** `bytes` must be the relay's alone, and a plain Uint8Array: the `slice` of Node's Buffer is no copy. */
  message(data: Uint8Array | string): void;
  /** At the end. */
  closed(code: number): void;
}

/** The way into a room, for all its sockets: it may have been closed, and opened again, when one comes in. */
export interface Door {
  readonly log: Log;
  enter(): HostedRoom;
}

/** Pongs wait for nobody: who asks and does not read gets none beyond this. */
const MAX_BUFFERED_PONGS = 64 * 1024;

/** On Cloudflare the platform does this, without waking the room. */
export function answerKeepAlive(socket: PlatformSocket | undefined): void {
  if (socket && socket.bufferedAmount() <= MAX_BUFFERED_PONGS) socket.send(PONG);
}
