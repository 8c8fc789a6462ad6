/** Pairs of clients that send all the while, for tests in which something breaks under them. */
import { expect } from "vitest";
import { type RelayClient, type RelayConnection, connect } from "../../src/client/index.ts";
import { testTicket } from "./tickets.ts";

export interface Pair {
  readonly clients: readonly [RelayClient, RelayClient];
  readonly from: RelayConnection;
  readonly to: RelayConnection;
  sent: number;
  readonly received: number[];
}

export type Join = (peer: number) => Promise<RelayClient>;

/** As any client would. */
export function joiningAt(url: string): Join {
  return async (peer) => connect({ url, app: 480, ticket: await testTicket({ peer: String(peer) }) });
}

/** Two peers of their own for each index, and a connection that the second has accepted. */
export async function newPair(join: Join, index: number): Promise<Pair> {
  const [a, b] = await Promise.all([join(2 * index + 1), join(2 * index + 2)]);
  const listener = b.listen();
  const opening = a.open(b.peer);
  const { value: to } = await listener[Symbol.asyncIterator]().next();
  if (!to) throw new Error("nobody came");
  await to.accept();
  const pair: Pair = { clients: [a, b], from: await opening, to, sent: 0, received: [] };
  void (async () => {
    for await (const { payload } of to) pair.received.push(Number(new TextDecoder().decode(payload)));
  })();
  return pair;
}

/** Reliable messages all the while, until they are told to stop; all of them have to arrive, once, in order. */
function keepSending(pairs: readonly Pair[]): () => void {
  const timer = setInterval(() => {
    for (const pair of pairs) pair.from.send(String(pair.sent++));
  }, 20);
  return () => clearInterval(timer);
}

/** `interrupt` ends when what it broke is mended: what was sent before, meanwhile and after must arrive, once, in order. */
export async function outlive(pairs: readonly Pair[], interrupt: () => Promise<void>): Promise<void> {
  const stopSending = keepSending(pairs);
  await until("traffic", () => pairs.every(({ received }) => received.length > 30));
  await interrupt();
  const before = pairs.map(({ received }) => received.length);
  await until("traffic afterwards", () => pairs.every(({ received }, i) => received.length > before[i]! + 30));
  stopSending();
  await until("all of it", () => pairs.every(({ received, sent }) => received.length >= sent));
  for (const { received, sent } of pairs) expect(received).toEqual(Array.from({ length: sent }, (_, number) => number));
}

export async function leave(pairs: readonly Pair[]): Promise<void> {
  await Promise.all(pairs.flatMap(({ clients }) => clients.map((client) => client.close())));
}

export async function until(what: string, isSo: () => boolean, deadlineMs = 30_000): Promise<void> {
  for (const deadline = Date.now() + deadlineMs; !isSo();) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
