/** The forwarder as one writes it with socket.io: an event with a binary payload to one socket. */
import { createServer } from "node:http";
import { Server } from "socket.io";

const sockets = [];
const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.on("connection", (from) => {
  const peer = Number(from.handshake.query.peer);
  sockets[peer] = from;
  from.on("p", (first, count, packet) => {
    for (let index = first; index < first + count; index++) {
      const to = sockets[index];
      if (to !== undefined && to !== from) to.emit("p", packet);
    }
  });
  from.on("disconnect", () => delete sockets[peer]);
});
http.listen(Number(process.argv[2]), "127.0.0.1");
