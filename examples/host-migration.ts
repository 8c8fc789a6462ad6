/**
 * A match that outlives its host: one of the players runs the world, and when he is gone another one goes on where he was.
 * All players are in this file to keep it short; in a game each is on a machine of its own.
 *
 *     npm start                                                    # a relay on 127.0.0.1:8787
 *     node --experimental-strip-types examples/host-migration.ts [url]
 */
import { signTicket } from "../src/auth/index.ts";
import { Groups } from "../src/client/groups/index.ts";
import { Hosting } from "../src/client/hosting/index.ts";
import { type RelayConnection, connect } from "../src/client/index.ts";
import { readDevVars } from "../scripts/dev-vars.ts";

const [url = "http://127.0.0.1:8787"] = process.argv.slice(2);
const APP = 480;
const room = `match-${process.pid}`;
const secret = process.env.TICKET_SECRET ?? readDevVars().TICKET_SECRET;
if (!secret) throw new Error("There is no TICKET_SECRET in .dev.vars; `npm start` makes one");

/** Steers one ship over one world. Whoever hosts moves the ship; everybody knows where it is, and could go on from there. */
async function play(name: string, peer: string) {
  const client = await connect({ url, app: APP, room, ticket: () => signTicket({ app: APP, peer, room }, secret!) });
  const hosting = new Hosting(client);
  const worlds = await new Groups(client).join("world").joined;
  let world = { epoch: 0n, distance: 0 };

  // What the host says of the world. A host that was replaced and does not know it yet is recognised by its epoch.
  void (async () => {
    for await (const { payload } of worlds) {
      const [epoch, distance] = new TextDecoder().decode(payload).split(" ");
      if (BigInt(epoch!) >= world.epoch) world = { epoch: BigInt(epoch!), distance: Number(distance) };
    }
  })();

  // While this player hosts: every command that arrives moves the ship, and the others are told in one message.
  const serve = async (helm: RelayConnection): Promise<void> => {
    await helm.accept();
    for await (const { payload } of helm) {
      world = { epoch: hosting.current!.epoch, distance: world.distance + payload[0]! };
      worlds.send(`${world.epoch} ${world.distance}`);
    }
  };
  void (async () => {
    for await (const helm of hosting.listen({ virtualPort: 1 })) void serve(helm);
  })();

  hosting.addEventListener("hostChanged", ({ detail: { peer: host, epoch } }) => {
    if (host === client.peer) console.log(`${name}: I host from epoch ${epoch} on, at distance ${world.distance}`);
  });
  return { client, hosting, worlds, distance: () => world.distance };
}

const alice = await play("alice", "76561197960287930");
alice.hosting.offer();
await alice.hosting.host();
const bob = await play("bob", "76561197960287931");
bob.hosting.offer();
const carol = await play("carol", "76561197960287932"); // never hosts

/** Carol steers: five steps to whoever hosts. */
async function steer(): Promise<void> {
  const helm = await carol.hosting.open({ virtualPort: 1 });
  const before = carol.distance();
  for (let step = 0; step < 5; step++) helm.send(Uint8Array.of(2));
  while (carol.distance() < before + 10) await new Promise((resolve) => setTimeout(resolve, 5));
  console.log(`carol: ${helm.peer === alice.client.peer ? "alice" : "bob"} took me to ${carol.distance()}`);
}

await steer();
const changed = new Promise((resolve) => carol.hosting.addEventListener("hostChanged", resolve, { once: true }));
await alice.client.close();
console.log("alice: I have to go");
await changed;
await steer();
await Promise.all([bob.client.close(), carol.client.close()]);
