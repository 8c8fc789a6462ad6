/** The host of a room as clients see it (rules V1 to V8), on each runtime. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Hosting } from "../../src/client/hosting/index.ts";
import type { Host } from "../../src/client/hosting/index.ts";
import { type RelayClient, type RelayConnection, connect } from "../../src/client/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";
import { EventLog, newPeer } from "./context.ts";

const SETTINGS = JSON.stringify({ default: { joinsPerMinute: 0, hostAwayMs: 1_000, graceMs: 20_000 } });
let relay: RunningRelay;
beforeAll(async () => {
  relay = await RunningRelay.start({ APP_SETTINGS: SETTINGS });
});
afterAll(() => relay[Symbol.asyncDispose]());

let rooms = 0;
const newRoom = (): string => `hosting-${rooms++}`;

class Player implements AsyncDisposable {
  readonly client: RelayClient;
  readonly hosting: Hosting;
  readonly changes: EventLog<Host>;

  constructor(client: RelayClient) {
    this.client = client;
    this.hosting = new Hosting(client);
    this.changes = new EventLog<Host>(this.hosting, "hostChanged");
  }

  static async join(room: string, url = relay.url, peer = newPeer()): Promise<Player> {
    const ticket = (): Promise<string> => testTicket({ peer: String(peer), app: 480 });
    return new Player(await connect({ url, app: 480, room, ticket, timeoutMs: 2_000 }));
  }

  /** Resolves when this one has heard that `peer` hosts. */
  hears(peer: bigint | undefined): Promise<Host> {
    return this.changes.first((host) => host.peer === peer, 15_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}

/** The first of them hosts, the second is next in line, and all have heard. */
async function elect(...players: [Player, Player, ...Player[]]): Promise<Host> {
  const [first, second] = players;
  first.hosting.offer();
  await first.hears(first.client.peer);
  second.hosting.offer();
  const [host] = await Promise.all(players.map((player) => player.hears(first.client.peer)));
  return host as Host;
}

describe("the host", () => {
  test("[V2] [V5] is the first who offered, and all who follow hear of it", async () => {
    const room = newRoom();
    await using a = await Player.join(room);
    await using b = await Player.join(room);
    await using c = await Player.join(room);
    const { epoch } = await elect(a, b, c);
    expect([a, b, c].map(({ hosting }) => hosting.isHost)).toEqual([true, false, false]);
    expect(c.hosting.current).toEqual({ epoch, peer: a.client.peer });
    expect(await c.hosting.host()).toEqual({ epoch, peer: a.client.peer });
  });

  test("[V3] [V4] that leaves is replaced, in a greater epoch, and connections go to the next one", async () => {
    const room = newRoom();
    const a = await Player.join(room);
    await using b = await Player.join(room);
    await using c = await Player.join(room);
    const { epoch } = await elect(a, b, c);
    const listeners = [a, b].map((player) => player.hosting.listen({ virtualPort: 7 }));
    for (const listener of listeners) void acceptAll(listener);
    const first = await c.hosting.open({ virtualPort: 7 });
    expect(first.peer).toBe(a.client.peer);
    await a.client.close();
    const next = await c.hears(b.client.peer);
    expect(next.epoch).toBeGreaterThan(epoch);
    await b.hears(b.client.peer);
    expect((await first.closed).reason).toBe(5102);
    expect((await c.hosting.open({ virtualPort: 7 })).peer).toBe(b.client.peer);
  });

  test("[V7] a port of the host's is refused by who does not host", async () => {
    const room = newRoom();
    await using a = await Player.join(room);
    await using b = await Player.join(room);
    await elect(a, b);
    void acceptAll(b.hosting.listen({ virtualPort: 7 }));
    const refused = a.client.open(b.client.peer, { virtualPort: 7, timeoutMs: 500 });
    await expect(refused).rejects.toMatchObject({ code: "connect_timeout" });
  });

  test("[V1] that withdraws is replaced and goes on following; the last one leaves nobody", async () => {
    const room = newRoom();
    await using a = await Player.join(room);
    await using b = await Player.join(room);
    await elect(a, b);
    a.hosting.withdraw();
    const [next] = await Promise.all([a.hears(b.client.peer), b.hears(b.client.peer)]);
    b.hosting.close();
    await a.changes.first(({ epoch }) => epoch > next.epoch);
    expect(a.hosting.current?.peer).toBeUndefined();
    const waiting = a.hosting.host();
    a.hosting.offer();
    expect((await waiting).peer).toBe(a.client.peer);
  });

  test("[V4] that has another socket in time stays the host, in the same epoch", async () => {
    const room = newRoom();
    await using a = await Player.join(room);
    await using b = await Player.join(room);
    const { epoch } = await elect(a, b);
    const back = new EventLog(a.client, "reconnected");
    a.client.reconnect();
    await back.first();
    await expect.poll(() => a.hosting.isHost).toBe(true);
    expect(a.hosting.current?.epoch).toBe(epoch);
    expect(b.changes.all.at(-1)).toMatchObject({ epoch, peer: a.client.peer });
  });

  test("[V3] after kill -9 of the relay all agree again, on no older epoch", async () => {
    await using own = await RunningRelay.start({ APP_SETTINGS: SETTINGS });
    await using a = await Player.join("killed", own.url);
    await using b = await Player.join("killed", own.url);
    await using c = await Player.join("killed", own.url);
    const { epoch } = await elect(a, b, c);
    const back = [a, b, c].map(({ client }) => new EventLog(client, "reconnected"));
    await own.kill();
    await own.restart();
    await Promise.all(back.map((log) => log.first(undefined, 15_000)));
    const agreed = await Promise.all([a, b, c].map(({ hosting }) => hosting.host()));
    const newest = agreed.map((host) => host.epoch).reduce((x, y) => (x > y ? x : y));
    expect(newest).toBeGreaterThanOrEqual(epoch);
    await expect.poll(() => [a, b, c].filter(({ hosting }) => hosting.isHost).length).toBe(1);
    for (const { hosting } of [a, b, c]) await expect.poll(() => hosting.current?.epoch).toBe(a.hosting.current?.epoch);
  });

  test("an old client waits for a host in vain, and is told when it leaves", async () => {
    await using a = await Player.join(newRoom());
    const waiting = a.hosting.host();
    await a.client.close();
    await expect(waiting).rejects.toMatchObject({ code: "relay_closed" });
  });
});

async function acceptAll(listener: AsyncIterable<RelayConnection>): Promise<void> {
  for await (const connection of listener) await connection.accept().catch(() => undefined);
}
