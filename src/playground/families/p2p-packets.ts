/** The P2P packets of `ISteamNetworking`: a session opens by sending, and is accepted by sending back. */
import { ConnectionType, type RelayClient } from "../../client/index.ts";
import { P2PNetworking, P2PSend } from "../../client/steam/index.ts";
import { type Family, type Link, type LinkEvents, everyFrame } from "./family.ts";

const CHANNEL = 0;

function link(relay: RelayClient, peer: bigint, { message, ended }: LinkEvents): Link {
  const p2p = new P2PNetworking(relay);
  p2p.addEventListener("p2pSessionRequest", ({ detail }) => {
    if (detail.peer === peer) p2p.acceptP2PSessionWithUser(peer);
  });
  p2p.addEventListener("p2pSessionConnectFail", ({ detail: { error } }) => ended(`error ${error}`));
  const stop = everyFrame(() => {
    for (let packet = p2p.readWholeP2PPacket(CHANNEL); packet; packet = p2p.readWholeP2PPacket(CHANNEL)) {
      message(packet.data);
    }
  });
  return {
    send: (bytes, isReliable) =>
      p2p.sendP2PPacket(peer, bytes, isReliable ? P2PSend.Reliable : P2PSend.Unreliable, CHANNEL),
    close() {
      stop();
      p2p.close();
    },
  };
}

export const p2pPackets: Family = {
  id: "p2p",
  title: "ISteamNetworking, P2P packets",
  type: ConnectionType.NetworkPb,
  maxPacket: 1_200,
  sample: {
    imports: 'import { P2PNetworking, P2PSend } from "edge-relay/client/steam";\n',
    call: "const p2p = new P2PNetworking(relay); // the first packet opens the session",
    wait: `const p2p = new P2PNetworking(relay);
p2p.addEventListener("p2pSessionRequest", ({ detail: { peer } }) => p2p.acceptP2PSessionWithUser(peer));`,
    send: `p2p.sendP2PPacket(PEERn, BYTES, P2PSend.RELIABLE, ${CHANNEL});`,
    receive: `const packet = p2p.readWholeP2PPacket(${CHANNEL});
if (packet) received(packet.data);`,
  },
  call: link,
  wait: link,
};
