import type { Reported } from "../../relay/directory/reporting.ts";
import type { RelaySocket, SavedLink } from "../../relay/ports.ts";
import { log } from "../log.ts";

/** The room's counters as they were at one moment (relay/counters.ts). */
export interface Checkpoint {
  readonly at: number;
  readonly counters: Float64Array;
}

/** What a socket carries through a hibernation: its link, and perhaps something of the room's. Limit: 16 KiB. */
export interface Attachment {
  readonly link: SavedLink;
  readonly checkpoint?: Checkpoint | undefined;
  /** When the room last told its directory how it is. */
  readonly reported?: Reported | undefined;
}

/**
 * A hibernatable WebSocket as the rules want it. Of what it carries nothing is kept here that is not needed again: thousands
 * of idle sockets would hold it twice.
 */
export class HibernatableSocket implements RelaySocket {
  readonly #ctx: DurableObjectState;
  readonly #socket: WebSocket;
  /** As it is attached, on a socket that carries more than its link, or has done so; undefined elsewhere. */
  #carried: Attachment | undefined;

  constructor(ctx: DurableObjectState, socket: WebSocket) {
    this.#ctx = ctx;
    this.#socket = socket;
  }

  /** What a socket that outlived the memory carries: asked once, before anything is saved. */
  wake(): Attachment | undefined {
    const found = this.#attached();
    if (found?.checkpoint || found?.reported) this.#carried = found;
    return found;
  }

  send(bytes: Uint8Array): void {
    const socket = this.#socket;
    try {
      // A whole buffer costs the platform less than a view of one (docs/performance.md).
      socket.send(bytes.byteLength === bytes.buffer.byteLength ? (bytes.buffer as ArrayBuffer) : bytes);
    } catch (error) {
      // A socket that is closing throws on send; its close event, already on its way, ends the session.
      if (socket.readyState === WebSocket.OPEN) throw error;
    }
  }

  close(code: number, reason: string): void {
    closeQuietly(this.#socket, code, reason);
  }

  bufferedAmount(): number | undefined {
    // Newer than the published types, and than some of the runtimes that this may be deployed to.
    return (this.#socket as { bufferedAmount?: number }).bufferedAmount;
  }

  lastKeepAlive(): number {
    return this.#ctx.getWebSocketAutoResponseTimestamp(this.#socket)?.getTime() ?? 0;
  }

  save(link: SavedLink): void {
    if (this.#carried) this.#carry({ ...this.#carried, link });
    else this.#socket.serializeAttachment({ link } satisfies Attachment);
  }

  saveCheckpoint(at: number, counters: Float64Array): void {
    const attached = this.#carried ?? this.#attached();
    if (attached) this.#carry({ ...attached, checkpoint: { at, counters } });
  }

  saveReported(reported: Reported): void {
    const attached = this.#carried ?? this.#attached();
    if (attached) this.#carry({ ...attached, reported });
  }

  #carry(attachment: Attachment): void {
    this.#carried = attachment;
    this.#socket.serializeAttachment(attachment);
  }

  #attached(): Attachment | undefined {
    return (this.#socket.deserializeAttachment() as Attachment | null) ?? undefined;
  }
}

/** What a close frame holds beside its code. */
const MAX_REASON_BYTES = 123;

/**
 * Every close must be answered, whatever came: without it the client's close event comes seconds late, as 1006. Codes
 * that only report, that nobody may send or that do not exist make `close` throw, and are answered with a bare close.
 */
export function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  try {
    if (isSendable(code)) return socket.close(code, shortened(reason));
  } catch (error) {
    log({ level: "warn", event: "close_failed", code, error: String(error) });
  }
  socket.close();
}

function isSendable(code: number): boolean {
  return code >= 1000 && code <= 4999 && code !== 1004 && code !== 1005 && code !== 1006 && code !== 1015;
}

/** Text that came as broken UTF-8 grows when it is read: each bad byte becomes a replacement character of three. */
function shortened(reason: string): string {
  const bytes = new Uint8Array(MAX_REASON_BYTES);
  const { written } = new TextEncoder().encodeInto(reason, bytes);
  return new TextDecoder().decode(bytes.subarray(0, written));
}
