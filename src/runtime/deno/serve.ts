/** The relay on Deno: `Deno.serve` and `Deno.upgradeWebSocket`. */
import type { StandaloneConfiguration } from "../standalone/configuration.ts";
import type { Listening } from "../standalone/main.ts";
import { type StandaloneRelay, noHandshake } from "../standalone/relay.ts";
import type { PlatformSocket, Upgraded } from "../standalone/upgraded.ts";

let openSockets = 0;

export async function listen(relay: StandaloneRelay, { host, port, tls }: StandaloneConfiguration): Promise<Listening> {
  let bound = 0;
  const options = {
    hostname: host,
    port,
    ...tls,
    onListen: (address: { port: number }) => void (bound = address.port),
  };
  Deno.serve(options, async (request, { remoteAddr }) => {
    const answer = await relay.answer(request, remoteAddr.hostname);
    return answer instanceof Response ? answer : upgrade(request, answer);
  });
  return { port: bound, openSockets: () => openSockets };
}

function upgrade(request: Request, upgraded: Upgraded): Response {
  try {
    // Silence is the rules' to judge (rule S7): by default Deno pings, and closes who does not answer.
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    // As an option, `protocol` throws where the client offered "a,b" without a space.
    response.headers.set("sec-websocket-protocol", upgraded.subprotocol);
    attach(upgraded, socket);
    return response;
  } catch {
    return noHandshake();
  }
}

/** Compression is never negotiated here, and the largest message is Deno's own limit of 64 MiB, which cannot be set. */
function attach(upgraded: Upgraded, socket: WebSocket): void {
  socket.binaryType = "arraybuffer";
  let isOpen = false;
  socket.onopen = () => {
    isOpen = true;
    openSockets++;
    upgraded.opened(new DenoSocket(socket));
  };
  socket.onmessage = ({ data }) => {
    upgraded.message(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
  };
  socket.onclose = ({ code }) => {
    if (isOpen) openSockets--;
    isOpen = false;
    upgraded.closed(code);
  };
  socket.onerror = (event) => event.preventDefault(); // a close event follows it
}

/** For the relay's last words to leave, and for a client that heeds them to close the socket itself. */
const LAST_WORDS_MS = 100;

/** Deno copies what it is sent, and throws where the socket is not open. */
class DenoSocket implements PlatformSocket {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  send(data: Uint8Array | string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(data as Uint8Array<ArrayBuffer> | string);
  }

  /**
   * Where the other end does not answer, the socket stays until TCP gives up on it, as Deno has no way to drop one. Where
   * it is sending, Deno drops it, with the close frame and whatever else has not left (2.9.6). So the bye frame, which
   * says the same, gets a head start.
   */
  close(code: number, reason: string): void {
    setTimeout(() => {
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code, reason);
    }, LAST_WORDS_MS);
  }

  bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }
}
