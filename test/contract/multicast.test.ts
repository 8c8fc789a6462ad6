/** What goes to several connections alike travels to the relay once (rule D4), whichever layer it was sent with. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RelayClient, type RelayConnection, connect } from "../../src/client/index.ts";
import { multicast } from "../../src/client/multicast/index.ts";
import { NetworkingSockets, SendFlag } from "../../src/client/steam/index.ts";
import { FrameType } from "../../src/protocol/index.ts";
import { walk } from "../support/frames.ts";
import { RunningRelay } from "../support/running-relay.ts";
import { testTicket } from "../support/tickets.ts";
import { newPeer, pattern, until } from "./context.ts";

let relay: RunningRelay;
beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(() => relay[Symbol.asyncDispose]());

/** What the sending client has put on its socket. */
const sent: Uint8Array[] = [];
class Spy extends WebSocket {
  override send(data: Parameters<WebSocket["send"]>[0]): void {
    if (typeof data !== "string") sent.push(new Uint8Array(data as ArrayBuffer).slice());
    super.send(data);
  }
}

async function join(options: { readonly WebSocket?: typeof WebSocket } = {}): Promise<RelayClient> {
  const peer = newPeer();
  return connect({ url: relay.url, app: 480, ticket: await testTicket({ peer: String(peer), app: 480 }), ...options });
}

/** A client that sends, and five that each have accepted a connection from it. */
async function scene() {
  const [from, ...others] = await Promise.all([join({ WebSocket: Spy }), ...Array.from({ length: 5 }, () => join())]);
  multicast(from);
  const received: RelayConnection[] = [];
  for (const other of others) {
    other.onIncoming({ virtualPort: 1 }, (connection) => {
      received.push(connection);
      void connection.accept();
    });
  }
  return {
    from,
    others,
    received,
    [Symbol.asyncDispose]: async () => void (await Promise.all([from, ...others].map((client) => client.close()))),
  };
}

function framesSent(): { data: number; multicasts: number } {
  const types = sent.splice(0).flatMap((message) => walk(message).map(({ type }) => type));
  const count = (wanted: number): number => types.filter((type) => type === wanted).length;
  return { data: count(FrameType.Data), multicasts: count(FrameType.Multicast) };
}

async function read(connection: RelayConnection, count: number): Promise<Uint8Array[]> {
  const payloads: Uint8Array[] = [];
  for await (const { payload } of connection) if (payloads.push(payload) === count) break;
  return payloads;
}

test("[D4] [D8] reliable and unreliable messages of connections, each in one frame, come whole and in order", async () => {
  await using stage = await scene();
  const connections = await Promise.all(stage.others.map(({ peer }) => stage.from.open(peer, { virtualPort: 1 })));
  sent.length = 0;
  const payloads = [pattern(10), pattern(500), pattern(20), pattern(0)];
  payloads.forEach((payload, index) => {
    for (const connection of connections) connection.send(payload, { reliable: index % 2 === 0, noNagle: true });
  });
  for (const connection of stage.received) expect(await read(connection, 4)).toEqual(payloads);
  expect(framesSent()).toEqual({ data: 0, multicasts: 4 });
});

test("[D4] Steam's SendMessages to many, of which one gets something else", async () => {
  await using stage = await scene();
  const sockets = new NetworkingSockets(stage.from);
  const handles = stage.others.map(({ peer }) => sockets.connectP2P(peer, 1));
  await until(() => stage.received.length === 5 && stage.received.every(({ state }) => state === 1), "all connected");
  await until(() => handles.every((handle) => sockets.getConnectionInfo(handle)?.state === 3), "all are told");
  sent.length = 0;
  const data = pattern(300);
  const flags = SendFlag.ReliableNoNagle;
  const messages = handles.map((connection, index) => ({ connection, data: index === 4 ? pattern(7) : data, flags }));
  expect(sockets.sendMessages(messages)).toEqual([1n, 1n, 1n, 1n, 1n]);
  const sizes = await Promise.all(stage.received.map(async (connection) => (await read(connection, 1))[0]?.length));
  expect(sizes.toSorted()).toEqual([300, 300, 300, 300, 7]);
  expect(framesSent()).toEqual({ data: 1, multicasts: 1 });
});
