/** NetworkingSockets end to end, against a relay in a process of its own: the semantics that are easy to get wrong. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type RelayClient, connect } from "../../../src/client/index.ts";
import { streamOf } from "../../../src/client/message-stream.ts";
import {
  type ConfigOptions,
  type ConnectionHandle,
  type ConnectionStatusChanged,
  type NetworkingMessage,
  NetworkingSockets,
  Result,
  SendFlag,
  SteamConnectionState as State,
} from "../../../src/client/steam/index.ts";
import { RunningRelay } from "../../support/running-relay.ts";
import { testTicket } from "../../support/tickets.ts";

let relay: RunningRelay;
let nextPeer = 76561197960400000n;
const clients: RelayClient[] = [];

beforeAll(async () => {
  relay = await RunningRelay.start();
});
afterAll(() => relay[Symbol.asyncDispose]());
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

/** A peer that remembers what it was told. */
class Peer extends NetworkingSockets {
  readonly id: bigint;
  readonly client: RelayClient;
  readonly events: ConnectionStatusChanged[] = [];

  constructor(client: RelayClient) {
    super(client);
    this.client = client;
    this.id = client.peer;
    this.addEventListener("connectionStatusChanged", ({ detail }) => this.events.push(detail));
  }

  static async join(url = relay.url): Promise<Peer> {
    const ticket = await testTicket({ peer: String(nextPeer++) });
    const client = await connect({ url, app: 480, ticket });
    clients.push(client);
    return new Peer(client);
  }

  /** `[old, new]` of each change of a connection. */
  changes(connection: ConnectionHandle): [State, State][] {
    return this.events
      .filter((event) => event.connection === connection)
      .map(({ oldState, info }) => [oldState, info.state]);
  }

  /** The first change to this state, of this connection or any. */
  reached(state: State, connection?: ConnectionHandle): Promise<ConnectionStatusChanged> {
    return until(() =>
      this.events.find(
        (event) => event.info.state === state && (connection === undefined || event.connection === connection),
      ),
    );
  }

  async read(connection: ConnectionHandle, count: number): Promise<NetworkingMessage[]> {
    const messages: NetworkingMessage[] = [];
    await until(() => {
      messages.push(...(this.receiveMessagesOnConnection(connection, count - messages.length) ?? []));
      return messages.length >= count || undefined;
    });
    return messages;
  }
}

