/** `edge-relay/client` itself: connections that are iterated. */
import { ConnectionType, type RelayClient, type RelayConnection, RelayError } from "../../client/index.ts";
import type { Family, Link, LinkEvents } from "./family.ts";

const PORT = 7;

function call(relay: RelayClient, peer: bigint, events: LinkEvents): Link {
  return linkTo(relay.begin(peer, { virtualPort: PORT }), events);
}

function wait(relay: RelayClient, peer: bigint, events: LinkEvents): Link {
  let link: Link | undefined;
  const stop = relay.onIncoming({ virtualPort: PORT }, (connection, isRepeated) => {
    if (isRepeated) return;
    if (connection.peer !== peer) return connection.refuse();
    void connection.accept().catch(() => undefined); // `closed` says why
    link = linkTo(connection, events);
  });
  return {
    send: (bytes, isReliable) => link?.send(bytes, isReliable) ?? false,
    close() {
      stop();
      link?.close();
    },
  };
}

function linkTo(connection: RelayConnection, { message, ended }: LinkEvents): Link {
  void (async () => {
    for await (const { payload } of connection) message(payload);
    const { reason, debug } = await connection.closed;
    ended(`reason ${reason}${debug ? `, "${debug}"` : ""}`);
  })();
  return {
    send(bytes, reliable) {
      try {
        connection.send(bytes, { reliable });
        return true;
      } catch (error) {
        if (error instanceof RelayError) return false;
        throw error;
      }
    },
    close: () => void connection.close(),
  };
}

export const core: Family = {
  id: "core",
  title: "edge-relay/client",
  type: ConnectionType.NetworkingSockets,
  maxPacket: 16_000,
  sample: {
    imports: "",
    call: `const connection = await relay.open(PEERn, { virtualPort: ${PORT} });`,
    wait: `let connection;
for await (connection of relay.listen({ virtualPort: ${PORT} })) if (connection.peer === PEERn) break;
await connection.accept();`,
    send: "connection.send(BYTES, { reliable: RELIABLE });",
    receive: "for await (const { payload } of connection) received(payload);",
  },
  call,
  wait,
};
