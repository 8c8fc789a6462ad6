/** The relay on Bun: `Bun.serve` for both requests and sockets. */
import type { StandaloneConfiguration } from "../standalone/configuration.ts";
import type { Listening } from "../standalone/main.ts";
import { MAX_MESSAGE, type StandaloneRelay, noHandshake } from "../standalone/relay.ts";
import type { PlatformSocket, Upgraded } from "../standalone/upgraded.ts";

/**
 * What Bun may hold for one socket. The relay's own bound (rule F2) is a setting of at most 64 MiB, so this is met only by
 * who is told much at once; then the socket is closed, because a frame that is dropped in silence breaks a promise.
 */
const BACKPRESSURE_LIMIT = 96 * 1024 * 1024;

const websocket: Bun.WebSocketHandler<Upgraded> = {
  open(ws) {
    ws.binaryType = "arraybuffer"; // in this handler only: the option of the same name has no effect (1.4.5)
    ws.data.opened(new BunSocket(ws));
  },
  message(ws, message) {
    ws.data.message(typeof message === "string" ? message : new Uint8Array(message));
  },
  close(ws, code) {
    // Bun calls this from within `close` and `send`, in the midst of a turn of the rules.
    queueMicrotask(() => ws.data.closed(code));
  },
  maxPayloadLength: MAX_MESSAGE,
  backpressureLimit: BACKPRESSURE_LIMIT,
  closeOnBackpressureLimit: true,
  // Silence is the rules' to judge (rule S7): by default Bun sends pings, and closes after 120 s.
  idleTimeout: 0,
  sendPings: false,
  perMessageDeflate: false,
  // No `drain`: the relay hands on what it holds when the client gives it credit, and asks for the amount before that.
};

export async function listen(relay: StandaloneRelay, { host, port, tls }: StandaloneConfiguration): Promise<Listening> {
  const server = Bun.serve<Upgraded>({
    hostname: host,
    port,
    ...(tls && { tls }),
    websocket,
    async fetch(request, server) {
      const answer = await relay.answer(request, server.requestIP(request)?.address);
      if (answer instanceof Response) return answer;
      // Without the header Bun echoes the first protocol that is offered, which may be the ticket.
      const headers = { "sec-websocket-protocol": answer.subprotocol };
      return server.upgrade(request, { data: answer, headers }) ? undefined : noHandshake();
    },
  });
  return {
    port: server.port,
    openSockets: () => server.pendingWebSockets,
  };
}

/** Bun copies what it is sent, or writes it at once, and says so with a number instead of throwing. */
class BunSocket implements PlatformSocket {
  readonly #ws: Bun.ServerWebSocket<Upgraded>;

  constructor(ws: Bun.ServerWebSocket<Upgraded>) {
    this.#ws = ws;
  }

  send(data: Uint8Array | string): void {
    this.#ws.send(data);
  }

  /**
   * Bun ends the TCP connection behind its close frame, whether or not the other end answers: rule L5 has nothing more to
   * count. What a client sends after that resets the connection, and with it goes what the client has not read.
   */
  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  bufferedAmount(): number {
    return this.#ws.getBufferedAmount();
  }
}
