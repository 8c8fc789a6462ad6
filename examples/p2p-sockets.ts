/**
 * The P2P sockets of ISteamNetworking over a relay: listen, connect, send, destroy. Both players are in this file to keep
 * it short; in a game each is on a machine of its own.
 *
 *     npm start                                                 # a relay on 127.0.0.1:8787
 *     node --experimental-strip-types examples/p2p-sockets.ts [url]
 */
import { signTicket } from "../src/auth/index.ts";
import { connect } from "../src/client/index.ts";
import { P2PSockets, SocketState } from "../src/client/steam/index.ts";
import { readDevVars } from "../scripts/dev-vars.ts";

const [url = "http://127.0.0.1:8787"] = process.argv.slice(2);
const APP = 480;
const VIRTUAL_PORT = 27;
const TIMEOUT_SECONDS = 10;

/** Joins the relay. A game gets its ticket from its own backend, which alone has the secret. */
async function join(peer: string): Promise<{ peer: bigint; sockets: P2PSockets; leave(): Promise<unknown> }> {
  const secret = process.env.TICKET_SECRET ?? readDevVars().TICKET_SECRET;
  if (!secret) throw new Error("There is no TICKET_SECRET in .dev.vars; `npm start` makes one");
  const relay = await connect({ url, app: APP, ticket: () => signTicket({ app: APP, peer }, secret) });
  return { peer: relay.peer, sockets: new P2PSockets(relay), leave: () => relay.close() };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const [alice, bob] = await Promise.all([join("76561197960287930"), join("76561197960287931")]);
const finished = Promise.withResolvers<void>();

// Bob listens. Sockets that come in need no accepting: the first he hears of one is that it is connected.
const listenSocket = bob.sockets.createListenSocket(VIRTUAL_PORT);
bob.sockets.addEventListener("socketStatus", ({ detail: { socket, peer, state } }) => {
  if (state === SocketState.Connected) {
    console.log(`bob: ${peer} is connected`);
    bob.sockets.sendDataOnSocket(socket, bytes("Hello, Alice"), true);
  } else if (state === SocketState.RemoteEndDisconnected) {
    hear(); // what arrived before can be read until the socket is destroyed, which it has to be in the end
    console.log(`bob: ${peer} has left`);
    bob.sockets.destroySocket(socket, false);
  }
});

const buffer = new Uint8Array(1200);
/** What came in through the listen socket, on any socket. */
function hear(): void {
  for (;;) {
    const data = bob.sockets.retrieveData(listenSocket, buffer);
    if (!data) return;
    console.log(`bob: "${text(buffer.subarray(0, data.size))}" on socket ${data.socket}`);
  }
}

// Alice connects.
const socket = alice.sockets.createP2PConnectionSocket(bob.peer, VIRTUAL_PORT, TIMEOUT_SECONDS);
alice.sockets.addEventListener("socketStatus", ({ detail: { state } }) => {
  console.log(`alice: my socket is in state ${state}`);
  if (state === SocketState.LocalDisconnect) finished.resolve(); // Bob's end has answered
  if (state === SocketState.TimeoutDuringConnect) finished.reject(new Error("alice: nobody answers"));
});

// Games poll once per frame.
const frames = setInterval(() => {
  const size = alice.sockets.retrieveDataFromSocket(socket, buffer);
  if (size !== undefined) {
    console.log(`alice: "${text(buffer.subarray(0, size))}"`);
    alice.sockets.sendDataOnSocket(socket, bytes("position 12, 40"), false);
    alice.sockets.sendDataOnSocket(socket, bytes("Goodbye, Bob"), true);
    alice.sockets.destroySocket(socket, true); // the goodbye is delivered first
  }
  hear();
}, 16);

await finished.promise;
clearInterval(frames);
await Promise.all([alice.leave(), bob.leave()]);
