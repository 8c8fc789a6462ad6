/** The load of bench/stalled-reader.ts, in a process of its own: the peer that stops reading, and most of its senders. */
import { LeanPeer, message, pace } from "./lean-peer.ts";
import { type LoadOrder, MESSAGES_PER_SECOND, payloads } from "./stalled-reader-load-order.ts";

const order = JSON.parse(process.argv[2] ?? "{}") as LoadOrder;
const target = BigInt(order.target);

const reader = await LeanPeer.join(order.url, target);
reader.isWelcoming = true;
const senders: { peer: LeanPeer; messages: readonly Buffer[] }[] = [];
for (let i = 0; i < order.senders; i++) {
  const peer = await LeanPeer.join(order.url, BigInt(order.firstPeer) + BigInt(i));
  const handle = await peer.open(target);
  senders.push({ peer, messages: payloads(handle, order.isMixed).map(message) });
}

let stop = (): void => undefined;
process.on("message", (word) => {
  if (word === "go") stop = pace(senders, MESSAGES_PER_SECOND);
  if (word === "stall") reader.raw.tcp.pause();
  if (word === "stop") {
    stop();
    process.send!({ bytesRead: reader.bytesRead });
    process.disconnect();
    setImmediate(() => process.exit(0));
  }
});
process.send!("ready");
