// What a user's project does with the packed package, in whatever runtime runs it. Plain JavaScript on purpose.
import { connect } from "edge-relay/client";
import { NetworkingMessages, SendFlag } from "edge-relay/client/steam";

const CHUNKS = 16;
const CHUNK_BYTES = 64 * 1024;

/** Says hello to `peer` over both layers, has a file echoed by it, and returns what came back, as JSON. */
export async function visit({ url, app, ticket, peer }) {
  const relay = await connect({ url, app, ticket });
  const reply = await greet(relay, BigInt(peer));
  const messages = new NetworkingMessages(relay);
  const result = messages.sendMessageToUser(BigInt(peer), new TextEncoder().encode("by name"), SendFlag.Reliable, 3);
  const file = await relayFile(relay, BigInt(peer));
  await relay.close();
  return JSON.stringify({ reply, result, ...file });
}

async function greet(relay, peer) {
  const connection = await relay.open(peer, { virtualPort: 5 });
  connection.send("hello from the package");
  for await (const { payload } of connection) {
    await connection.close({ debug: "greeted" });
    return new TextDecoder().decode(payload);
  }
}

/** The hashes of what was sent, and of what came back. */
async function relayFile(relay, peer) {
  const file = new Uint8Array(CHUNKS * CHUNK_BYTES);
  const chunks = Array.from({ length: CHUNKS }, (_, i) => file.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES));
  for (const chunk of chunks) crypto.getRandomValues(chunk);
  const connection = await relay.open(peer, { virtualPort: 6 });
  const writing = (async () => {
    for (const chunk of chunks) await connection.write(chunk);
  })();
  const echo = new Uint8Array(file.length);
  let size = 0;
  for await (const { payload } of connection) {
    echo.set(payload, size);
    size += payload.length;
    if (size >= file.length) break;
  }
  await writing;
  await connection.close({ debug: "relayed" });
  return { sent: await sha256(file), received: await sha256(echo) };
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).reduce(
    (text, byte) => text + byte.toString(16).padStart(2, "0"),
    "",
  );
}
