/** The bare forwarder on Bun.serve. */
const sockets = [];

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request, server) {
    const peer = Number(new URL(request.url).searchParams.get("peer"));
    return server.upgrade(request, { data: peer }) ? undefined : new Response("upgrade required", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      sockets[socket.data] = socket;
    },
    message(from, message) {
      const first = message.readUInt16LE(0);
      const end = first + message.readUInt16LE(2);
      for (let peer = first; peer < end; peer++) {
        const to = sockets[peer];
        if (to !== undefined && to !== from) to.send(message);
      }
    },
    close(socket) {
      delete sockets[socket.data];
    },
  },
});
