import { PING, PONG } from "../../protocol/index.ts";
import { RelayError } from "../relay-error.ts";
import { OPEN, type WebSocketConstructor, type WebSocketLike, clock } from "../websocket.ts";
import { DEFAULT_COUNT, type RoundTrip, checkCount, roundTripOf } from "./round-trip.ts";

export interface RoomProbeOptions {
  /** What sockets are made of; default: the global one. */
  readonly WebSocket?: WebSocketConstructor;
}

interface Listening extends WebSocketLike {
  addEventListener(type: "message" | "close", listener: (event: { readonly data?: unknown }) => void): void;
}

const TIMEOUT_MS = 10_000;

/**
 * The way to the room and back, on the socket that a client has there:
 *
 *     const probe = new RoomProbe();
 *     const client = await connect({ url, app, room, ticket, WebSocket: probe.WebSocket });
 *     const { medianMs } = await probe.measure();
 *
 * It sends keep-alives, which are answered where the room is, in order, and wake nobody: the client's own are measured as
 * well, so that it knows which answer is whose. What the relay has to do for other traffic is in no way part of it.
 */
export class RoomProbe {
  /** For `connect`. */
  readonly WebSocket: WebSocketConstructor;
  /** The last that was made. */
  #socket: Listening | undefined;
  /** For each keep-alive that was not answered, in order, who wants to know. */
  #asked: ((milliseconds: number | undefined) => void)[] = [];

  constructor({ WebSocket: Base }: RoomProbeOptions = {}) {
    const Socket = (Base ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket) as new (
      url: string,
      protocols: string[],
    ) => Listening;
    this.WebSocket = watched(Socket, (socket) => this.#watch(socket));
  }

  /** One after the other. Rejects with `relay_closed` without a socket, or when it is lost; `dial_timeout` without an answer. */
  async measure({ count = DEFAULT_COUNT, timeoutMs = TIMEOUT_MS } = {}): Promise<RoundTrip> {
    const times: number[] = [];
    // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
    for (let left = checkCount(count); left > 0; left--) times.push(await this.#ask(timeoutMs));
    return roundTripOf(times);
  }

  #watch(socket: Listening): (data: unknown) => void {
    this.#socket = socket;
    this.#forget();
    socket.addEventListener("message", ({ data }) => {
      if (data === PONG && socket === this.#socket) this.#asked.shift()?.(clock());
    });
    socket.addEventListener("close", () => {
      if (socket === this.#socket) this.#forget();
    });
    // What the client itself sends: its keep-alives are answered, too.
    return (data) => {
      if (data === PING && socket === this.#socket) this.#asked.push(() => undefined);
    };
  }

  async #ask(timeoutMs: number): Promise<number> {
    const socket = this.#socket;
    if (socket?.readyState !== OPEN) throw lost();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const timeout = new RelayError("dial_timeout", `The room did not answer a keep-alive within ${timeoutMs} ms`);
    const timer = setTimeout(() => reject(timeout), timeoutMs);
    socket.send(PING); // is noted as the client's own, and made ours here
    const begun = clock();
    this.#asked[this.#asked.length - 1] = (now) => (now === undefined ? reject(lost()) : resolve(now - begun));
    return promise.finally(() => clearTimeout(timer));
  }

  #forget(): void {
    const asked = this.#asked;
    this.#asked = [];
    for (const answer of asked) answer(undefined);
  }
}

/** Sockets of which somebody is told as they are made, and what is sent. */
function watched(
  Base: new (url: string, protocols: string[]) => Listening,
  made: (socket: Listening) => (data: unknown) => void,
): WebSocketConstructor {
  return class extends Base {
    readonly #sent: (data: unknown) => void;

    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      this.#sent = made(this);
    }

    override send(data: string | Uint8Array<ArrayBuffer>): void {
      super.send(data);
      this.#sent(data);
    }
  };
}

function lost(): RelayError {
  return new RelayError("relay_closed", "Cannot measure: the client has no socket to the room just now");
}