async function until<T>(get: () => T | undefined, ms = 5000): Promise<T> {
  for (const deadline = performance.now() + ms; ;) {
    const value = get();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error("it did not happen in time");
    await pause(5);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface Pair {
  readonly a: Peer;
  readonly b: Peer;
  readonly toB: ConnectionHandle;
  readonly toA: ConnectionHandle;
  readonly socket: number;
}

async function pair(options: ConfigOptions = {}, listenOptions: ConfigOptions = {}): Promise<Pair> {
  const [a, b] = await Promise.all([Peer.join(), Peer.join()]);
  const socket = b.createListenSocketP2P(7, listenOptions);
  const toB = a.connectP2P(b.id, 7, options);
  const { connection: toA } = await b.reached(State.Connecting);
  expect(b.acceptConnection(toA)).toBe(Result.OK);
  await Promise.all([a.reached(State.Connected), b.reached(State.Connected)]);
  return { a, b, toB, toA, socket };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = ({ data }: NetworkingMessage): string => new TextDecoder().decode(data);

describe("the state machine", () => {
  test("every change is told, in order, after the call, as a snapshot", async () => {
    const [a, b] = await Promise.all([Peer.join(), Peer.join()]);
    const socket = b.createListenSocketP2P(7);
    const toB = a.connectP2P(b.id, 7);
    expect(a.events).toEqual([]); // not inside the call
    await Promise.resolve();
    expect(a.changes(toB)).toEqual([[State.None, State.Connecting]]);
    const { connection: toA, info } = await b.reached(State.Connecting);
    expect(info).toMatchObject({ peer: a.id, listenSocket: socket, virtualPort: 7, userData: -1n, flags: 16 | 2 });
    expect(b.acceptConnection(toA)).toBe(Result.OK);
    expect(b.acceptConnection(toA)).toBe(Result.InvalidState);
    await Promise.all([a.reached(State.Connected), b.reached(State.Connected)]);
    expect(() => Object.assign(info, { state: State.Dead })).toThrow(TypeError);
    expect(b.closeConnection(toA, 1042, "bye")).toBe(true);
    const closed = await a.reached(State.ClosedByPeer);
    expect(closed).toMatchObject({ oldState: State.Connected, info: { endReason: 1042, endDebug: "bye" } });
    expect(a.closeConnection(toB, 1555, "not the reason any more")).toBe(true);
    await pause(0);
    expect(a.changes(toB)).toEqual([
      [State.None, State.Connecting],
      [State.Connecting, State.Connected],
      [State.Connected, State.ClosedByPeer],
      [State.ClosedByPeer, State.None],
    ]);
    expect(b.changes(toA).at(-1)).toEqual([State.Connected, State.None]);
    expect(b.events.at(-1)?.info).toMatchObject({ endReason: 1042, endDebug: "bye" });
    expect(a.events.at(-1)?.info).toMatchObject({ endReason: 1042, endDebug: "bye" });
    expect(a.events[0]?.info).toMatchObject({ state: State.Connecting, endReason: 0, endDebug: "", listenSocket: 0 });
    expect([a.closeConnection(toB), a.getConnectionInfo(toB), a.acceptConnection(toB)]).toEqual([
      false,
      undefined,
      Result.InvalidParam,
    ]);
  });

  test("reasons out of range become 1999, debug texts are cut between characters", async () => {
    const { a, b, toB, toA } = await pair();
    a.closeConnection(toB, 3000, "mine");
    expect((await b.reached(State.ClosedByPeer)).info).toMatchObject({
      endReason: 1999,
      endDebug: "Invalid numeric reason code",
    });
    expect(a.events.at(-1)?.info).toMatchObject({ endReason: 1999, endDebug: "Invalid numeric reason code" });
    b.closeConnection(toA);
    const again = b.connectP2P(a.id, 9);
    b.closeConnection(again, 0, `x${"é".repeat(100)}`);
    await pause(0);
    expect(b.events.at(-1)?.info).toMatchObject({ endReason: 1000, endDebug: `x${"é".repeat(63)}` });
  });

  test("nobody listens, nobody accepts: nothing surfaces, and the asker times out", async () => {
    const [a, b] = await Promise.all([Peer.join(), Peer.join()]);
    b.createListenSocketP2P(8);
    a.connectP2P(b.id, 7, { timeoutInitialMs: 300 });
    a.connectP2P(b.id, 8, { timeoutInitialMs: 300 });
    await until(() => (a.events.length === 4 && b.events.length === 2) || undefined);
    for (const { oldState, info } of a.events.slice(2)) {
      expect([oldState, info.state, info.endReason]).toEqual([State.Connecting, State.ProblemDetectedLocally, 5003]);
    }
    expect(b.events.map(({ oldState, info }) => [oldState, info.state, info.virtualPort])).toEqual([
      [State.None, State.Connecting, 8],
      [State.Connecting, State.ProblemDetectedLocally, 8],
    ]);
  });

  test("a lost relay is a problem detected locally, at both ends", async () => {
    await using own = await RunningRelay.start({ APP_SETTINGS: JSON.stringify({ default: { graceMs: 500 } }) });
    const [a, b] = await Promise.all([Peer.join(own.url), Peer.join(own.url)]);
    b.createListenSocketP2P(0);
    const toB = a.connectP2P(b.id, 0);
    b.acceptConnection((await b.reached(State.Connecting)).connection);
    await a.reached(State.Connected);
    await own.kill();
    await a.reached(State.FindingRoute);
    for (const peer of [a, b]) expect((await peer.reached(State.ProblemDetectedLocally)).info.endReason).toBe(5107);
    expect(a.sendMessageToConnection(toB, bytes("x"), SendFlag.Reliable).result).toBe(Result.NoConnection);
    expect(a.connectP2P(b.id, 1)).toBe(0);
  });

  test("closing a listen socket closes what came in through it, and refuses what waits", async () => {
    const { a, b, toA, socket } = await pair();
    const c = await Peer.join();
    c.connectP2P(b.id, 7, { timeoutInitialMs: 400 });
    await until(() => b.events.find(({ info }) => info.peer === c.id));
    expect(b.closeListenSocket(socket)).toBe(true);
    expect(b.closeListenSocket(socket)).toBe(false);
    expect(b.getConnectionInfo(toA)).toBeUndefined();
    expect((await a.reached(State.ClosedByPeer)).info.endReason).toBe(1000);
    expect((await c.reached(State.ProblemDetectedLocally)).info.endReason).toBe(5003); // as if nobody were there
    expect(b.createListenSocketP2P(7)).toBeGreaterThan(0);
    expect([b.createListenSocketP2P(7), b.createListenSocketP2P(1000), b.createListenSocketP2P(0.5)]).toEqual([
      0, 0, 0,
    ]);
  });
});

describe("two peers, one connection per port", () => {
  test("simultaneous symmetric connects are one connection, which nobody has to accept", async () => {
    const [a, b] = await Promise.all([Peer.join(), Peer.join()]);
    for (const peer of [a, b]) peer.createListenSocketP2P(7, { symmetricConnect: true });
    const toB = a.connectP2P(b.id, 7, { symmetricConnect: true });
    const toA = b.connectP2P(a.id, 7, { symmetricConnect: true });
    await Promise.all([a.reached(State.Connected), b.reached(State.Connected)]);
    expect([a.changes(toB).length, b.changes(toA).length, a.events.length, b.events.length]).toEqual([2, 2, 2, 2]);
    expect([a.acceptConnection(toB), b.acceptConnection(toA)]).toEqual([
      Result.DuplicateRequest,
      Result.DuplicateRequest,
    ]);
    expect(a.connectP2P(b.id, 7, { symmetricConnect: true })).toBe(toB);
    expect(a.connectP2P(b.id, 7)).toBe(0);
  });

  test("connecting to a peer whose connect is pending accepts it", async () => {
    const [a, b] = await Promise.all([Peer.join(), Peer.join()]);
    b.createListenSocketP2P(7);
    a.connectP2P(b.id, 7);
    const { connection } = await b.reached(State.Connecting);
    expect(b.connectP2P(a.id, 7)).toBe(connection);
    expect(b.acceptConnection(connection)).toBe(Result.DuplicateRequest);
    await a.reached(State.Connected);
  });

  test("connecting again right after closing makes a new connection", async () => {
    const [a, b] = await Promise.all([Peer.join(), Peer.join()]);
    b.createListenSocketP2P(7);
    const first = a.connectP2P(b.id, 7);
    a.sendMessageToConnection(first, bytes("discarded"), SendFlag.Reliable);
    a.closeConnection(first); // before the relay has even answered
    const second = a.connectP2P(b.id, 7);
    expect(second).not.toBe(first);
    a.sendMessageToConnection(second, bytes("kept"), SendFlag.Reliable);
    await b.reached(State.Connecting);
    await until(() => b.events.every(({ connection }) => b.acceptConnection(connection) || true) || undefined);
    await a.reached(State.Connected, second);
    const toA = (await b.reached(State.Connected)).connection;
    expect((await b.read(toA, 1)).map(text)).toEqual(["kept"]);
    a.closeConnection(second);
    const third = a.connectP2P(b.id, 7);
    const { connection } = await until(() =>
      b.events.find((e) => e.info.state === State.Connecting && e.connection > toA),
    );
    expect(b.getConnectionInfo(toA)?.state).toBe(State.ClosedByPeer);
    expect(b.acceptConnection(connection)).toBe(Result.OK);
    await a.reached(State.Connected, third);
  });
});

describe("messages", () => {
  test("while connecting, reliable ones are kept and unreliable ones dropped; numbers count both", async () => {
    const [a, b] = await Promise.all([Peer.join(), Peer.join()]);
    b.createListenSocketP2P(7);
    const toB = a.connectP2P(b.id, 7);
    const send = (what: string, flags: number) => a.sendMessageToConnection(toB, bytes(what), flags);
    expect(send("1", SendFlag.Reliable)).toEqual({ result: Result.OK, messageNumber: 1n });
    expect(send("2", SendFlag.Unreliable)).toEqual({ result: Result.OK, messageNumber: 2n });
    expect(send("-", SendFlag.UnreliableNoDelay)).toEqual({ result: Result.Ignored, messageNumber: 0n });
    expect(send("3", SendFlag.ReliableNoNagle)).toEqual({ result: Result.OK, messageNumber: 3n });
    expect(a.flushMessagesOnConnection(toB)).toBe(Result.Ignored);
    const { connection: toA } = await b.reached(State.Connecting);
    b.acceptConnection(toA);
    await a.reached(State.Connected);
    expect(send("4", SendFlag.UnreliableNoDelay)).toEqual({ result: Result.OK, messageNumber: 4n });
    expect(a.flushMessagesOnConnection(toB)).toBe(Result.OK);
    const messages = await b.read(toA, 3);
    expect(messages.map((message) => [text(message), message.messageNumber, message.flags])).toEqual([
      ["1", 1n, SendFlag.Reliable],
      ["3", 3n, SendFlag.Reliable],
      ["4", 4n, SendFlag.Unreliable],
    ]);
    expect(messages[0]).toMatchObject({ connection: toA, peer: a.id, connectionUserData: -1n, lane: 0 });
  });

  test("refusals are results", async () => {
    const { a, b, toB, toA } = await pair({ sendBufferSize: 4096 });
    const send = (connection: number, size: number, lane = 0) =>
      a.sendMessages([{ connection, data: new Uint8Array(size), flags: SendFlag.Reliable, lane }])[0];
    expect([send(999, 1), send(toB, 512 * 1024 + 1), send(toB, 1, 1), send(toB, 4097)]).toEqual([-8n, -8n, -8n, -25n]);
    const each = { data: bytes("x"), flags: SendFlag.Reliable };
    const tooLarge = { ...each, data: new Uint8Array(4097) };
    expect(
      a.sendMessages([
        { ...each, connection: toB },
        { ...tooLarge, connection: toB },
        { ...each, connection: 999 },
        { ...each, connection: toB },
      ]),
    ).toEqual([1n, -25n, -8n, 0n]);
    expect(() => a.sendMessageToConnection(toB, "text" as never, 8)).toThrow(TypeError);
    expect(() => a.connectP2P(5 as never, 0)).toThrow(TypeError);
    b.closeConnection(toA);
    await a.reached(State.ClosedByPeer);
    expect([send(toB, 1), a.flushMessagesOnConnection(toB), a.configureConnectionLanes(toB, [0])]).toEqual([
      -3n,
      3,
      11,
    ]);
  });

  test("a connection that the application closes behind our back takes nothing more", async () => {
    const { a, b, toB } = await pair();
    a.sendMessageToConnection(toB, new Uint8Array(1000), SendFlag.Reliable);
    const closing = a.client.connections[0]?.close();
    expect(a.sendMessageToConnection(toB, bytes("x"), SendFlag.Reliable).result).toBe(Result.InvalidState);
    await closing;
    expect((await a.reached(State.ProblemDetectedLocally)).info.endReason).toBe(1000);
    expect((await b.reached(State.ClosedByPeer)).info.endReason).toBe(1000);
  });

  test("linger delivers; what arrived stays readable until the handle is closed", async () => {
    const { a, b, toB, toA } = await pair();
    for (let i = 1; i <= 200; i++) a.sendMessageToConnection(toB, new Uint8Array(2000), SendFlag.Reliable);
    a.closeConnection(toB, 1001, "done", true);
    expect(a.getConnectionInfo(toB)).toBeUndefined();
    expect((await b.reached(State.ClosedByPeer)).info).toMatchObject({ endReason: 1001, endDebug: "done" });
    expect(b.receiveMessagesOnConnection(toA, 150)?.length).toBe(150);
    expect(b.receiveMessagesOnConnection(toA, 150)?.at(-1)?.messageNumber).toBe(200n);
    expect(b.receiveMessagesOnConnection(toA, 150)).toEqual([]);
    b.closeConnection(toA);
    expect(b.receiveMessagesOnConnection(toA, 1)).toBeUndefined();
  });

  test("a message above the receiver's limit ends the connection", async () => {
    const { a, b, toB } = await pair({}, { recvMaxMessageSize: 1000 });
    a.sendMessageToConnection(toB, new Uint8Array(1001), SendFlag.Reliable);
    expect((await b.reached(State.ProblemDetectedLocally)).info.endReason).toBe(2000);
    expect((await a.reached(State.ClosedByPeer)).info.endReason).toBe(2000);
  });

  test("lanes count for themselves; they can be added, not removed", async () => {
    const { a, b, toB, toA } = await pair();
    expect(a.configureConnectionLanes(toB, [1, 0], [1, 0xffff])).toBe(Result.OK);
    const refused = [[0], [], Array.from({ length: 256 }, () => 0), [0, 0.5]];
    expect(refused.map((priorities) => a.configureConnectionLanes(toB, priorities))).toEqual([8, 8, 8, 8]);
    expect(
      [[1, 0], [1, 65_536], [1], [1, 1.5]].map((weights) => a.configureConnectionLanes(toB, [0, 0], weights)),
    ).toEqual([8, 8, 8, 8]);
    expect(a.configureConnectionLanes(99, [0])).toBe(Result.NoConnection);
    const each = { connection: toB, flags: SendFlag.Reliable };
    expect(
      a.sendMessages([
        { ...each, data: bytes("low"), lane: 0 },
        { ...each, data: bytes("high 1"), lane: 1 },
        { ...each, data: bytes("high 2"), lane: 1 },
      ]),
    ).toEqual([1n, 1n, 2n]);
    const { result, status, lanes } = a.getConnectionRealTimeStatus(toB, 2);
    expect([result, status?.pendingReliable, lanes?.map((lane) => lane.pendingReliable)]).toEqual([1, 15, [3, 12]]);
    expect(a.getConnectionRealTimeStatus(toB, 3).result).toBe(Result.InvalidParam);
    expect(a.getConnectionRealTimeStatus(99)).toEqual({ result: Result.NoConnection });
    const messages = await b.read(toA, 3);
    expect(messages.map((message) => `${text(message)} ${message.lane} ${message.messageNumber}`)).toEqual([
      "high 1 1 1",
      "high 2 1 2",
      "low 0 1",
    ]);
    await until(() => (a.getConnectionRealTimeStatus(toB).status?.ping ?? -1) >= 0 || undefined);
  });

  test("poll groups take what waits along, and keep each connection's order", async () => {
    const { a, b, toB, toA } = await pair({}, { connectionUserData: 5n });
    const c = await Peer.join();
    const fromC = c.connectP2P(b.id, 7);
    const { connection: toC } = await until(() => b.events.find(({ info }) => info.peer === c.id));
    b.acceptConnection(toC);
    await c.reached(State.Connected);
    const send = async (peer: Peer, connection: number, what: string): Promise<void> => {
      peer.sendMessageToConnection(connection, bytes(what), SendFlag.ReliableNoNagle);
      await pause(50);
    };
    const group = b.createPollGroup();
    expect([b.setConnectionPollGroup(toC, group), b.setConnectionPollGroup(toC, 999)]).toEqual([true, false]);
    await send(a, toB, "a1");
    await send(c, fromC, "c1");
    await send(a, toB, "a2");
    b.setConnectionUserData(toA, 6n);
    expect(b.setConnectionPollGroup(toA, group)).toBe(true);
    await send(c, fromC, "c2");
    const first = b.receiveMessagesOnPollGroup(group, 2) ?? [];
    expect(first.map((message) => [text(message), message.connectionUserData])).toEqual([
      ["a1", 6n],
      ["c1", 5n],
    ]);
    expect(b.receiveMessagesOnConnection(toC, 9)?.map(text)).toEqual(["c2"]);
    expect(b.destroyPollGroup(group)).toBe(true);
    expect([b.destroyPollGroup(group), b.receiveMessagesOnPollGroup(group, 1)]).toEqual([false, undefined]);
    expect(b.receiveMessagesOnConnection(toA, 9)?.map(text)).toEqual(["a2"]);
  });
});

test("closing the object closes what it opened, and leaves the client", async () => {
  const { a, b } = await pair();
  b.close();
  await a.reached(State.ClosedByPeer);
  expect(b.client.connections).toEqual([]);
  b.client.onIncoming({ virtualPort: 7 }, () => undefined); // the port is free
});

async function streams() {
  const [x, y] = await Promise.all([Peer.join(), Peer.join()]);
  const listener = y.client.listen();
  const opening = x.client.open(y.id);
  for await (const incoming of listener) {
    void incoming.accept();
    const opened = await opening;
    return { opened, incoming, from: streamOf(opened), to: streamOf(incoming) };
  }
  throw new Error("unreachable");
}

describe("streams over a connection", () => {
  test("a pipe delivers all bytes, holds the writer back, and ends with the writer", async () => {
    const { incoming, from, to } = await streams();
    const total = 6 * 1024 * 1024;
    let written = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        const size = written === 0 ? 1024 * 1024 : 100_000; // the first one is larger than a message
        written += size;
        controller.enqueue(new Uint8Array(size).fill(written % 251));
        if (written >= total) controller.close();
      },
    });
    const piping = source.pipeTo(from.writable);
    await pause(300);
    expect(written).toBeLessThan(3 * 1024 * 1024); // nobody reads: a send buffer and a receive buffer at the most
    let received = 0;
    for await (const chunk of to.readable) received += chunk.length;
    await piping;
    expect(received).toBe(written);
    expect(await incoming.closed).toMatchObject({ reason: 1000, closedBy: "peer" });
  });

  test("an abort reaches the reader as an error, even when a write is stuck", async () => {
    const { from, to } = await streams();
    const writer = from.writable.getWriter();
    const stuck = (async () => {
      for (;;) await writer.write(new Uint8Array(400_000));
    })().catch((error: unknown) => error);
    await pause(200);
    const reading = (async () => {
      for await (const chunk of to.readable) expect(chunk.length).toBe(400_000);
    })();
    await writer.abort(new Error("changed my mind"));
    await expect(reading).rejects.toMatchObject({ code: "connection_closed", reason: 2000 });
    expect(await stuck).toBeInstanceOf(Error);
    await expect(from.readable.getReader().read()).rejects.toMatchObject({ reason: 2000 });
  });
});
