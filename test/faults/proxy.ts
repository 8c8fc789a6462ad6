/** One client's way to the relay, over TCP on 127.0.0.1: to be cut, frozen, or made slow. */
import { type Server, type Socket, connect, createServer } from "node:net";

interface Pair {
  readonly client: Socket;
  readonly relay: Socket;
  /** Nothing passes any more, and neither side learns of it. */
  isFrozen: boolean;
}

export class Proxy {
  readonly url: string;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  /** Nothing is read from the relay: what it sends to this client stays with it. */
  #isStalled = false;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async to(relayUrl: string): Promise<Proxy> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (!address || typeof address === "string") throw new Error("the proxy has no port");
    const proxy = new Proxy(server, address.port);
    const port = Number(new URL(relayUrl).port);
    server.on("connection", (client) => proxy.#forward(client, connect({ port, host: "127.0.0.1", noDelay: true })));
    return proxy;
  }

  get openPairs(): number {
    return [...this.#pairs].filter(({ isFrozen }) => !isFrozen).length;
  }

  /** RST in both directions. Returns how many were cut. */
  cut(): number {
    const pairs = [...this.#pairs].filter(({ isFrozen }) => !isFrozen);
    for (const pair of pairs) reset(pair);
    return pairs.length;
  }

  /** What is open now goes on looking open, and carries nothing. New ones are as good as ever. */
  freeze(): number {
    const pairs = [...this.#pairs].filter(({ isFrozen }) => !isFrozen);
    for (const pair of pairs) {
      pair.isFrozen = true;
      pair.client.pause();
      pair.relay.pause();
    }
    return pairs.length;
  }

  /** Frozen ones end at last, as when a router forgets them. */
  thaw(): void {
    for (const pair of [...this.#pairs]) if (pair.isFrozen) reset(pair);
  }

  stall(): void {
    this.#isStalled = true;
    for (const { relay } of this.#pairs) relay.pause();
  }

  unstall(): void {
    this.#isStalled = false;
    for (const { relay, client, isFrozen } of this.#pairs) if (!isFrozen && !client.writableNeedDrain) relay.resume();
  }

  async close(): Promise<void> {
    for (const pair of [...this.#pairs]) reset(pair);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(client: Socket, relay: Socket): void {
    const pair: Pair = { client, relay, isFrozen: false };
    this.#pairs.add(pair);
    this.#pump(pair, client, relay);
    this.#pump(pair, relay, client);
    if (this.#isStalled) relay.pause();
    for (const socket of [client, relay]) {
      socket.on("error", () => undefined); // its close event follows
      socket.on("close", () => this.#gone(pair));
    }
  }

  #pump(pair: Pair, from: Socket, to: Socket): void {
    from.on("data", (chunk) => {
      if (!to.write(chunk)) from.pause();
    });
    to.on("drain", () => {
      if (!pair.isFrozen && !(this.#isStalled && from === pair.relay)) from.resume();
    });
    from.on("end", () => {
      if (!pair.isFrozen) to.end();
    });
  }

  #gone(pair: Pair): void {
    if (pair.isFrozen) return; // the other side is not to know
    this.#pairs.delete(pair);
    pair.client.destroy();
    pair.relay.destroy();
  }
}

function reset(pair: Pair): void {
  pair.isFrozen = false;
  for (const socket of [pair.client, pair.relay]) {
    if (!socket.destroyed) socket.resetAndDestroy();
  }
}
