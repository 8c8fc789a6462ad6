/** The forwarder as one writes it with PartyServer: connections by id, its broadcast for many. */
import { Server, routePartykitRequest } from "partyserver";

export class Relay extends Server {
  static options = { hibernate: true };

  onMessage(from, message) {
    const view = new DataView(message);
    const first = view.getUint16(0, true);
    const count = view.getUint16(2, true);
    if (count === 1) this.getConnection(String(first))?.send(message);
    else this.broadcast(message, [from.id]);
  }
}

export default {
  fetch: async (request, env) =>
    (await routePartykitRequest(request, env)) ?? new Response("not found", { status: 404 }),
};
