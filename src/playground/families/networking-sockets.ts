/** `ISteamNetworkingSockets`: listen, connect, handles, polling. */
import { ConnectionType, type RelayClient } from "../../client/index.ts";
import { NetworkingSockets, Result, SendFlag, SteamConnectionState } from "../../client/steam/index.ts";
import { type Family, type Link, type LinkEvents, everyFrame } from "./family.ts";

const PORT = 8;
const MOST_PER_FRAME = 256;

function call(relay: RelayClient, peer: bigint, events: LinkEvents): Link {
  const sockets = new NetworkingSockets(relay);
  return linkTo(sockets, sockets.connectP2P(peer, PORT), events);
}

function wait(relay: RelayClient, peer: bigint, events: LinkEvents): Link {
  const sockets = new NetworkingSockets(relay);
  let link: Link | undefined;
  sockets.addEventListener("connectionStatusChanged", ({ detail: { connection, info } }) => {
    if (info.state !== SteamConnectionState.Connecting || info.listenSocket === 0) return;
    if (info.peer !== peer || sockets.acceptConnection(connection) !== Result.OK) sockets.closeConnection(connection);
    else link = linkTo(sockets, connection, events);
  });
  sockets.createListenSocketP2P(PORT);
  return {
    send: (bytes, isReliable) => link?.send(bytes, isReliable) ?? false,
    close: () => sockets.close(),
  };
}

function linkTo(sockets: NetworkingSockets, connection: number, { message, ended }: LinkEvents): Link {
  const poll = (): void => {
    for (const { data } of sockets.receiveMessagesOnConnection(connection, MOST_PER_FRAME) ?? []) message(data);
  };
  const stop = everyFrame(poll);
  sockets.addEventListener("connectionStatusChanged", ({ detail }) => {
    const { state, endReason, endDebug } = detail.info;
    const isOver = state === SteamConnectionState.ClosedByPeer || state === SteamConnectionState.ProblemDetectedLocally;
    if (detail.connection !== connection || !isOver) return;
    poll(); // what arrived before can be read until the handle is closed
    stop();
    sockets.closeConnection(connection);
    ended(`reason ${endReason}, "${endDebug}"`);
  });
  return {
    send(bytes, isReliable) {
      const flags = isReliable ? SendFlag.Reliable : SendFlag.Unreliable;
      return sockets.sendMessageToConnection(connection, bytes, flags).result === Result.OK;
    },
    close() {
      stop();
      sockets.close();
    },
  };
}

export const networkingSockets: Family = {
  id: "sockets",
  title: "ISteamNetworkingSockets",
  type: ConnectionType.NetworkingSockets,
  maxPacket: 16_000,
  sample: {
    imports: 'import { NetworkingSockets, SendFlag } from "edge-relay/client/steam";\n',
    call: `const sockets = new NetworkingSockets(relay);
const connection = sockets.connectP2P(PEERn, ${PORT});`,
    wait: `const sockets = new NetworkingSockets(relay);
sockets.addEventListener("connectionStatusChanged", ({ detail: { connection, info } }) => {
  if (info.state === SteamConnectionState.Connecting) sockets.acceptConnection(connection);
});
sockets.createListenSocketP2P(${PORT});`,
    send: "sockets.sendMessageToConnection(connection, BYTES, SendFlag.RELIABLE);",
    receive: "for (const { data } of sockets.receiveMessagesOnConnection(connection, 32) ?? []) received(data);",
  },
  call,
  wait,
};
