/** The least a Durable Object can do that forwards between hibernatable sockets. */
import { DurableObject } from "cloudflare:workers";

export class Forwarder extends DurableObject {
  #sockets = [];

  constructor(ctx, env) {
    super(ctx, env);
    for (const socket of ctx.getWebSockets()) this.#sockets[socket.deserializeAttachment()] = socket;
  }

  fetch(request) {
    const peer = Number(new URL(request.url).searchParams.get("peer"));
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment(peer);
    this.#sockets[peer] = server;
    return new Response(null, { status: 101, webSocket: client });
  }

  /** `u16 first · u16 count` of the destinations, and the packet. */
  webSocketMessage(from, message) {
    const view = new DataView(message);
    const first = view.getUint16(0, true);
    const end = first + view.getUint16(2, true);
    for (let peer = first; peer < end; peer++) {
      const to = this.#sockets[peer];
      if (to !== undefined && to !== from) to.send(message);
    }
  }

  webSocketClose(socket) {
    delete this.#sockets[socket.deserializeAttachment()];
    socket.close();
  }
}

export default {
  fetch: (request, env) => env.FORWARDER.getByName("bench").fetch(request),
};
