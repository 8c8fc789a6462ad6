import { type ControlValues, PING } from "../protocol/index.ts";
import { FrameWriter } from "./engine/frame-writer.ts";
import type { Early } from "./dial.ts";
import type { RateLimit } from "./rate-limit.ts";
import { OPEN, type WebSocketLike, clock } from "./websocket.ts";

/** One WebSocket message carries at most about this much; a single larger frame travels alone. */
const BATCH_BYTES = 64 * 1024;
/** Above this the socket is behind: what waits here instead can still be ordered by lane and priority. */
const SOCKET_HIGH_WATER = 256 * 1024;
/** WebSockets tell nobody when they have drained, so a full one is looked at again after this many ms. */
const DRAIN_POLL_MS = 4;
/** Silence for this many heartbeats means that the socket is dead, whatever the operating system says (rule H3). */
const SILENT_HEARTBEATS = 2.5;

export interface WireClosed {
  readonly code: number;
  readonly reason: string;
}

type Limits = Pick<ControlValues<"welcome">, "heartbeatMs" | "messagesPerSecond" | "bytesPerSecond">;

/** Who is told what arrives. */
export interface WireHost {
  receive(batch: Uint8Array, now: number): void;
  closed(info: WireClosed): void;
}

/** What the wire carries besides control frames. */
export interface FrameSource {
  /** Writes frames that are due, up to `budget` bytes. True when more are due already. */
  pull(writer: FrameWriter, now: number, budget: number): boolean;
  /** The batch as it is to leave. */
  pack(batch: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
  /** When the next frame is due; Infinity for never. */
  nextDeadline(now: number): number;
}

/**
 * The socket to the relay. All that is sent in one turn of the event loop leaves as one message: a message costs the
 * relay about 30 µs, a frame in it next to nothing.
 */
export class Wire {
  readonly #socket: WebSocketLike;
  readonly #host: WireHost;
  readonly #source: FrameSource;
  readonly #limits: Limits;
  readonly #rate: RateLimit;
  readonly #writer = new FrameWriter();
  readonly #control: Uint8Array[] = [];
  #isScheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #lastSent = clock();
  #lastHeard = clock();
  #isClosed = false;

  constructor(socket: WebSocketLike, host: WireHost, source: FrameSource, limits: Limits, rate: RateLimit) {
    this.#socket = socket;
    this.#host = host;
    this.#source = source;
    this.#limits = limits;
    this.#rate = rate;
    this.#heartbeat = setInterval(() => this.#beat(), limits.heartbeatMs / 4);
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
    socket.onclose = ({ code, reason }: WireClosed) => this.#end({ code, reason });
    socket.onerror = () => undefined; // a close event follows
  }

  /** What came before this took the socket over. To be called once, when the host is ready for it. */
  replay({ batches, closed }: Early): void {
    for (const batch of batches) this.#receive(batch);
    if (closed) this.#end(closed);
  }

  /** Queues a control frame; it leaves before any data of the same turn. */
  control(frame: Uint8Array): void {
    this.#control.push(frame);
    this.wake();
  }

  /** Something may be due: looks after the current turn. */
  wake(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#pump();
    });
  }

  /** Sends what is queued, then closes. The host is told. */
  close(code: number, reason: string): void {
    this.#pump();
    this.#socket.close(code, reason);
    // The other side's answer may never come, or come late; for us it is over now.
    this.#end({ code, reason });
  }

  #pump(): void {
    if (this.#isClosed || this.#socket.readyState !== OPEN) return;
    const now = clock();
    let hasMore = true;
    while (hasMore && !this.#isFull && this.#rate.readyAt(true) <= now) {
      this.#writer.clear();
      this.#appendControl();
      hasMore = this.#control.length > 0;
      if (!hasMore && this.#rate.readyAt(false) <= now) {
        hasMore = this.#source.pull(this.#writer, now, this.#rate.budget(BATCH_BYTES, now, this.#limits));
      }
      if (this.#writer.length === 0) break;
      this.#send(this.#source.pack(this.#writer.take()), now);
    }
    const hasControl = this.#control.length > 0;
    const next = Math.max(hasControl ? now : this.#source.nextDeadline(now), this.#rate.readyAt(hasControl));
    this.#setTimer(this.#isFull ? Math.max(next, now + DRAIN_POLL_MS) : next, now);
  }

  get #isFull(): boolean {
    return this.#socket.bufferedAmount >= SOCKET_HIGH_WATER;
  }

  #send(message: string | Uint8Array<ArrayBuffer>, now: number): void {
    this.#socket.send(message);
    this.#lastSent = now;
    this.#rate.spend(message.length, now, this.#limits);
  }

  /** As many control frames as a batch holds; data waits until all of them have left. */
  #appendControl(): void {
    let count = 0;
    for (const frame of this.#control) {
      if (this.#writer.length >= BATCH_BYTES) break;
      this.#writer.append(frame);
      count++;
    }
    this.#control.splice(0, count);
  }

  #setTimer(at: number, now: number): void {
    clearTimeout(this.#timer);
    if (at !== Infinity) this.#timer = setTimeout(() => this.#pump(), Math.max(0, at - now));
  }

  #receive(data: unknown): void {
    if (this.#isClosed) return;
    const now = clock();
    this.#lastHeard = now;
    if (!(data instanceof ArrayBuffer)) return; // the answer to a ping
    this.#host.receive(new Uint8Array(data), now);
    this.wake();
  }

  #beat(): void {
    const now = clock();
    const { heartbeatMs } = this.#limits;
    if (now - this.#lastHeard > SILENT_HEARTBEATS * heartbeatMs) {
      this.close(4000, "the relay went silent");
    } else if (now - this.#lastSent >= heartbeatMs && this.#socket.readyState === OPEN) {
      this.#send(PING, now);
    }
  }

  #end(info: WireClosed): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#host.closed(info);
  }
}
