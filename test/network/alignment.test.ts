/** [T3] [T4] Game loops of real clients that begin at moments of their own, led together by a real relay. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RelayClient, connect } from "../../src/client/index.ts";
import { type Ticker, createTicker } from "../../src/client/ticker/index.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";

const PERIOD_MS = 40;
const PEERS = [1n, 2n, 3n, 4n];

let relay: RunningRelay;
beforeAll(async () => {
  const settings = { default: { joinsPerMinute: 0, paceIntervalMs: 1_000 } };
  relay = await RunningRelay.start({ APP_SETTINGS: JSON.stringify(settings) });
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function join(peer: bigint): Promise<RelayClient> {
  return connect({ url: relay.url, app: 480, ticket: await testTicket({ peer: String(peer), app: 480 }) });
}

/** Everybody is connected to everybody. */
async function mesh(): Promise<RelayClient[]> {
  const clients = await Promise.all(PEERS.map(join));
  for (const client of clients) client.onIncoming({}, (connection) => void connection.accept());
  const pairs = clients.flatMap((from, i) => clients.slice(i + 1).map((to) => from.open(to.peer)));
  await Promise.all(pairs);
  return clients;
}

interface Loop {
  readonly ticker: Ticker;
  /** When the last 15 ticks came; the machine makes single ones late. */
  readonly phases: readonly number[];
}

function play(client: RelayClient): Loop {
  const phases: number[] = [];
  const ticker = createTicker(client, 1000 / PERIOD_MS, () => {
    phases.push(performance.now() % PERIOD_MS);
    if (phases.length > 15) phases.shift();
    for (const connection of client.connections) connection.send("where I am", { reliable: false });
  });
  return { ticker, phases };
}

/** The direction that these phases point to on average, as a phase. */
function middle(phases: readonly number[]): number {
  const turn = (2 * Math.PI) / PERIOD_MS;
  const [sin, cos] = [Math.sin, Math.cos].map((part) => phases.reduce((sum, at) => sum + part(at * turn), 0));
  return Math.atan2(sin ?? 0, cos ?? 0) / turn;
}

/** ms within which all of them tick. */
function spread(loops: readonly Loop[]): number {
  const phases = loops.map((loop) => (middle(loop.phases) + PERIOD_MS) % PERIOD_MS).toSorted((a, b) => a - b);
  const gaps = phases.map((at, i) => (phases[i + 1] ?? (phases[0] ?? 0) + PERIOD_MS) - at);
  return PERIOD_MS - Math.max(...gaps);
}

test("four loops a quarter of a period apart come together", async () => {
  const clients = await mesh();
  const loops: Loop[] = [];
  for (const client of clients) {
    loops.push(play(client));
    await sleep(PERIOD_MS / 4);
  }
  await expect.poll(() => loops.some(({ ticker }) => ticker.movedMs !== 0), { timeout: 45_000 }).toBe(true);
  await expect.poll(() => spread(loops), { timeout: 45_000, interval: 250 }).toBeLessThan(PERIOD_MS / 6);
  await Promise.all(clients.map((client) => client.close()));
});
