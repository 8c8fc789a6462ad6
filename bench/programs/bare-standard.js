/** The same as bare.js with standard sockets, which keep the object in memory. */
import { DurableObject } from "cloudflare:workers";

export class Forwarder extends DurableObject {
  #sockets = [];

  fetch(request) {
    const peer = Number(new URL(request.url).searchParams.get("peer"));
    const { 0: client, 1: server } = new WebSocketPair();
    server.binaryType = "arraybuffer";
    server.accept();
    server.addEventListener("message", ({ data }) => this.#forward(server, data));
    server.addEventListener("close", () => {
      delete this.#sockets[peer];
      server.close();
    });
    this.#sockets[peer] = server;
    return new Response(null, { status: 101, webSocket: client });
  }

  #forward(from, message) {
    const view = new DataView(message);
    const first = view.getUint16(0, true);
    const end = first + view.getUint16(2, true);
    for (let peer = first; peer < end; peer++) {
      const to = this.#sockets[peer];
      if (to !== undefined && to !== from) to.send(message);
    }
  }
}

export default {
  fetch: (request, env) => env.FORWARDER.getByName("bench").fetch(request),
};
