/** The forwarder as a Colyseus room without a state: messages of type "p", as bytes. */
import { Room, Server } from "@colyseus/core";
import { WebSocketTransport } from "@colyseus/ws-transport";

class Relay extends Room {
  patchRate = null;
  autoDispose = false;
  seatReservationTimeout = 120;
  #clients = [];

  onCreate() {
    this.onMessageBytes("p", (from, message) => {
      const first = message.readUInt16LE(0);
      const end = first + message.readUInt16LE(2);
      for (let peer = first; peer < end; peer++) {
        const to = this.#clients[peer];
        if (to !== undefined && to !== from) to.sendBytes("p", message);
      }
    });
  }

  onJoin(client, { peer }) {
    client.userData = peer;
    this.#clients[peer] = client;
  }

  onLeave({ userData }) {
    delete this.#clients[userData];
  }
}

const server = new Server({ greet: false, transport: new WebSocketTransport() });
server.define("relay", Relay);
await server.listen(Number(process.argv[2]), "127.0.0.1");
