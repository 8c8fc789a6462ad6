/** An app's own room is divided anew under traffic, by the real client: nobody notices but by a short absence (docs/shards.md). */
import { describe, expect, test } from "vitest";
import { type RelayClient, connect } from "../../src/client/index.ts";
import { RunningRelay, TEST_ADMIN_TOKEN } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";
import { type Pair, outlive, until } from "../support/traffic.ts";

const PEERS = 16;
/** Each peer asks the peers so many seats further on. */
const DISTANCES = [1, 5];
const GRACE_MS = 30_000;
const FIRST_PEER = 76_561_197_960_287_930n;

interface Statistics {
  readonly activeConnections: number;
  readonly peers: number;
  readonly totalPackets: number;
}

/** What each client has gone through. */
interface Life {
  readonly client: RelayClient;
  /** ms of each absence. */
  readonly absences: number[];
  readonly endings: string[];
}

async function live(relay: RunningRelay, index: number): Promise<Life> {
  const peer = FIRST_PEER + BigInt(index);
  const ticket = async () => testTicket({ peer: String(peer) });
  const client = await connect({ url: relay.url, app: 480, ticket });
  const life: Life = { client, absences: [], endings: [] };
  let since: number | undefined;
  client.addEventListener("reconnecting", () => void (since ??= performance.now()));
  client.addEventListener("reconnected", ({ detail: { isResumed } }) => {
    life.absences.push(performance.now() - (since ?? performance.now()));
    since = undefined;
    if (!isResumed) life.endings.push("a fresh session");
  });
  client.addEventListener("closed", ({ detail: { code, reason } }) => life.endings.push(`closed ${code} ${reason}`));
  return life;
}

async function join(lives: readonly Life[]): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (const [port, distance] of DISTANCES.entries()) {
    const listeners = lives.map(({ client }) => client.listen({ virtualPort: port }));
    for (const [index, life] of lives.entries()) {
      const other = (index + distance) % lives.length;
      const { client } = lives[other]!;
      const opening = life.client.open(client.peer, { virtualPort: port });
      // oxlint-disable-next-line no-await-in-loop -- so that each knows whose it is
      const { value: to } = await listeners[other]![Symbol.asyncIterator]().next();
      // oxlint-disable-next-line no-await-in-loop -- as above
      await to!.accept();
      // oxlint-disable-next-line no-await-in-loop -- as above
      const from = await opening;
      const pair: Pair = { clients: [life.client, client], from, to: to!, sent: 0, received: [] };
      to!.onMessage(({ payload }) => pair.received.push(Number(new TextDecoder().decode(payload))));
      for (const connection of [from, to!]) {
        void connection.closed.then(({ reason, debug }) => life.endings.push(`${reason} ${debug}`));
      }
      pairs.push(pair);
    }
  }
  return pairs;
}

async function divide(relay: RunningRelay, shards: number): Promise<void> {
  const headers = { authorization: `Bearer ${TEST_ADMIN_TOKEN}` };
  const body = JSON.stringify({ shards });
  const response = await fetch(`${relay.url}/v1/admin/apps/480/settings`, { method: "PUT", headers, body });
  expect(response.status).toBe(200);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** All are in again, each where it belongs. */
async function settled(lives: readonly Life[], before: number): Promise<void> {
  const all = () => lives.every(({ client }) => client.status === "connected");
  await sleep(before);
  await until("everybody is back", all);
}

function report(lives: readonly Life[], steps: string): void {
  const all = lives.flatMap(({ absences }) => absences).toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(all[Math.floor(share * (all.length - 1))] ?? 0);
  console.log(`${steps}: ${all.length} absences, median ${at(0.5)} ms, longest ${at(1)} ms`);
}

function check(lives: readonly Life[]): void {
  expect(lives.flatMap(({ endings }) => endings)).toEqual([]);
  for (const { absences } of lives) for (const ms of absences) expect(ms).toBeLessThan(GRACE_MS);
}

async function leave(lives: readonly Life[]): Promise<void> {
  await Promise.all(lives.map(({ client }) => client.close()));
}

describe("an app's own room under traffic", () => {
  test("[SH3] 1 → 4 → 2 → 1 shards: no session and no connection ends, nothing is lost, repeated or out of order", async () => {
    const settings = JSON.stringify({ default: { joinsPerMinute: 0, graceMs: GRACE_MS } });
    await using relay = await RunningRelay.start({ APP_SETTINGS: settings });
    const lives = await Promise.all(Array.from({ length: PEERS }, async (_, index) => live(relay, index)));
    const pairs = await join(lives);
    await outlive(pairs, async () => {
      for (const shards of [4, 2, 1]) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await divide(relay, shards);
        // oxlint-disable-next-line no-await-in-loop -- as above
        await settled(lives, 2_500);
        if (shards !== 4) continue;
        // oxlint-disable-next-line no-await-in-loop -- as above
        const { peers, activeConnections } = await relay.admin<Statistics>("/apps/480/statistics");
        expect(peers).toBe(PEERS);
        expect(activeConnections).toBeGreaterThan(pairs.length); // halves, where the ends are in two shards
        // oxlint-disable-next-line no-await-in-loop -- as above
        expect((await relay.admin<{ total: number }>("/apps/480/peers?limit=1")).total).toBe(PEERS);
      }
    });
    report(lives, "1 → 4 → 2 → 1");
    check(lives);
    expect(Math.min(...lives.map(({ absences }) => absences.length))).toBeGreaterThanOrEqual(2);
    const { activeConnections, peers } = await relay.admin<Statistics>("/apps/480/statistics");
    expect({ activeConnections, peers }).toEqual({ activeConnections: pairs.length, peers: PEERS });
    await leave(lives);
  }, 90_000);

  test("[SH5] kill -9 in the middle of it: sessions and connections go on all the same", async () => {
    const settings = JSON.stringify({ default: { joinsPerMinute: 0, graceMs: GRACE_MS } });
    await using relay = await RunningRelay.start({ APP_SETTINGS: settings });
    const lives = await Promise.all(Array.from({ length: PEERS }, async (_, index) => live(relay, index)));
    const pairs = await join(lives);
    await outlive(pairs, async () => {
      await divide(relay, 4);
      await sleep(60);
      await relay.kill();
      await relay.restart();
      await settled(lives, 5_000);
    });
    report(lives, "1 → 4, killed");
    check(lives);
    await leave(lives);
  }, 90_000);
});
