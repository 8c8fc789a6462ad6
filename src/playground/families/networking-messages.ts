/** `ISteamNetworkingMessages`: no connections, only users to send to. */
import { ConnectionType, type RelayClient } from "../../client/index.ts";
import { NetworkingMessages, Result, SendFlag } from "../../client/steam/index.ts";
import { type Family, type Link, type LinkEvents, everyFrame } from "./family.ts";

const CHANNEL = 0;
const MOST_PER_FRAME = 256;

function link(relay: RelayClient, peer: bigint, { message, ended }: LinkEvents): Link {
  const messages = new NetworkingMessages(relay);
  messages.addEventListener("sessionRequest", ({ detail }) => {
    if (detail.peer === peer) messages.acceptSessionWithUser(peer);
  });
  messages.addEventListener("sessionFailed", ({ detail: { info } }) => ended(`reason ${info.endReason}`));
  const stop = everyFrame(() => {
    for (const { data } of messages.receiveMessagesOnChannel(CHANNEL, MOST_PER_FRAME)) message(data);
  });
  return {
    send(bytes, isReliable) {
      const flags = isReliable ? SendFlag.Reliable : SendFlag.Unreliable;
      return messages.sendMessageToUser(peer, bytes, flags, CHANNEL) === Result.OK;
    },
    close() {
      stop();
      messages.close();
    },
  };
}

export const networkingMessages: Family = {
  id: "messages",
  title: "ISteamNetworkingMessages",
  type: ConnectionType.NetworkingMessages,
  maxPacket: 16_000,
  sample: {
    imports: 'import { NetworkingMessages, SendFlag } from "edge-relay/client/steam";\n',
    call: "const messages = new NetworkingMessages(relay); // the first message opens the session",
    wait: `const messages = new NetworkingMessages(relay);
messages.addEventListener("sessionRequest", ({ detail: { peer } }) => messages.acceptSessionWithUser(peer));`,
    send: `messages.sendMessageToUser(PEERn, BYTES, SendFlag.RELIABLE, ${CHANNEL});`,
    receive: `for (const { data } of messages.receiveMessagesOnChannel(${CHANNEL}, 32)) received(data);`,
  },
  call: link,
  wait: link,
};
