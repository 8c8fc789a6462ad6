// What a user's project does with the packed package, in whatever runtime runs it. Plain JavaScript on purpose.
import { connect } from "edge-relay/client";
import { NetworkingMessages, SendFlag } from "edge-relay/client/steam";

/** Says hello to `peer` over both layers and returns what came back. */
export async function greet({ url, app, ticket, peer }) {
  const relay = await connect({ url, app, ticket });
  const connection = await relay.open(BigInt(peer), { virtualPort: 5 });
  connection.send("hello from the package");
  let reply = "";
  for await (const { payload } of connection) {
    reply = new TextDecoder().decode(payload);
    break;
  }
  const messages = new NetworkingMessages(relay);
  const result = messages.sendMessageToUser(BigInt(peer), new TextEncoder().encode("by name"), SendFlag.Reliable, 3);
  await connection.close({ debug: "greeted" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await relay.close();
  return `${reply} ${result}`;
}
