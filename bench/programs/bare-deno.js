/** The bare forwarder on Deno.serve, which has no option for compression: it grants it to who asks, and the load does not. */
const sockets = [];

function forward(from, message) {
  const view = new DataView(message);
  const first = view.getUint16(0, true);
  const end = first + view.getUint16(2, true);
  for (let peer = first; peer < end; peer++) {
    const to = sockets[peer];
    if (to !== undefined && to !== from) to.send(message);
  }
}

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} }, (request) => {
  if (request.headers.get("upgrade") !== "websocket") return new Response("upgrade required", { status: 426 });
  const peer = Number(new URL(request.url).searchParams.get("peer"));
  const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
  socket.binaryType = "arraybuffer";
  socket.onopen = () => (sockets[peer] = socket);
  socket.onmessage = ({ data }) => forward(socket, data);
  socket.onclose = () => delete sockets[peer];
  return response;
});
