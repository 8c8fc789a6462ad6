/** The P2P sockets of `ISteamNetworking`: whoever connects to a listen socket is in. */
import { ConnectionType, type RelayClient } from "../../client/index.ts";
import { MAX_SOCKET_PACKET, P2PSockets, SocketState } from "../../client/steam/index.ts";
import { type Family, type Link, type LinkEvents, everyFrame } from "./family.ts";

const PORT = 9;
const TIMEOUT_SECONDS = 10;
const OVER: readonly SocketState[] = [
  SocketState.LocalDisconnect,
  SocketState.TimeoutDuringConnect,
  SocketState.RemoteEndDisconnected,
  SocketState.ConnectionBroken,
];

function call(relay: RelayClient, peer: bigint, events: LinkEvents): Link {
  const sockets = new P2PSockets(relay);
  return linkTo(sockets, sockets.createP2PConnectionSocket(peer, PORT, TIMEOUT_SECONDS), events);
}

function wait(relay: RelayClient, peer: bigint, events: LinkEvents): Link {
  const sockets = new P2PSockets(relay);
  let link: Link | undefined;
  sockets.createListenSocket(PORT);
  sockets.addEventListener("socketStatus", ({ detail }) => {
    if (detail.state !== SocketState.Connected) return;
    if (detail.peer === peer) link = linkTo(sockets, detail.socket, events);
    else sockets.destroySocket(detail.socket, true);
  });
  return {
    send: (bytes, isReliable) => link?.send(bytes, isReliable) ?? false,
    close: () => sockets.close(),
  };
}

function linkTo(sockets: P2PSockets, socket: number, { message, ended }: LinkEvents): Link {
  const poll = (): void => {
    for (let data = next(); data; data = next()) message(data);
  };
  const next = (): Uint8Array | undefined => sockets.retrieveWholeDataFromSocket(socket);
  const stop = everyFrame(poll);
  sockets.addEventListener("socketStatus", ({ detail }) => {
    if (detail.socket !== socket || !OVER.includes(detail.state)) return;
    poll();
    stop();
    sockets.destroySocket(socket, false);
    ended(`socket state ${detail.state}`);
  });
  return {
    send: (bytes, isReliable) => sockets.sendDataOnSocket(socket, bytes, isReliable),
    close() {
      stop();
      sockets.close();
    },
  };
}

export const p2pSockets: Family = {
  id: "p2p-sockets",
  title: "ISteamNetworking, sockets",
  type: ConnectionType.NetworkOld,
  maxPacket: MAX_SOCKET_PACKET,
  sample: {
    imports: 'import { P2PSockets } from "edge-relay/client/steam";\n',
    call: `const sockets = new P2PSockets(relay);
const socket = sockets.createP2PConnectionSocket(PEERn, ${PORT}, ${TIMEOUT_SECONDS});`,
    wait: `const sockets = new P2PSockets(relay);
sockets.createListenSocket(${PORT}); // "socketStatus" tells of sockets that come in`,
    send: "sockets.sendDataOnSocket(socket, BYTES, RELIABLE);",
    receive: `const data = sockets.retrieveWholeDataFromSocket(socket);
if (data) received(data);`,
  },
  call,
  wait,
};
