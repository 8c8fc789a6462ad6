/** [Q2] [Q3] Two real clients, one of them 100 ms from the relay: what operators see of their connection. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ConnectOptions, type RelayClient, connect } from "../../src/client/index.ts";
import { simulateNetwork } from "../../src/client/simulator/index.ts";
import type { ConnectionDetail } from "../../src/relay/connection-detail.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";

const LAG_MS = 100;
/** Busy machines make round trips longer, never shorter: timers of Node may ring a millisecond early. */
const LEAST_MS = 2 * LAG_MS - 5;
const MOST_MS = 10 * LAG_MS;

let relay: RunningRelay;
beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
});

async function join(peer: bigint, options: Partial<ConnectOptions> = {}): Promise<RelayClient> {
  return connect({ url: relay.url, app: 480, ticket: await testTicket({ peer: String(peer), app: 480 }), ...options });
}

/** Each end sends ten messages a second until this is disposed. */
function chatter(clients: readonly RelayClient[]): Disposable {
  const timer = setInterval(() => {
    for (const { connections } of clients) for (const one of connections) one.send("state", { reliable: false });
  }, 100);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

const detail = (id: bigint): Promise<ConnectionDetail> => relay.admin(`/apps/480/connections/${id}`);

test("both ends report a round trip of 200 ms, and a quality", async () => {
  const [far, near] = [await join(1n, simulateNetwork({ lagMs: LAG_MS })), await join(2n)];
  near.onIncoming({}, (incoming) => void incoming.accept());
  const connection = await far.open(2n);
  using _ = chatter([far, near]);
  const isKnown = async (): Promise<boolean> =>
    (await detail(connection.id)).ends.every(({ quality }) => quality?.local != null && quality.remote !== null);
  await expect.poll(isKnown, { timeout: 30_000, interval: 250 }).toBe(true);
  const { states, ends } = await detail(connection.id);
  expect(states.map(({ state }) => state)).toEqual(["Connecting", "Connected"]);
  for (const { presence, quality } of ends) {
    expect(presence).toBe("present");
    expect(quality?.pingMs).toBeGreaterThanOrEqual(LEAST_MS);
    expect(quality?.pingMs).toBeLessThan(MOST_MS);
    expect(quality?.local).toBeGreaterThan(0.5);
  }
  await Promise.all([far.close(), near.close()]);
});

test("who does not report is not known, and the other end is", async () => {
  const [silent, telling] = [await join(3n, { reportQuality: false }), await join(4n)];
  telling.onIncoming({}, (incoming) => void incoming.accept());
  const connection = await silent.open(4n);
  using _ = chatter([silent, telling]);
  const told = async (): Promise<boolean> => (await detail(connection.id)).ends[1].quality !== null;
  await expect.poll(told, { timeout: 30_000, interval: 250 }).toBe(true);
  expect((await detail(connection.id)).ends[0].quality).toBeNull();
  await Promise.all([silent.close(), telling.close()]);
});
