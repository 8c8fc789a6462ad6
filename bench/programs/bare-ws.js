/** The bare forwarder on Node with the package ws. */
import { WebSocketServer } from "ws";

const sockets = [];
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false });

server.on("connection", (from, request) => {
  const peer = Number(new URL(request.url, "http://localhost").searchParams.get("peer"));
  sockets[peer] = from;
  from.on("message", (message) => {
    const first = message.readUInt16LE(0);
    const end = first + message.readUInt16LE(2);
    for (let index = first; index < end; index++) {
      const to = sockets[index];
      if (to !== undefined && to !== from) to.send(message);
    }
  });
  from.on("close", () => delete sockets[peer]);
});
