/**
 * ISteamNetworkingMessages over a relay: send to a user, be asked, answer, part. Nobody connects or listens. Both players
 * are in this file to keep it short; in a game each is on a machine of its own.
 *
 *     npm start                                                         # a relay on 127.0.0.1:8787
 *     node --experimental-strip-types examples/networking-messages.ts [url]
 */
import { signTicket } from "../src/auth/index.ts";
import { connect } from "../src/client/index.ts";
import { NetworkingMessages, Result, SendFlag } from "../src/client/steam/index.ts";
import { readDevVars } from "../scripts/dev-vars.ts";

const [url = "http://127.0.0.1:8787"] = process.argv.slice(2);
const APP = 480;
const CHAT = 0;
const POSITIONS = 1;

/** Joins the relay. A game gets its ticket from its own backend, which alone has the secret. */
async function join(peer: string): Promise<{ peer: bigint; messages: NetworkingMessages; leave(): Promise<unknown> }> {
  const secret = process.env.TICKET_SECRET ?? readDevVars().TICKET_SECRET;
  if (!secret) throw new Error("There is no TICKET_SECRET in .dev.vars; `npm start` makes one");
  const relay = await connect({ url, app: APP, ticket: () => signTicket({ app: APP, peer }, secret) });
  return { peer: relay.peer, messages: new NetworkingMessages(relay), leave: () => relay.close() };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const [alice, bob] = await Promise.all([join("76561197960287930"), join("76561197960287931")]);
const finished = Promise.withResolvers<void>();

// Bob is asked before he hears anything. To do nothing would decline; so would closeSessionWithUser.
bob.messages.addEventListener("sessionRequest", ({ detail: { peer } }) => {
  console.log(`bob: ${peer} wants to talk`);
  bob.messages.acceptSessionWithUser(peer);
});

// Whether Alice reached anybody she learns when Bob answers, or here.
alice.messages.addEventListener("sessionFailed", ({ detail: { info } }) =>
  finished.reject(new Error(`alice: nobody talks to me (reason ${info.endReason})`)),
);

// Games poll once per frame, each channel on its own.
const frames = setInterval(() => {
  for (const { peer, data } of bob.messages.receiveMessagesOnChannel(POSITIONS, 32)) {
    console.log(`bob: ${peer} is at ${text(data)}`);
  }
  for (const { peer, data } of bob.messages.receiveMessagesOnChannel(CHAT, 32)) {
    console.log(`bob: "${text(data)}"`);
    if (text(data) === "Goodbye") finished.resolve();
    else bob.messages.sendMessageToUser(peer, bytes("Hello, Alice"), SendFlag.Reliable, CHAT);
  }
  for (const { peer, data, messageNumber } of alice.messages.receiveMessagesOnChannel(CHAT, 32)) {
    const { status } = alice.messages.getSessionConnectionInfo(peer);
    console.log(`alice: "${text(data)}" (message ${messageNumber}, ping ${status?.ping} ms)`);
    alice.messages.sendMessageToUser(peer, bytes("Goodbye"), SendFlag.Reliable, CHAT);
    alice.messages.closeSessionWithUser(peer); // what was sent reliably is delivered first
  }
}, 16);

// The first message opens the session. Until it is open everything is kept, and made reliable.
alice.messages.sendMessageToUser(bob.peer, bytes("12, 40"), SendFlag.UnreliableNoNagle, POSITIONS);
alice.messages.sendMessageToUser(bob.peer, bytes("Hello, Bob"), SendFlag.Reliable, CHAT);
const tooLarge = alice.messages.sendMessageToUser(bob.peer, new Uint8Array(600_000), SendFlag.Reliable, CHAT);
console.log(`alice: 600,000 bytes are refused: ${tooLarge === Result.InvalidParam}`);

await finished.promise;
clearInterval(frames);
await Promise.all([alice.leave(), bob.leave()]);
