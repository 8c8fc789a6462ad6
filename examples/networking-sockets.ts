/**
 * ISteamNetworkingSockets over a relay: listen, connect, two lanes, status, close. Both players are in this file to keep it
 * short; in a game each is on a machine of its own.
 *
 *     npm start                                                        # a relay on 127.0.0.1:8787
 *     node --experimental-strip-types examples/networking-sockets.ts [url]
 */
import { signTicket } from "../src/auth/index.ts";
import { connect } from "../src/client/index.ts";
import { NetworkingSockets, Result, SendFlag, SteamConnectionState } from "../src/client/steam/index.ts";
import { readDevVars } from "../scripts/dev-vars.ts";

const [url = "http://127.0.0.1:8787"] = process.argv.slice(2);
const APP = 480;
const VIRTUAL_PORT = 7;
const CHAT = 0;
const DOWNLOAD = 1;

/** Joins the relay. A game gets its ticket from its own backend, which alone has the secret. */
async function join(peer: string): Promise<{ peer: bigint; sockets: NetworkingSockets; leave(): Promise<unknown> }> {
  const secret = process.env.TICKET_SECRET ?? readDevVars().TICKET_SECRET;
  if (!secret) throw new Error("There is no TICKET_SECRET in .dev.vars; `npm start` makes one");
  const relay = await connect({ url, app: APP, ticket: () => signTicket({ app: APP, peer }, secret) });
  return { peer: relay.peer, sockets: new NetworkingSockets(relay), leave: () => relay.close() };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const [alice, bob] = await Promise.all([join("76561197960287930"), join("76561197960287931")]);
const finished = Promise.withResolvers<void>();

// Bob listens, accepts whoever comes, answers each chat line, and closes his end when Alice has closed hers.
bob.sockets.createListenSocketP2P(VIRTUAL_PORT);
const players = bob.sockets.createPollGroup();

bob.sockets.addEventListener("connectionStatusChanged", ({ detail: { connection, info } }) => {
  if (info.state === SteamConnectionState.Connecting) {
    console.log(`bob: ${info.peer} wants to connect`);
    bob.sockets.acceptConnection(connection);
    bob.sockets.setConnectionPollGroup(connection, players);
  } else if (info.state === SteamConnectionState.ClosedByPeer) {
    console.log(`bob: closed with reason ${info.endReason}, "${info.endDebug}"`);
    bob.sockets.closeConnection(connection);
    finished.resolve();
  }
});

// Games poll once per frame.
const frames = setInterval(() => {
  for (const { connection, lane, data } of bob.sockets.receiveMessagesOnPollGroup(players, 32) ?? []) {
    console.log(`bob: ${lane === CHAT ? `"${text(data)}"` : `${data.length} bytes`} on lane ${lane}`);
    if (lane === CHAT) bob.sockets.sendMessageToConnection(connection, bytes("Hello, Alice"), SendFlag.Reliable);
  }
  for (const { data } of alice.sockets.receiveMessagesOnConnection(toBob, 32) ?? []) {
    const { status } = alice.sockets.getConnectionRealTimeStatus(toBob);
    console.log(`alice: "${text(data)}" (ping ${status?.ping} ms)`);
    alice.sockets.closeConnection(toBob, 1000, "good game", true); // linger: the download is delivered first
  }
}, 16);

// Alice connects. Chat goes before the download, however much of that waits; reliable messages may be sent at once.
alice.sockets.addEventListener("connectionStatusChanged", ({ detail: { info } }) => {
  const isOver = info.state === SteamConnectionState.ProblemDetectedLocally;
  if (isOver) finished.reject(new Error(`alice: the connection ended with reason ${info.endReason} ${info.endDebug}`));
});
const toBob = alice.sockets.connectP2P(bob.peer, VIRTUAL_PORT);
alice.sockets.configureConnectionLanes(toBob, [0, 1]);
const [download, chat] = alice.sockets.sendMessages([
  { connection: toBob, data: new Uint8Array(300_000), flags: SendFlag.Reliable, lane: DOWNLOAD },
  { connection: toBob, data: bytes("Hello, Bob"), flags: SendFlag.ReliableNoNagle, lane: CHAT },
]);
console.log(`alice: sent number ${chat} on the chat lane, number ${download} on the download lane`);
const tooLarge = alice.sockets.sendMessageToConnection(toBob, new Uint8Array(600_000), SendFlag.Reliable);
console.log(`alice: 600,000 bytes are refused: ${tooLarge.result === Result.InvalidParam}`);

await finished.promise;
clearInterval(frames);
await Promise.all([alice.leave(), bob.leave()]);
