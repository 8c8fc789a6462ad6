import type { RelaySocket, SavedLink } from "../../relay/ports.ts";

/** The room's counters as they were at one moment (relay/counters.ts). */
export interface Checkpoint {
  readonly at: number;
  readonly counters: Float64Array;
}

/** What a socket carries through a hibernation: its link, and perhaps the room's newest checkpoint. Limit: 16 KiB. */
export interface Attachment {
  readonly link: SavedLink;
  readonly checkpoint?: Checkpoint | undefined;
}

/** A hibernatable WebSocket as the rules want it. */
export class HibernatableSocket implements RelaySocket {
  readonly #ctx: DurableObjectState;
  readonly #socket: WebSocket;
  #attachment: Attachment | undefined;

  constructor(ctx: DurableObjectState, socket: WebSocket) {
    this.#ctx = ctx;
    this.#socket = socket;
    this.#attachment = (socket.deserializeAttachment() as Attachment | null) ?? undefined;
  }

  get attachment(): Attachment | undefined {
    return this.#attachment;
  }

  send(bytes: Uint8Array): void {
    // A socket that is closing throws on send; its close event, already on its way, ends the session.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  close(code: number, reason: string): void {
    closeQuietly(this.#socket, code, reason);
  }

  lastKeepAlive(): number {
    return this.#ctx.getWebSocketAutoResponseTimestamp(this.#socket)?.getTime() ?? 0;
  }

  save(link: SavedLink): void {
    this.#attach({ ...this.#attachment, link });
  }

  saveCheckpoint(at: number, counters: Float64Array): void {
    if (this.#attachment) this.#attach({ link: this.#attachment.link, checkpoint: { at, counters } });
  }

  #attach(attachment: Attachment): void {
    this.#attachment = attachment;
    this.#socket.serializeAttachment(attachment);
  }
}

/**
 * Every close must be answered: without it the client's close event comes seconds late, as 1006.
 * 1005, 1006 and 1015 are reports, not codes to send: they are answered with a bare close.
 */
export function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  if (code === 1005 || code === 1006 || code === 1015 || code === 1004) socket.close();
  else socket.close(code, reason);
}
