/**
 * The P2P packets of ISteamNetworking over a relay: the four ways to send, a request, a goodbye. Both players are in this
 * file to keep it short; in a game each is on a machine of its own.
 *
 *     npm start                                                    # a relay on 127.0.0.1:8787
 *     node --experimental-strip-types examples/p2p-networking.ts [url]
 */
import { signTicket } from "../src/auth/index.ts";
import { connect } from "../src/client/index.ts";
import { P2PNetworking, P2PSend } from "../src/client/steam/index.ts";
import { readDevVars } from "../scripts/dev-vars.ts";

const [url = "http://127.0.0.1:8787"] = process.argv.slice(2);
const APP = 480;
const GAME = 0;
const VOICE = 1;

/** Joins the relay. A game gets its ticket from its own backend, which alone has the secret. */
async function join(peer: string): Promise<{ peer: bigint; p2p: P2PNetworking; leave(): Promise<unknown> }> {
  const secret = process.env.TICKET_SECRET ?? readDevVars().TICKET_SECRET;
  if (!secret) throw new Error("There is no TICKET_SECRET in .dev.vars; `npm start` makes one");
  const relay = await connect({ url, app: APP, ticket: () => signTicket({ app: APP, peer }, secret) });
  return { peer: relay.peer, p2p: new P2PNetworking(relay), leave: () => relay.close() };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const [alice, bob] = await Promise.all([join("76561197960287930"), join("76561197960287931")]);
const finished = Promise.withResolvers<void>();

bob.p2p.addEventListener("p2pSessionRequest", ({ detail: { peer } }) => {
  console.log(`bob: ${peer} sends me packets`);
  bob.p2p.acceptP2PSessionWithUser(peer); // to send something back would do as well
});
alice.p2p.addEventListener("p2pSessionConnectFail", ({ detail: { error } }) =>
  finished.reject(new Error(`alice: nobody there (error ${error})`)),
);

/** Takes the next packet of a channel into a buffer of one's own, the way Steam's games do it. */
const buffer = new Uint8Array(4096);
function read({ p2p }: { p2p: P2PNetworking }, channel: number): string | undefined {
  const packet = p2p.readP2PPacket(buffer, channel);
  return packet && text(buffer.subarray(0, packet.size));
}

// Games poll once per frame.
const frames = setInterval(() => {
  for (let what = read(bob, VOICE); what !== undefined; what = read(bob, VOICE)) console.log(`bob hears "${what}"`);
  for (let what = read(bob, GAME); what !== undefined; what = read(bob, GAME)) {
    console.log(`bob: "${what}"`);
    if (what === "level done") bob.p2p.sendP2PPacket(alice.peer, bytes("well done"), P2PSend.Reliable, GAME);
    if (what === "goodbye") finished.resolve();
  }
  const answer = read(alice, GAME);
  if (answer === undefined) return;
  const state = alice.p2p.getP2PSessionState(bob.peer);
  console.log(`alice: "${answer}" (active: ${state?.connectionActive}, through the relay: ${state?.usingRelay})`);
  alice.p2p.sendP2PPacket(bob.peer, bytes("lalala"), P2PSend.UnreliableNoDelay, VOICE);
  alice.p2p.sendP2PPacket(bob.peer, bytes("goodbye"), P2PSend.Reliable, GAME);
  alice.p2p.closeP2PSessionWithUser(bob.peer); // the goodbye is delivered first
}, 16);

// The first packet opens the session. These wait for it ...
alice.p2p.sendP2PPacket(bob.peer, bytes("at 12, 40"), P2PSend.Unreliable, GAME);
alice.p2p.sendP2PPacket(bob.peer, bytes("a coin"), P2PSend.ReliableWithBuffering, GAME);
alice.p2p.sendP2PPacket(bob.peer, bytes("level done"), P2PSend.Reliable, GAME);
// ... and this is dropped without it, because voice that comes late is of no use.
alice.p2p.sendP2PPacket(bob.peer, bytes("too early"), P2PSend.UnreliableNoDelay, VOICE);

await finished.promise;
clearInterval(frames);
await Promise.all([alice.leave(), bob.leave()]);
