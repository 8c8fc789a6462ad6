/** ISteamNetworkingSockets. Reference: steam-networking.md, section 3; what the relay adds: docs/protocol.md. */
import { describe, expect } from "vitest";
import { ConnectionState, ConnectionType, type RelayClient } from "../../../src/client/index.ts";
import {
  ConnectionInfoFlag,
  NetworkingSockets,
  Result,
  SendFlag,
  SteamConnectionState,
} from "../../../src/client/steam/index.ts";
import {
  type ContractContext,
  EventLog,
  type Scene,
  bytes,
  contractTest,
  microtasks,
  newPeer,
  pattern,
  range,
  sameBytes,
  sleep,
  text,
  timed,
  until,
} from "../context.ts";

type ConfigOptions = NonNullable<Parameters<NetworkingSockets["connectP2P"]>[2]>;
type ConnectionInfo = NonNullable<ReturnType<NetworkingSockets["getConnectionInfo"]>>;
type NetworkingMessage = NonNullable<ReturnType<NetworkingSockets["receiveMessagesOnConnection"]>>[number];
type RealTimeStatus = NonNullable<ReturnType<NetworkingSockets["getConnectionRealTimeStatus"]>["status"]>;

interface StatusChanged {
  readonly connection: number;
  readonly info: ConnectionInfo;
  readonly oldState: number;
}

const { None, Connecting, Connected, ClosedByPeer, ProblemDetectedLocally } = SteamConnectionState;
const { Reliable, ReliableNoNagle, UnreliableNoNagle, UnreliableNoDelay } = SendFlag;
/** `k_ESteamNetConnectionEnd_Misc_Timeout`. */
const MISC_TIMEOUT = 5003;
const KIB = 1024;
const NO_SUCH_HANDLE = 987_654;

/** One application that uses ISteamNetworkingSockets. */
class Host {
  readonly relay: RelayClient;
  readonly api: NetworkingSockets;
  readonly status: EventLog<StatusChanged>;

  constructor(relay: RelayClient) {
    this.relay = relay;
    this.api = new NetworkingSockets(relay);
    this.status = new EventLog(this.api, "connectionStatusChanged");
  }

  get peer(): bigint {
    return this.relay.peer;
  }

  reached(connection: number, state: number): Promise<StatusChanged> {
    return this.status.first((event) => event.connection === connection && event.info.state === state);
  }

  /** The first connection that arrives at a listen socket. */
  async incoming(listenSocket: number): Promise<number> {
    const { connection } = await this.status.first(({ info }) => info.listenSocket === listenSocket);
    return connection;
  }

  /** Reads until there have been `count` messages. */
  async receive(connection: number, count: number): Promise<NetworkingMessage[]> {
    const received: NetworkingMessage[] = [];
    await until(() => {
      received.push(...(this.api.receiveMessagesOnConnection(connection, 10_000) ?? []));
      return received.length >= count;
    }, `${count} messages, ${received.length} of them came`);
    return received;
  }

  async texts(connection: number, count: number): Promise<string[]> {
    return (await this.receive(connection, count)).map(({ data }) => text(data));
  }

  state(connection: number): number | undefined {
    return this.api.getConnectionInfo(connection)?.state;
  }

  realTime(connection: number): RealTimeStatus {
    const { status } = this.api.getConnectionRealTimeStatus(connection);
    if (!status) throw new Error("there is no real time status");
    return status;
  }

  send(connection: number, data: Uint8Array | string, flags: number = ReliableNoNagle) {
    return this.api.sendMessageToConnection(connection, typeof data === "string" ? bytes(data) : data, flags);
  }

  /** Everything that was sent has left for the relay. */
  async sent(connection: number): Promise<void> {
    await until(() => {
      const { pendingReliable, pendingUnreliable } = this.realTime(connection);
      return pendingReliable + pendingUnreliable === 0;
    }, "everything has left");
  }
}

async function host(scene: Scene, options?: { visible?: boolean }): Promise<Host> {
  return new Host(await scene.join(options));
}

async function two(scene: Scene): Promise<[Host, Host]> {
  return Promise.all([host(scene), host(scene)]);
}

interface PairOptions {
  readonly port?: number;
  /** Of the end that connects. */
  readonly options?: ConfigOptions;
  /** Of the end that listens. */
  readonly listenOptions?: ConfigOptions;
}

/** `a` has asked `b`, whose application has not answered yet. */
async function asking(scene: Scene, { port = 0, options, listenOptions }: PairOptions = {}) {
  const [a, b] = await two(scene);
  const listen = b.api.createListenSocketP2P(port, listenOptions);
  const from = a.api.connectP2P(b.peer, port, options);
  const to = await b.incoming(listen);
  return { a, b, from, to, listen };
}

async function connected(scene: Scene, options: PairOptions = {}) {
  const pair = await asking(scene, options);
  const { a, b, from, to } = pair;
  expect(b.api.acceptConnection(to)).toBe(Result.OK);
  await Promise.all([a.reached(from, Connected), b.reached(to, Connected)]);
  return pair;
}

/** A second connection between the hosts of a pair, on another port. */
async function connect(a: Host, b: Host, port: number): Promise<{ from: number; to: number; listen: number }> {
  const listen = b.api.createListenSocketP2P(port);
  const from = a.api.connectP2P(b.peer, port);
  const to = await b.incoming(listen);
  b.api.acceptConnection(to);
  await Promise.all([a.reached(from, Connected), b.reached(to, Connected)]);
  return { from, to, listen };
}

/** How the other end of a closed connection is told of it. */
async function closedWith(scene: Scene, reason?: number, debug?: string): Promise<{ reason: number; debug: string }> {
  const { a, b, from, to } = await connected(scene);
  expect(a.api.closeConnection(from, reason, debug)).toBe(true);
  const { info } = await b.reached(to, ClosedByPeer);
  return { reason: info.endReason, debug: info.endDebug };
}

/** Sends what is much more than leaves at once, in one turn with what follows. */
function sendMuch(from: Host, connection: number): number {
  const chunk = new Uint8Array(8 * KIB);
  for (const _ of range(50)) expect(from.send(connection, chunk, Reliable).result).toBe(Result.OK);
  return 50;
}

/** What can be read of a connection that has ended. */
async function countUntilEnd(at: Host, connection: number): Promise<number> {
  let count = 0;
  await until(() => {
    // The state is looked at first: what came before the end can be read after it.
    const isOver = at.state(connection) !== Connected;
    count += at.api.receiveMessagesOnConnection(connection, 10_000)?.length ?? 0;
    return isOver;
  }, "the connection ends");
  return count;
}

function equalLanes(count: number): number[] {
  return range(count).map(() => 0);
}

async function receiveGroup(at: Host, pollGroup: number, count: number): Promise<NetworkingMessage[]> {
  const received: NetworkingMessage[] = [];
  await until(() => {
    received.push(...(at.api.receiveMessagesOnPollGroup(pollGroup, 100) ?? []));
    return received.length >= count;
  }, `${count} messages of the poll group`);
  return received;
}

/** `a` sends to `b` over two connections. */
async function grouped(scene: Scene) {
  const { a, b, from, to } = await connected(scene, { port: 1 });
  const second = await connect(a, b, 2);
  return { a, b, from: [from, second.from], to: [to, second.to] } as const;
}

export function socketsTests(context: ContractContext): void {
  const test = contractTest(context);
  const { reachMs = 0 } = context;

  describe.concurrent("ISteamNetworkingSockets", () => {
    describe("listen sockets", () => {
      test("[NS-1] CreateListenSocketP2P: virtual port 0 gives a handle other than 0", async ({ scene }) => {
        const { api } = await host(scene);
        expect(api.createListenSocketP2P(0)).toBeGreaterThan(0);
      });

      test("[NS-2] CreateListenSocketP2P: virtual port 999 is the largest there is", async ({ scene }) => {
        const { api } = await host(scene);
        expect(api.createListenSocketP2P(999)).toBeGreaterThan(0);
      });

      test("[NS-3] CreateListenSocketP2P: virtual port 1000 gives 0", async ({ scene }) => {
        const { api } = await host(scene);
        expect(api.createListenSocketP2P(1000)).toBe(0);
      });

      test("[NS-4] CreateListenSocketP2P: virtual port -1 gives 0", async ({ scene }) => {
        const { api } = await host(scene);
        expect(api.createListenSocketP2P(-1)).toBe(0);
      });

      test("[NS-5] CreateListenSocketP2P: a virtual port that is listened on already gives 0", async ({ scene }) => {
        const { api } = await host(scene);
        expect(api.createListenSocketP2P(7)).toBeGreaterThan(0);
        expect(api.createListenSocketP2P(7)).toBe(0);
      });

      test("[NS-6] CreateListenSocketP2P: each port has a handle of its own", async ({ scene }) => {
        const { api } = await host(scene);
        const handles = [0, 1, 2].map((port) => api.createListenSocketP2P(port));
        expect(new Set(handles).size).toBe(3);
      });

      test("[NS-7] CloseListenSocket: true once, and the port can be listened on again", async ({ scene }) => {
        const { api } = await host(scene);
        const listen = api.createListenSocketP2P(7);
        expect([api.closeListenSocket(listen), api.closeListenSocket(listen)]).toEqual([true, false]);
        expect(api.createListenSocketP2P(7)).toBeGreaterThan(0);
      });

      test("[NS-8] CloseListenSocket: false for a handle that names no listen socket", async ({ scene }) => {
        const { api } = await host(scene);
        expect([api.closeListenSocket(0), api.closeListenSocket(NO_SUCH_HANDLE)]).toEqual([false, false]);
      });

      test("[NS-9] CloseListenSocket: connections accepted on it are closed, and their handles are invalid", async ({
        scene,
      }) => {
        const { a, b, from, to, listen } = await connected(scene);
        b.api.closeListenSocket(listen);
        expect(b.api.getConnectionInfo(to)).toBeUndefined();
        expect((await a.reached(from, ClosedByPeer)).oldState).toBe(Connected);
      });

      test("[NS-10] CloseListenSocket: its connections are closed ungracefully, unsent reliable data is lost", async ({
        scene,
      }) => {
        const { a, b, from, to, listen } = await connected(scene);
        const sent = sendMuch(b, to);
        b.api.closeListenSocket(listen);
        expect(await countUntilEnd(a, from)).toBeLessThan(sent);
      });

      test("[NS-11] CloseListenSocket: a connection that waits to be accepted is gone with it", async ({ scene }) => {
        const { a, b, from, to, listen } = await asking(scene, {
          options: { timeoutInitialMs: Math.max(300, reachMs) },
        });
        b.api.closeListenSocket(listen);
        expect(b.api.acceptConnection(to)).toBe(Result.InvalidParam);
        expect((await a.reached(from, ProblemDetectedLocally)).info.endReason).toBe(MISC_TIMEOUT);
      });

      test("[NS-12] CloseListenSocket: connections of other ports go on", async ({ scene }) => {
        const { a, b, listen } = await connected(scene, { port: 1 });
        const other = await connect(a, b, 2);
        b.api.closeListenSocket(listen);
        b.send(other.to, "still here");
        expect(await a.texts(other.from, 1)).toEqual(["still here"]);
      });
    });

    describe("connecting", () => {
      test("[NS-13] ConnectP2P: the handle is not 0 and its state is Connecting at once", async ({ scene }) => {
        const { api } = await host(scene);
        const connection = api.connectP2P(newPeer(), 0);
        expect(connection).toBeGreaterThan(0);
        expect(api.getConnectionInfo(connection)?.state).toBe(Connecting);
      });

      test("[NS-14] ConnectP2P: a virtual port outside 0 to 999 gives 0", async ({ scene }) => {
        const { api } = await host(scene);
        const peer = newPeer();
        expect([api.connectP2P(peer, 1000), api.connectP2P(peer, -1)]).toEqual([0, 0]);
        expect(api.connectP2P(peer, 999)).toBeGreaterThan(0);
      });

      test("[NS-15] ConnectP2P: an identity that is none (0, or above 64 bits) gives 0", async ({ scene }) => {
        const { api } = await host(scene);
        expect([api.connectP2P(0n, 0), api.connectP2P(2n ** 64n, 0)]).toEqual([0, 0]);
      });

      test("[NS-16] ConnectP2P: to oneself fails at once, with a reason that is no timeout (rule C10)", async ({
        scene,
      }) => {
        const a = await host(scene);
        const from = a.api.connectP2P(a.peer, 0);
        const { info } = await a.reached(from, ProblemDetectedLocally);
        expect(info.endReason).toBe(5001);
      });

      test("[NS-17] SteamNetConnectionStatusChangedCallback_t: None to Connecting for a connection made here", async ({
        scene,
      }) => {
        const { api, status } = await host(scene);
        const peer = newPeer();
        const connection = api.connectP2P(peer, 3);
        const first = await status.first();
        expect(first).toMatchObject({ connection, oldState: None, info: { state: Connecting, peer, listenSocket: 0 } });
      });

      test("[NS-18] SteamNetConnectionStatusChangedCallback_t: posted after the call that caused it has returned", async ({
        scene,
      }) => {
        const { api, status } = await host(scene);
        const connection = api.connectP2P(newPeer(), 0);
        expect(status.all).toEqual([]);
        await status.count(1);
        api.closeConnection(connection);
        expect(status.all).toHaveLength(1);
        await status.count(2);
      });

      test("[NS-19] SteamNetConnectionStatusChangedCallback_t: None to Connecting for a connection that arrives, naming peer and listen socket", async ({
        scene,
      }) => {
        const { a, b, to, listen } = await asking(scene, { port: 5 });
        expect(b.status.all).toHaveLength(1);
        expect(b.status.all[0]).toMatchObject({
          connection: to,
          oldState: None,
          info: { state: Connecting, peer: a.peer, listenSocket: listen, virtualPort: 5 },
        });
      });

      test("[NS-20] SteamNetConnectionStatusChangedCallback_t: Connecting to Connected at both ends after AcceptConnection", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        expect((await a.reached(from, Connected)).oldState).toBe(Connecting);
        expect((await b.reached(to, Connected)).oldState).toBe(Connecting);
        expect([a.state(from), b.state(to)]).toEqual([Connected, Connected]);
      });

      test("[NS-21] SteamNetConnectionStatusChangedCallback_t: its info is a snapshot that later changes leave alone", async ({
        scene,
      }) => {
        const { a, from } = await connected(scene);
        a.api.setConnectionUserData(from, 5n);
        expect(a.status.all[0]?.info).toMatchObject({ state: Connecting, userData: -1n });
      });

      test("[NS-22] SteamNetConnectionStatusChangedCallback_t: one per change, each beginning where the one before ended", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        b.api.closeConnection(to, 1000);
        await a.reached(from, ClosedByPeer);
        a.api.closeConnection(from);
        await a.reached(from, None);
        const changes = a.status.all.map(({ oldState, info }) => [oldState, info.state]);
        expect(changes).toEqual([
          [None, Connecting],
          [Connecting, Connected],
          [Connected, ClosedByPeer],
          [ClosedByPeer, None],
        ]);
      });

      test("[NS-23] ConnectP2P: 0 for a peer and port that a connection exists for (rule C1)", async ({ scene }) => {
        const { a, b, from } = await connected(scene, { port: 4 });
        expect(a.api.connectP2P(b.peer, 4)).toBe(0);
        expect(a.state(from)).toBe(Connected);
      });

      test("[NS-24] ConnectP2P: 0 also for the end that was connected to (rule C1)", async ({ scene }) => {
        const { a, b, to } = await connected(scene, { port: 4 });
        b.api.createListenSocketP2P(9);
        expect(b.api.connectP2P(a.peer, 4)).toBe(0);
        expect(b.state(to)).toBe(Connected);
      });

      test("[NS-25] ConnectP2P: several connections between two peers, each on its port, keep their messages apart", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene, { port: 1 });
        const second = await connect(a, b, 2);
        expect(second.from).not.toBe(from);
        a.send(from, "port 1");
        a.send(second.from, "port 2");
        expect(await b.texts(second.to, 1)).toEqual(["port 2"]);
        expect(await b.texts(to, 1)).toEqual(["port 1"]);
      });

      test("[NS-26] ConnectP2P: closing the connection of one port leaves the one of another", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene, { port: 1 });
        const second = await connect(a, b, 2);
        a.api.closeConnection(from);
        await b.reached(to, ClosedByPeer);
        a.send(second.from, "still here");
        expect(await b.texts(second.to, 1)).toEqual(["still here"]);
      });

      test("[NS-27] ConnectP2P: after CloseConnection the same peer and port give a fresh connection with a new handle", async ({
        scene,
      }) => {
        const { a, b, from, to, listen } = await connected(scene);
        a.send(from, "old");
        await b.receive(to, 1);
        a.api.closeConnection(from);
        await b.reached(to, ClosedByPeer);
        b.api.closeConnection(to);
        const again = a.api.connectP2P(b.peer, 0);
        expect(again).not.toBe(from);
        const { connection } = await b.status.first((event) => event.connection !== to && event.oldState === None);
        expect(b.api.getConnectionInfo(connection)?.listenSocket).toBe(listen);
        b.api.acceptConnection(connection);
        await a.reached(again, Connected);
        expect(a.send(again, "new").messageNumber).toBe(1n);
        expect(await b.texts(connection, 1)).toEqual(["new"]);
      });

      test("[NS-28] ConnectP2P: one host accepts many peers on one listen socket", async ({ scene }) => {
        const server = await host(scene);
        const listen = server.api.createListenSocketP2P(0);
        const clients = await Promise.all(range(4).map(() => host(scene)));
        const handles = clients.map((client) => client.api.connectP2P(server.peer, 0));
        await server.status.count(4);
        for (const { connection } of [...server.status.all]) server.api.acceptConnection(connection);
        await Promise.all(clients.map((client, i) => client.reached(handles[i]!, Connected)));
        const told = server.status.all.filter(({ oldState }) => oldState === None);
        expect(new Set(told.map(({ info }) => info.peer))).toEqual(new Set(clients.map(({ peer }) => peer)));
        expect(told.every(({ info }) => info.listenSocket === listen)).toBe(true);
      });
    });

    describe("accepting", () => {
      test("[NS-29] AcceptConnection: OK for a connection that waits, after which messages flow both ways", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        a.send(from, "to b");
        b.send(to, "to a");
        expect([await b.texts(to, 1), await a.texts(from, 1)]).toEqual([["to b"], ["to a"]]);
      });

      test("[NS-30] AcceptConnection: InvalidParam for a handle that names no connection", async ({ scene }) => {
        const { api } = await host(scene);
        expect([api.acceptConnection(0), api.acceptConnection(NO_SUCH_HANDLE)]).toEqual([
          Result.InvalidParam,
          Result.InvalidParam,
        ]);
      });

      test("[NS-31] AcceptConnection: InvalidState for a connection that this end asked for", async ({ scene }) => {
        const { a, from } = await asking(scene);
        expect(a.api.acceptConnection(from)).toBe(Result.InvalidState);
      });

      test("[NS-32] AcceptConnection: InvalidState when it is connected already", async ({ scene }) => {
        const { b, to } = await connected(scene);
        expect(b.api.acceptConnection(to)).toBe(Result.InvalidState);
      });

      test("[NS-33] AcceptConnection: InvalidState when the other end has withdrawn", async ({ scene }) => {
        const { a, b, from, to } = await asking(scene);
        a.api.closeConnection(from);
        await b.reached(to, ClosedByPeer);
        expect(b.api.acceptConnection(to)).toBe(Result.InvalidState);
      });

      test("[NS-34] AcceptConnection: a connection that is not accepted fails for both ends with 5003", async ({
        scene,
      }) => {
        const { a, b, from, to } = await asking(scene, { options: { timeoutInitialMs: Math.max(200, reachMs) } });
        const [asker, asked] = await Promise.all([
          a.reached(from, ProblemDetectedLocally),
          b.reached(to, ProblemDetectedLocally),
        ]);
        expect([asker.info.endReason, asked.info.endReason]).toEqual([MISC_TIMEOUT, MISC_TIMEOUT]);
      });

      test("[NS-35] CloseConnection: a connection that waits is refused, and to a stranger that looks like absence (rule C6)", async ({
        scene,
      }) => {
        const { a, b, from, to } = await asking(scene, { options: { timeoutInitialMs: Math.max(400, reachMs) } });
        expect(b.api.closeConnection(to, 1005, "full")).toBe(true);
        const { info } = await a.reached(from, ProblemDetectedLocally);
        expect(info.endReason).toBe(MISC_TIMEOUT);
        expect(info.endDebug).not.toContain("full");
      });

      test("[NS-36] CloseConnection: whose ticket is visible is told the refusal at once, with reason and text", async ({
        scene,
      }) => {
        const [a, b] = await Promise.all([host(scene, { visible: true }), host(scene)]);
        const listen = b.api.createListenSocketP2P(0);
        const from = a.api.connectP2P(b.peer, 0);
        b.api.closeConnection(await b.incoming(listen), 1005, "full");
        const { info, oldState } = await a.reached(from, ClosedByPeer);
        expect({ oldState, reason: info.endReason, debug: info.endDebug }).toEqual({
          oldState: Connecting,
          reason: 1005,
          debug: "full",
        });
      });
    });

    describe("symmetric connect", () => {
      const symmetric = { symmetricConnect: true };

      test("[NS-37] ConnectP2P, SymmetricConnect: simultaneous connects give one connection, Connected at both ends", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        const from = a.api.connectP2P(b.peer, 0, symmetric);
        const to = b.api.connectP2P(a.peer, 0, symmetric);
        await Promise.all([a.reached(from, Connected), b.reached(to, Connected)]);
        expect([a.relay.connections.length, b.relay.connections.length]).toEqual([1, 1]);
        a.send(from, "from a");
        b.send(to, "from b");
        expect([await b.texts(to, 1), await a.texts(from, 1)]).toEqual([["from a"], ["from b"]]);
      });

      test("[NS-38] ConnectP2P, SymmetricConnect: an existing connection is returned, not 0", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene, { options: symmetric, listenOptions: symmetric });
        expect(a.api.connectP2P(b.peer, 0, symmetric)).toBe(from);
        expect(b.api.connectP2P(a.peer, 0, symmetric)).toBe(to);
      });

      test("[NS-39] ConnectP2P: a pending inbound connection is returned and thereby accepted", async ({ scene }) => {
        const { a, b, from, to } = await asking(scene, { options: symmetric, listenOptions: symmetric });
        expect(b.api.connectP2P(a.peer, 0, symmetric)).toBe(to);
        await Promise.all([a.reached(from, Connected), b.reached(to, Connected)]);
      });

      test("[NS-40] ConnectP2P: a pending inbound connection is returned also without SymmetricConnect (rule C1)", async ({
        scene,
      }) => {
        const { a, b, from, to } = await asking(scene);
        expect(b.api.connectP2P(a.peer, 0)).toBe(to);
        await Promise.all([a.reached(from, Connected), b.reached(to, Connected)]);
      });

      test("[NS-41] AcceptConnection: DuplicateRequest for what a symmetric ConnectP2P has accepted", async ({
        scene,
      }) => {
        const { b, a, to } = await asking(scene, { options: symmetric, listenOptions: symmetric });
        b.api.connectP2P(a.peer, 0, symmetric);
        expect(b.api.acceptConnection(to)).toBe(Result.DuplicateRequest);
        await b.reached(to, Connected);
        expect(b.api.acceptConnection(to)).toBe(Result.DuplicateRequest);
      });

      test("[NS-42] CloseConnection, SymmetricConnect: linger has no effect, unsent reliable data is lost", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene, { options: symmetric, listenOptions: symmetric });
        const sent = sendMuch(a, from);
        a.api.closeConnection(from, 0, "", true);
        expect(await countUntilEnd(b, to)).toBeLessThan(sent);
      });
    });

    describe("timeouts", () => {
      test("[NS-43] TimeoutInitial: a peer that is not there gives ProblemDetectedLocally with 5003", async ({
        scene,
      }) => {
        const a = await host(scene);
        const from = a.api.connectP2P(newPeer(), 0, { timeoutInitialMs: 200 });
        const { info, oldState } = await a.reached(from, ProblemDetectedLocally);
        expect([oldState, info.endReason]).toEqual([Connecting, MISC_TIMEOUT]);
      });

      test("[NS-44] TimeoutInitial: a peer without a listen socket on the port gives the same", async ({ scene }) => {
        const [a, b] = await two(scene);
        b.api.createListenSocketP2P(1);
        const from = a.api.connectP2P(b.peer, 2, { timeoutInitialMs: 200 });
        expect((await a.reached(from, ProblemDetectedLocally)).info.endReason).toBe(MISC_TIMEOUT);
        expect(b.status.all).toEqual([]);
      });

      test("[NS-45] TimeoutInitial: absent, not listening, ignoring and refusing peers cannot be told apart (rule C6)", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        const options = { timeoutInitialMs: Math.max(500, reachMs) };
        const ignoring = b.api.createListenSocketP2P(1);
        const refusing = b.api.createListenSocketP2P(2);
        const asked = [
          a.api.connectP2P(newPeer(), 0, options),
          a.api.connectP2P(b.peer, 0, options),
          a.api.connectP2P(b.peer, 1, options),
          a.api.connectP2P(b.peer, 2, options),
        ];
        await b.incoming(ignoring);
        b.api.closeConnection(await b.incoming(refusing), 1234, "no");
        const told = await Promise.all(asked.map((connection) => a.reached(connection, ProblemDetectedLocally)));
        const seen = told.map(({ info }) => `${info.endReason} ${info.endDebug}`);
        expect(seen[0]).toMatch(/^5003/);
        expect(new Set(seen).size).toBe(1);
      });

      test("[NS-46] TimeoutInitial: not before its time, and at most a second and a bit after", async ({ scene }) => {
        const a = await host(scene);
        const took = await timed(async () => {
          const from = a.api.connectP2P(newPeer(), 0, { timeoutInitialMs: 1_200 });
          await a.reached(from, ProblemDetectedLocally);
        });
        expect(took).toBeGreaterThan(1_190);
        expect(took).toBeLessThan(4_000);
      });

      test("[NS-47] TimeoutInitial: 10 s unless told otherwise", async ({ scene }) => {
        const a = await host(scene);
        const took = await timed(async () => {
          const from = a.api.connectP2P(newPeer(), 0);
          await a.status.first(({ info }) => info.state === ProblemDetectedLocally, 15_000);
          expect(a.state(from)).toBe(ProblemDetectedLocally);
        });
        expect(took).toBeGreaterThan(9_900);
        expect(took).toBeLessThan(13_000);
      });

      test("[NS-48] TimeoutInitial: is each connection's own", async ({ scene }) => {
        const { a, b, from, to } = await asking(scene, { options: { timeoutInitialMs: 30_000 } });
        const other = a.api.connectP2P(newPeer(), 0, { timeoutInitialMs: 100 });
        await a.reached(other, ProblemDetectedLocally);
        expect(a.state(from)).toBe(Connecting);
        b.api.acceptConnection(to);
        await a.reached(from, Connected);
      });
    });

    describe("closing", () => {
      test("[NS-49] CloseConnection: reason 0 arrives as 1000 (App_Generic)", async ({ scene }) => {
        expect((await closedWith(scene, 0)).reason).toBe(1000);
      });

      test("[NS-50] CloseConnection: no reason arrives as 1000", async ({ scene }) => {
        expect((await closedWith(scene)).reason).toBe(1000);
      });

      test("[NS-51] CloseConnection: reason 1000 with its text arrives as it is", async ({ scene }) => {
        expect(await closedWith(scene, 1000, "bye")).toEqual({ reason: 1000, debug: "bye" });
      });

      test("[NS-52] CloseConnection: reason 1999 (App_Max) with its text arrives as it is", async ({ scene }) => {
        expect(await closedWith(scene, 1999, "bye")).toEqual({ reason: 1999, debug: "bye" });
      });

      test("[NS-53] CloseConnection: reason 2000 (AppException_Generic) arrives as it is", async ({ scene }) => {
        expect(await closedWith(scene, 2000, "oops")).toEqual({ reason: 2000, debug: "oops" });
      });

      test("[NS-54] CloseConnection: reason 2999 (AppException_Max) arrives as it is", async ({ scene }) => {
        expect(await closedWith(scene, 2999, "oops")).toEqual({ reason: 2999, debug: "oops" });
      });

      test('[NS-55] CloseConnection: reason 3000 becomes 1999 with the text "Invalid numeric reason code"', async ({
        scene,
      }) => {
        expect(await closedWith(scene, 3000, "mine")).toEqual({ reason: 1999, debug: "Invalid numeric reason code" });
      });

      test('[NS-56] CloseConnection: reason 999 becomes 1999 with the text "Invalid numeric reason code"', async ({
        scene,
      }) => {
        expect(await closedWith(scene, 999, "mine")).toEqual({ reason: 1999, debug: "Invalid numeric reason code" });
      });

      test('[NS-57] CloseConnection: reason -1 becomes 1999 with the text "Invalid numeric reason code"', async ({
        scene,
      }) => {
        expect(await closedWith(scene, -1)).toEqual({ reason: 1999, debug: "Invalid numeric reason code" });
      });

      test("[NS-58] CloseConnection: a text of 127 bytes arrives whole", async ({ scene }) => {
        expect((await closedWith(scene, 1000, "d".repeat(127))).debug).toBe("d".repeat(127));
      });

      test("[NS-59] CloseConnection: a text of 128 bytes and more is cut to 127", async ({ scene }) => {
        expect((await closedWith(scene, 1000, "d".repeat(128))).debug).toBe("d".repeat(127));
      });

      test("[NS-60] CloseConnection: a text is cut between characters, never inside one", async ({ scene }) => {
        expect((await closedWith(scene, 1000, "é".repeat(100))).debug).toBe("é".repeat(63));
      });

      test("[NS-61] CloseConnection: false for a handle that names no connection, and the second time", async ({
        scene,
      }) => {
        const { a, from } = await connected(scene);
        expect([a.api.closeConnection(0), a.api.closeConnection(NO_SUCH_HANDLE)]).toEqual([false, false]);
        expect([a.api.closeConnection(from), a.api.closeConnection(from)]).toEqual([true, false]);
      });

      test("[NS-62] CloseConnection: the handle is invalid from then on, for every call", async ({ scene }) => {
        const { a, from } = await connected(scene);
        a.api.closeConnection(from);
        expect(a.api.getConnectionInfo(from)).toBeUndefined();
        expect(a.api.receiveMessagesOnConnection(from, 1)).toBeUndefined();
        expect(a.send(from, "x").result).toBe(Result.InvalidParam);
        expect(a.api.flushMessagesOnConnection(from)).toBe(Result.InvalidParam);
        expect(a.api.setConnectionUserData(from, 1n)).toBe(false);
      });

      test("[NS-63] CloseConnection: Connected to None is posted where it was called", async ({ scene }) => {
        const { a, from } = await connected(scene);
        a.api.closeConnection(from);
        expect(await a.reached(from, None)).toMatchObject({ oldState: Connected });
      });

      test("[NS-64] CloseConnection: Connected to ClosedByPeer is posted at the other end", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.closeConnection(from, 1042, "done");
        expect(await b.reached(to, ClosedByPeer)).toMatchObject({
          oldState: Connected,
          info: { endReason: 1042, endDebug: "done", peer: a.peer },
        });
      });

      test("[NS-65] CloseConnection: after ClosedByPeer the handle stays until it is closed here too", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.closeConnection(from, 1042, "done");
        await b.reached(to, ClosedByPeer);
        expect(b.api.getConnectionInfo(to)).toMatchObject({ state: ClosedByPeer, endReason: 1042, endDebug: "done" });
        expect(b.api.closeConnection(to)).toBe(true);
        expect(b.api.getConnectionInfo(to)).toBeUndefined();
      });

      test("[NS-66] CloseConnection: after ProblemDetectedLocally the handle stays until it is closed", async ({
        scene,
      }) => {
        const a = await host(scene);
        const from = a.api.connectP2P(newPeer(), 0, { timeoutInitialMs: 100 });
        await a.reached(from, ProblemDetectedLocally);
        expect(a.state(from)).toBe(ProblemDetectedLocally);
        expect(a.api.closeConnection(from)).toBe(true);
        expect(await a.reached(from, None)).toMatchObject({ oldState: ProblemDetectedLocally });
      });

      test("[NS-67] ReceiveMessagesOnConnection: what arrived before ClosedByPeer can be read after it", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        for (const i of range(3)) a.send(from, `last words ${i}`);
        a.api.closeConnection(from, 0, "", true);
        await b.reached(to, ClosedByPeer);
        expect(await b.texts(to, 3)).toEqual(["last words 0", "last words 1", "last words 2"]);
        expect(b.api.receiveMessagesOnConnection(to, 10)).toEqual([]);
      });

      test("[NS-68] CloseConnection: with linger all reliable data arrives before ClosedByPeer", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        const sent = sendMuch(a, from);
        a.api.closeConnection(from, 1042, "done", true);
        expect(await countUntilEnd(b, to)).toBe(sent);
        expect(b.api.getConnectionInfo(to)).toMatchObject({ endReason: 1042, endDebug: "done" });
      });

      test("[NS-69] CloseConnection: without linger unsent reliable data is not flushed", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        const sent = sendMuch(a, from);
        a.api.closeConnection(from, 1042, "done", false);
        expect(await countUntilEnd(b, to)).toBeLessThan(sent);
      });

      test("[NS-70] CloseConnection: linger is off unless asked for", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        const sent = sendMuch(a, from);
        a.api.closeConnection(from);
        expect(await countUntilEnd(b, to)).toBeLessThan(sent);
      });

      test("[NS-71] CloseConnection: a lingering connection's handle is invalid at once", async ({ scene }) => {
        const { a, from } = await connected(scene);
        sendMuch(a, from);
        a.api.closeConnection(from, 0, "", true);
        expect(a.api.getConnectionInfo(from)).toBeUndefined();
        expect(a.send(from, "x").result).toBe(Result.InvalidParam);
      });

      test("[NS-72] CloseConnection: before Connected the queue is discarded, and the other end is told ClosedByPeer", async ({
        scene,
      }) => {
        const { a, b, from, to } = await asking(scene);
        a.send(from, "never");
        a.api.closeConnection(from, 1001, "changed my mind", true);
        expect(await b.reached(to, ClosedByPeer)).toMatchObject({ oldState: Connecting, info: { endReason: 1001 } });
        expect(b.api.receiveMessagesOnConnection(to, 10)).toEqual([]);
      });

      test("[NS-73] connection lost: a peer that leaves the relay gives ProblemDetectedLocally with 5102 (rule S5)", async ({
        scene,
      }) => {
        const { a, b, to } = await connected(scene);
        await a.relay.close();
        expect(await b.reached(to, ProblemDetectedLocally)).toMatchObject({
          oldState: Connected,
          info: { endReason: 5102 },
        });
      });

      test("[NS-74] connection lost: who has left the relay sees ProblemDetectedLocally with 5107", async ({
        scene,
      }) => {
        const { a, from } = await connected(scene);
        await a.relay.close();
        expect((await a.reached(from, ProblemDetectedLocally)).info.endReason).toBe(5107);
      });
    });

    describe("sending", () => {
      test("[NS-75] SendMessageToConnection: OK, and message numbers count from 1", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        expect(a.send(from, "one")).toEqual({ result: Result.OK, messageNumber: 1n });
        expect(a.send(from, "two", SendFlag.Unreliable)).toEqual({ result: Result.OK, messageNumber: 2n });
        expect(a.send(from, "three")).toEqual({ result: Result.OK, messageNumber: 3n });
        const received = await b.receive(to, 3);
        expect(received.map(({ messageNumber }) => messageNumber).toSorted()).toEqual([1n, 2n, 3n]);
      });

      test("[NS-76] SendMessageToConnection: the two directions count their messages apart", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        for (const _ of range(3)) a.send(from, "x");
        expect(b.send(to, "y").messageNumber).toBe(1n);
      });

      test("[NS-77] SendMessageToConnection: InvalidParam for a handle that names no connection, and number 0", async ({
        scene,
      }) => {
        const { api } = await host(scene);
        for (const handle of [0, NO_SUCH_HANDLE]) {
          expect(api.sendMessageToConnection(handle, bytes("x"), Reliable)).toEqual({
            result: Result.InvalidParam,
            messageNumber: 0n,
          });
        }
      });

      test("[NS-78] SendMessageToConnection: 512 KiB, the largest message, is OK and arrives whole", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        const large = pattern(512 * KIB);
        expect(a.send(from, large).result).toBe(Result.OK);
        const [message] = await b.receive(to, 1);
        expect(sameBytes(message?.data, large)).toBe(true);
      });

      test("[NS-79] SendMessageToConnection: one byte above 512 KiB is InvalidParam, whatever the buffer", async ({
        scene,
      }) => {
        const { a, from } = await connected(scene, { options: { sendBufferSize: 4 * KIB * KIB } });
        for (const flags of [Reliable, SendFlag.Unreliable]) {
          expect(a.send(from, new Uint8Array(512 * KIB + 1), flags)).toEqual({
            result: Result.InvalidParam,
            messageNumber: 0n,
          });
        }
        expect(a.send(from, "next").messageNumber).toBe(1n);
      });

      test("[NS-80] SendMessageToConnection: NoConnection after ClosedByPeer", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.closeConnection(from);
        await b.reached(to, ClosedByPeer);
        expect(b.send(to, "x")).toEqual({ result: Result.NoConnection, messageNumber: 0n });
      });

      test("[NS-81] SendMessageToConnection: NoConnection after ProblemDetectedLocally", async ({ scene }) => {
        const a = await host(scene);
        const from = a.api.connectP2P(newPeer(), 0, { timeoutInitialMs: 100 });
        await a.reached(from, ProblemDetectedLocally);
        expect(a.send(from, "x")).toEqual({ result: Result.NoConnection, messageNumber: 0n });
      });

      test("[NS-82] SendMessageToConnection: Ignored for UnreliableNoDelay while not connected", async ({ scene }) => {
        const { a, from } = await asking(scene);
        expect(a.send(from, "x", UnreliableNoDelay)).toEqual({ result: Result.Ignored, messageNumber: 0n });
        expect(a.send(from, "y").messageNumber).toBe(1n);
      });

      test("[NS-83] SendMessageToConnection: UnreliableNoDelay is OK and arrives when connected and idle", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        expect(a.send(from, "now", UnreliableNoDelay).result).toBe(Result.OK);
        expect(await b.texts(to, 1)).toEqual(["now"]);
      });

      test("[NS-84] SendMessageToConnection: Ignored for UnreliableNoDelay when more than 200 ms are queued", async ({
        scene,
      }) => {
        const { a, from } = await connected(scene, { options: { sendBufferSize: 4 * KIB * KIB } });
        // Nobody reads at the other end, so that in the end its window is closed.
        for (const _ of range(40)) a.send(from, new Uint8Array(64 * KIB));
        const sent = () => a.send(from, "now or never", UnreliableNoDelay);
        await until(() => sent().result === Result.Ignored, "it is ignored");
        expect(sent()).toEqual({ result: Result.Ignored, messageNumber: 0n });
      });

      test("[NS-85] SendMessageToConnection: reliable messages sent while Connecting arrive after the accept, in order", async ({
        scene,
      }) => {
        const { a, b, from, to } = await asking(scene);
        for (const i of range(20)) expect(a.send(from, `early ${i}`, Reliable).result).toBe(Result.OK);
        b.api.acceptConnection(to);
        expect(await b.texts(to, 20)).toEqual(range(20).map((i) => `early ${i}`));
      });

      test("[NS-86] SendMessageToConnection: an unreliable message sent while Connecting is OK and may be dropped, never more", async ({
        scene,
      }) => {
        const { a, b, from, to } = await asking(scene);
        expect(a.send(from, "lost", SendFlag.Unreliable).result).toBe(Result.OK);
        expect(a.send(from, "kept").result).toBe(Result.OK);
        b.api.acceptConnection(to);
        const received = await b.receive(to, 1);
        expect(received.filter(({ flags }) => flags & Reliable).map(({ data }) => text(data))).toEqual(["kept"]);
        expect(received.length).toBeLessThanOrEqual(2);
      });

      test("[NS-87] SendBufferSize: what waits may be exactly this much, one byte more is LimitExceeded", async ({
        scene,
      }) => {
        const { a, from } = await asking(scene, { options: { sendBufferSize: 8 * KIB } });
        expect(a.send(from, new Uint8Array(8 * KIB - 1)).result).toBe(Result.OK);
        expect(a.send(from, new Uint8Array(1)).result).toBe(Result.OK);
        expect(a.send(from, new Uint8Array(1))).toEqual({ result: Result.LimitExceeded, messageNumber: 0n });
      });

      test("[NS-88] SendBufferSize: 512 KiB unless told otherwise", async ({ scene }) => {
        const { a, from } = await asking(scene);
        for (const _ of range(8)) expect(a.send(from, new Uint8Array(64 * KIB)).result).toBe(Result.OK);
        expect(a.send(from, new Uint8Array(1)).result).toBe(Result.LimitExceeded);
      });

      test("[NS-89] SendBufferSize: is never less than 4 KiB", async ({ scene }) => {
        const { a, from } = await asking(scene, { options: { sendBufferSize: 1 } });
        expect(a.send(from, new Uint8Array(4 * KIB)).result).toBe(Result.OK);
        expect(a.send(from, new Uint8Array(1)).result).toBe(Result.LimitExceeded);
      });

      test("[NS-90] SendMessageToConnection: after LimitExceeded it is OK again when the other end has received", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene, { options: { sendBufferSize: 8 * KIB } });
        expect(a.send(from, new Uint8Array(8 * KIB)).result).toBe(Result.OK);
        expect(a.send(from, "full").result).toBe(Result.LimitExceeded);
        await b.receive(to, 1);
        await until(() => a.send(from, "again").result === Result.OK, "there is room");
        expect(await b.texts(to, 1)).toEqual(["again"]);
      });

      test("[NS-91] SendMessageToConnection: an empty message is a message", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        a.send(from, "");
        a.send(from, "behind it");
        expect(await b.texts(to, 2)).toEqual(["", "behind it"]);
      });

      test("[NS-92] SendMessageToConnection: message boundaries are kept one to one", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        for (const part of ["a", "bc", "def"]) a.send(from, part, Reliable);
        expect(await b.texts(to, 3)).toEqual(["a", "bc", "def"]);
      });

      test("[NS-93] SendMessageToConnection: the data is copied, and may be changed after the call", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        const data = bytes("before");
        a.send(from, data, Reliable);
        data.fill(0);
        expect(await b.texts(to, 1)).toEqual(["before"]);
      });

      test("[NS-94] SendMessageToConnection: reliable messages arrive once and in order", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        for (const i of range(500)) a.send(from, `${i}`, i % 3 === 0 ? ReliableNoNagle : Reliable);
        expect(await b.texts(to, 500)).toEqual(range(500).map(String));
      });

      test("[NS-95] SendMessageToConnection: UseCurrentThread is accepted and changes nothing", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        expect(a.send(from, "x", Reliable | SendFlag.UseCurrentThread).result).toBe(Result.OK);
        expect(await b.texts(to, 1)).toEqual(["x"]);
      });

      test("[NS-96] SendMessageToConnection: an unreliable message of 16,500 bytes stays unreliable", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        const data = pattern(16_500);
        a.send(from, data, UnreliableNoNagle);
        const [message] = await b.receive(to, 1);
        expect((message?.flags ?? Reliable) & Reliable).toBe(0);
        expect(sameBytes(message?.data, data)).toBe(true);
      });

      test("[NS-97] SendMessageToConnection: an unreliable message of 16,501 bytes is converted to reliable", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        const data = pattern(16_501);
        a.send(from, data, UnreliableNoNagle);
        const [message] = await b.receive(to, 1);
        expect((message?.flags ?? 0) & Reliable).toBe(Reliable);
        expect(sameBytes(message?.data, data)).toBe(true);
      });

      test("[NS-98] NagleTime: a message without NoNagle waits, one with it leaves at once", async ({ scene }) => {
        const { a, from } = await connected(scene, { options: { nagleTimeMs: 20 } });
        a.send(from, "waits", Reliable);
        await microtasks();
        expect(a.realTime(from)).toMatchObject({ pendingReliable: 5, sentUnackedReliable: 0 });
        a.send(from, "now", ReliableNoNagle);
        await microtasks();
        expect(a.realTime(from)).toMatchObject({ pendingReliable: 0, sentUnackedReliable: 8 });
      });

      test("[NS-99] NagleTime: is at most 20 ms, what waits for it arrives by itself", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene, { options: { nagleTimeMs: 3_600_000 } });
        a.send(from, "by itself", Reliable);
        expect(await b.texts(to, 1)).toEqual(["by itself"]);
      });

      test("[NS-100] FlushMessagesOnConnection: OK, and what waited for Nagle leaves at once", async ({ scene }) => {
        const { a, from } = await connected(scene, { options: { nagleTimeMs: 20 } });
        a.send(from, "flushed", Reliable);
        expect(a.api.flushMessagesOnConnection(from)).toBe(Result.OK);
        await microtasks();
        expect(a.realTime(from)).toMatchObject({ pendingReliable: 0, sentUnackedReliable: 7 });
      });

      test("[NS-101] FlushMessagesOnConnection: InvalidParam for a handle that names no connection", async ({
        scene,
      }) => {
        const { api } = await host(scene);
        expect(api.flushMessagesOnConnection(NO_SUCH_HANDLE)).toBe(Result.InvalidParam);
      });

      test("[NS-102] FlushMessagesOnConnection: Ignored while not connected yet", async ({ scene }) => {
        const { a, from } = await asking(scene);
        expect(a.api.flushMessagesOnConnection(from)).toBe(Result.Ignored);
      });

      test("[NS-103] FlushMessagesOnConnection: NoConnection when it has ended", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.closeConnection(from);
        await b.reached(to, ClosedByPeer);
        expect(b.api.flushMessagesOnConnection(to)).toBe(Result.NoConnection);
      });
    });

    describe("sending many", () => {
      test("[NS-104] SendMessages: the message number of each", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        const messages = ["a", "b", "c"].map((data) => ({ connection: from, data: bytes(data), flags: Reliable }));
        expect(a.api.sendMessages(messages)).toEqual([1n, 2n, 3n]);
        expect(await b.texts(to, 3)).toEqual(["a", "b", "c"]);
      });

      test("[NS-105] SendMessages: nothing for nothing", async ({ scene }) => {
        const { api } = await host(scene);
        expect(api.sendMessages([])).toEqual([]);
      });

      test("[NS-106] SendMessages: -InvalidParam for a handle that names no connection", async ({ scene }) => {
        const { api } = await host(scene);
        const lost = { connection: NO_SUCH_HANDLE, data: bytes("x"), flags: Reliable };
        expect(api.sendMessages([lost])).toEqual([-8n]);
      });

      test("[NS-107] SendMessages: after a failure the rest for that connection is not attempted, with result 0", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        const message = (data: Uint8Array) => ({ connection: from, data, flags: ReliableNoNagle });
        const results = a.api.sendMessages([
          message(bytes("sent")),
          message(new Uint8Array(512 * KIB + 1)),
          message(bytes("not attempted")),
          message(bytes("nor this")),
        ]);
        expect(results).toEqual([1n, -8n, 0n, 0n]);
        expect(a.send(from, "after").messageNumber).toBe(2n);
        expect(await b.texts(to, 2)).toEqual(["sent", "after"]);
      });

      test("[NS-108] SendMessages: a failure on one connection does not concern another", async ({ scene }) => {
        const { a, b, from } = await connected(scene, { port: 1 });
        const second = await connect(a, b, 2);
        const results = a.api.sendMessages([
          { connection: from, data: new Uint8Array(512 * KIB + 1), flags: Reliable },
          { connection: second.from, data: bytes("fine"), flags: Reliable },
          { connection: from, data: bytes("not attempted"), flags: Reliable },
          { connection: second.from, data: bytes("too"), flags: Reliable },
        ]);
        expect(results).toEqual([-8n, 1n, 0n, 2n]);
        expect(await b.texts(second.to, 2)).toEqual(["fine", "too"]);
      });

      test("[NS-109] SendMessages: -LimitExceeded when the buffer is full", async ({ scene }) => {
        const { a, from } = await asking(scene, { options: { sendBufferSize: 4 * KIB } });
        const message = { connection: from, data: new Uint8Array(3 * KIB), flags: Reliable };
        expect(a.api.sendMessages([message, message, message])).toEqual([1n, -25n, 0n]);
      });

      test("[NS-110] SendMessages: -NoConnection when the connection has ended, -Ignored for NoDelay before it begins", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.closeConnection(from);
        await b.reached(to, ClosedByPeer);
        const early = b.api.connectP2P(newPeer(), 0);
        const results = b.api.sendMessages([
          { connection: to, data: bytes("x"), flags: Reliable },
          { connection: early, data: bytes("x"), flags: UnreliableNoDelay },
        ]);
        expect(results).toEqual([-3n, -41n]);
      });
    });

    describe("receiving", () => {
      test("[NS-111] ReceiveMessagesOnConnection: undefined for a handle that names no connection", async ({
        scene,
      }) => {
        const { api } = await host(scene);
        expect(api.receiveMessagesOnConnection(0, 1)).toBeUndefined();
        expect(api.receiveMessagesOnConnection(NO_SUCH_HANDLE, 1)).toBeUndefined();
      });

      test("[NS-112] ReceiveMessagesOnConnection: an empty list when there is nothing, also before the accept", async ({
        scene,
      }) => {
        const { a, b, from, to } = await asking(scene);
        expect([a.api.receiveMessagesOnConnection(from, 9), b.api.receiveMessagesOnConnection(to, 9)]).toEqual([
          [],
          [],
        ]);
      });

      test("[NS-113] ReceiveMessagesOnConnection: at most as many as asked for, the rest stays", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        for (const i of range(5)) a.send(from, `${i}`);
        const texts: string[][] = [];
        await until(() => {
          const messages = b.api.receiveMessagesOnConnection(to, 2) ?? [];
          if (messages.length > 0) texts.push(messages.map(({ data }) => text(data)));
          return texts.flat().length === 5;
        }, "five messages");
        expect(texts.every(({ length }) => length <= 2)).toBe(true);
        expect(texts.flat()).toEqual(["0", "1", "2", "3", "4"]);
      });

      test("[NS-114] ReceiveMessagesOnConnection: no messages for a maximum of 0", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        a.send(from, "first", Reliable);
        a.send(from, "in one batch with it", ReliableNoNagle);
        await until(() => b.api.receiveMessagesOnConnection(to, 1)?.length, "the first");
        expect(b.api.receiveMessagesOnConnection(to, 0)).toEqual([]);
        expect(b.api.receiveMessagesOnConnection(to, 1)).toHaveLength(1);
      });

      test("[NS-115] SteamNetworkingMessage_t: connection, peer, data, number, lane and the reliable flag", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        a.send(from, "r", ReliableNoNagle);
        a.send(from, "u", UnreliableNoNagle);
        const received = await b.receive(to, 2);
        const reliable = received.find(({ data }) => text(data) === "r");
        const unreliable = received.find(({ data }) => text(data) === "u");
        expect(reliable).toMatchObject({ connection: to, peer: a.peer, messageNumber: 1n, lane: 0 });
        expect(unreliable).toMatchObject({ connection: to, peer: a.peer, messageNumber: 2n, lane: 0 });
        expect([reliable!.flags & Reliable, unreliable!.flags & Reliable]).toEqual([Reliable, 0]);
      });

      test("[NS-116] SteamNetworkingMessage_t: the time received is in µs", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        const times: number[] = [];
        const took = await timed(async () => {
          a.send(from, "1");
          times.push((await b.receive(to, 1))[0]!.timeReceivedUs);
          await sleep(100);
          a.send(from, "2");
          times.push((await b.receive(to, 1))[0]!.timeReceivedUs);
        });
        const between = times[1]! - times[0]!;
        expect(between).toBeGreaterThan(50_000);
        expect(between).toBeLessThan(took * 1_000);
      });

      test("[NS-117] RecvMaxMessageSize: a message of exactly this size is received", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene, { listenOptions: { recvMaxMessageSize: 1_000 } });
        a.send(from, new Uint8Array(1_000));
        expect((await b.receive(to, 1))[0]?.data.length).toBe(1_000);
      });

      test("[NS-118] RecvMaxMessageSize: limits what is received, not what is sent", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene, { listenOptions: { recvMaxMessageSize: 1_000 } });
        expect(b.send(to, pattern(5_000)).result).toBe(Result.OK);
        expect(sameBytes((await a.receive(from, 1))[0]?.data, pattern(5_000))).toBe(true);
      });

      test("[NS-119] RecvMaxMessageSize: a larger message closes the connection", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene, { listenOptions: { recvMaxMessageSize: 1_000 } });
        a.send(from, new Uint8Array(1_001));
        await Promise.all([b.reached(to, ProblemDetectedLocally), a.reached(from, ClosedByPeer)]);
        expect(b.api.receiveMessagesOnConnection(to, 1)).toEqual([]);
      });

      test("[NS-120] RecvBufferMessages: 1,000 unread messages, further unreliable ones are dropped", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene, { port: 1 });
        const marker = await connect(a, b, 2);
        for (const _ of range(1_100)) a.send(from, "x", UnreliableNoNagle);
        await a.sent(from);
        a.send(marker.from, "all sent");
        await b.receive(marker.to, 1);
        expect(b.api.receiveMessagesOnConnection(to, 2_000)).toHaveLength(1_000);
      });

      test("[NS-121] RecvBufferMessages: can be set, and a reliable message behind the dropped ones still arrives", async ({
        scene,
      }) => {
        const listenOptions = { recvBufferMessages: 10 };
        const { a, b, from, to } = await connected(scene, { port: 1, listenOptions });
        const marker = await connect(a, b, 2);
        for (const _ of range(30)) a.send(from, "x", UnreliableNoNagle);
        await a.sent(from);
        a.send(from, "reliable");
        await a.sent(from);
        a.send(marker.from, "all sent");
        await b.receive(marker.to, 1);
        const received = await b.receive(to, 11);
        expect(received.filter(({ flags }) => !(flags & Reliable))).toHaveLength(10);
        expect(text(received.at(-1)!.data)).toBe("reliable");
      });

      test("[NS-122] RecvBufferSize: of more than 1 MiB unread, unreliable messages are dropped", async ({ scene }) => {
        const options = { sendBufferSize: 4 * KIB * KIB };
        const { a, b, from, to } = await connected(scene, { port: 1, options });
        const marker = await connect(a, b, 2);
        for (const _ of range(80)) a.send(from, new Uint8Array(16_000), UnreliableNoNagle);
        await a.sent(from);
        a.send(marker.from, "all sent");
        await b.receive(marker.to, 1);
        const received = b.api.receiveMessagesOnConnection(to, 100) ?? [];
        expect(received.length * 16_000).toBeLessThanOrEqual(KIB * KIB);
        expect(received.length).toBeGreaterThan(50);
      });

      test("[NS-123] RecvBufferSize: reliable messages above it wait at the sender until the receiver reads", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene, { options: { sendBufferSize: 4 * KIB * KIB } });
        const data = pattern(64 * KIB);
        for (const _ of range(40)) expect(a.send(from, data).result).toBe(Result.OK);
        await until(() => a.realTime(from).sentUnackedReliable > 0, "it has begun");
        const received = await b.receive(to, 40);
        expect(received.every((message) => sameBytes(message.data, data))).toBe(true);
      });
    });

    describe("user data, names and information", () => {
      test("[NS-124] GetConnectionUserData: -1 unless set, and for a handle that names no connection", async ({
        scene,
      }) => {
        const { a, from } = await asking(scene);
        expect([a.api.getConnectionUserData(from), a.api.getConnectionUserData(NO_SUCH_HANDLE)]).toEqual([-1n, -1n]);
      });

      test("[NS-125] SetConnectionUserData: true, and it is read back, for the whole signed 64 bits", async ({
        scene,
      }) => {
        const { a, from } = await asking(scene);
        for (const data of [0n, 2n ** 63n - 1n, -(2n ** 63n)]) {
          expect(a.api.setConnectionUserData(from, data)).toBe(true);
          expect(a.api.getConnectionUserData(from)).toBe(data);
        }
      });

      test("[NS-126] SetConnectionUserData: false for a handle that names no connection", async ({ scene }) => {
        const { api } = await host(scene);
        expect(api.setConnectionUserData(NO_SUCH_HANDLE, 1n)).toBe(false);
      });

      test("[NS-127] SetConnectionUserData: messages, connection info and callbacks carry it", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        b.api.setConnectionUserData(to, 76561197960287930n);
        a.send(from, "x");
        const [message] = await b.receive(to, 1);
        expect(message?.connectionUserData).toBe(76561197960287930n);
        expect(b.api.getConnectionInfo(to)?.userData).toBe(76561197960287930n);
        a.api.closeConnection(from);
        expect((await b.reached(to, ClosedByPeer)).info.userData).toBe(76561197960287930n);
      });

      test("[NS-128] ConnectionUserData option: is there from the first callback, and accepted connections inherit the listen socket's", async ({
        scene,
      }) => {
        const { a, b, from, to } = await asking(scene, {
          options: { connectionUserData: 11n },
          listenOptions: { connectionUserData: 22n },
        });
        expect([a.api.getConnectionUserData(from), b.api.getConnectionUserData(to)]).toEqual([11n, 22n]);
        expect([a.status.all[0]?.info.userData, b.status.all[0]?.info.userData]).toEqual([11n, 22n]);
      });

      test("[NS-129] SetConnectionName: is read back by GetConnectionName", async ({ scene }) => {
        const { a, from } = await asking(scene);
        a.api.setConnectionName(from, "voice");
        expect(a.api.getConnectionName(from)).toBe("voice");
      });

      test("[NS-130] GetConnectionName: undefined for a handle that names no connection", async ({ scene }) => {
        const { api } = await host(scene);
        api.setConnectionName(NO_SUCH_HANDLE, "nothing");
        expect(api.getConnectionName(NO_SUCH_HANDLE)).toBeUndefined();
      });

      test("[NS-131] GetConnectionInfo: undefined for a handle that names no connection", async ({ scene }) => {
        const { api } = await host(scene);
        expect([api.getConnectionInfo(0), api.getConnectionInfo(NO_SUCH_HANDLE)]).toEqual([undefined, undefined]);
      });

      test("[NS-132] GetConnectionInfo: peer, state, ports and no end reason while it is open", async ({ scene }) => {
        const { a, b, from, to, listen } = await connected(scene, { port: 12 });
        expect(a.api.getConnectionInfo(from)).toMatchObject({
          peer: b.peer,
          state: Connected,
          listenSocket: 0,
          remoteVirtualPort: 12,
          endReason: 0,
          endDebug: "",
        });
        expect(b.api.getConnectionInfo(to)).toMatchObject({
          peer: a.peer,
          state: Connected,
          listenSocket: listen,
          virtualPort: 12,
          endReason: 0,
          endDebug: "",
        });
      });

      test("[NS-133] GetConnectionInfo: the flags are Relayed (16) and Unencrypted (2), always", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        const flags = [a.api.getConnectionInfo(from)?.flags, b.api.getConnectionInfo(to)?.flags];
        expect(flags).toEqual([18, 18]);
        expect(ConnectionInfoFlag).toMatchObject({ Relayed: 16, Unencrypted: 2 });
      });

      test("[NS-134] GetConnectionInfo: the description is a text of at most 127 bytes, also with a long name", async ({
        scene,
      }) => {
        const { a, from } = await asking(scene);
        a.api.setConnectionName(from, "é".repeat(200));
        const { description } = a.api.getConnectionInfo(from)!;
        expect(description.length).toBeGreaterThan(0);
        expect(bytes(description).length).toBeLessThan(128);
      });
    });

    describe("real time status", () => {
      test("[NS-135] GetConnectionRealTimeStatus: NoConnection for a handle that names no connection", async ({
        scene,
      }) => {
        const { api } = await host(scene);
        expect(api.getConnectionRealTimeStatus(NO_SUCH_HANDLE).result).toBe(Result.NoConnection);
      });

      test("[NS-136] GetConnectionRealTimeStatus: OK with the state, before and after the accept", async ({
        scene,
      }) => {
        const { a, b, from, to } = await asking(scene);
        expect(a.api.getConnectionRealTimeStatus(from)).toMatchObject({
          result: Result.OK,
          status: { state: Connecting },
        });
        b.api.acceptConnection(to);
        await a.reached(from, Connected);
        expect(a.realTime(from).state).toBe(Connected);
      });

      test("[NS-137] GetConnectionRealTimeStatus: bytes that wait while Connecting are pendingReliable", async ({
        scene,
      }) => {
        const { a, from } = await asking(scene);
        a.send(from, new Uint8Array(1_000));
        a.send(from, new Uint8Array(234));
        expect(a.realTime(from)).toMatchObject({ pendingReliable: 1_234, sentUnackedReliable: 0 });
      });

      test("[NS-138] GetConnectionRealTimeStatus: an unreliable message that waits for Nagle is pendingUnreliable", async ({
        scene,
      }) => {
        const { a, from } = await connected(scene, { options: { nagleTimeMs: 20 } });
        a.send(from, new Uint8Array(500), SendFlag.Unreliable);
        expect(a.realTime(from)).toMatchObject({ pendingUnreliable: 500, pendingReliable: 0 });
        await a.sent(from);
      });

      test("[NS-139] GetConnectionRealTimeStatus: sentUnackedReliable is what left, until the other end acknowledges", async ({
        scene,
      }) => {
        const { a, from } = await connected(scene);
        a.send(from, new Uint8Array(777));
        await microtasks();
        expect(a.realTime(from)).toMatchObject({ pendingReliable: 0, sentUnackedReliable: 777 });
        await until(() => a.realTime(from).sentUnackedReliable === 0, "it is acknowledged");
      });

      test("[NS-140] GetConnectionRealTimeStatus: ping in ms once it is known, -1 before", async ({ scene }) => {
        const { a, b, from, to } = await asking(scene);
        expect(a.realTime(from).ping).toBe(-1);
        b.api.acceptConnection(to);
        await a.reached(from, Connected);
        a.send(from, "x");
        await until(() => a.realTime(from).ping >= 0, "a ping");
        expect(a.realTime(from).ping).toBeLessThan(1_000);
      });

      test("[NS-141] GetConnectionRealTimeStatus: quality is -1 until known, then a share from 0 to 1", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        expect(b.realTime(to).connectionQualityRemote).toBe(-1);
        for (const _ of range(50)) a.send(from, "x", UnreliableNoNagle);
        await b.receive(to, 50);
        const { connectionQualityLocal } = b.realTime(to);
        expect(connectionQualityLocal).toBeGreaterThan(0.9);
        expect(connectionQualityLocal).toBeLessThanOrEqual(1);
      });

      test("[NS-142] GetConnectionRealTimeStatus: rates of packets and bytes, out here and in there", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        for (const _ of range(10)) a.send(from, new Uint8Array(1_000));
        await b.receive(to, 10);
        const out = a.realTime(from);
        const into = b.realTime(to);
        expect(out.outBytesPerSec).toBeGreaterThan(1_000);
        expect(out.outPacketsPerSec).toBeGreaterThan(0);
        expect(into.inBytesPerSec).toBeGreaterThan(1_000);
        expect(into.inPacketsPerSec).toBeGreaterThan(0);
        expect(out.sendRateBytesPerSecond).toBeGreaterThan(0);
      });

      test("[NS-143] GetConnectionRealTimeStatus: maxJitter is cleared when it is read, -1 for none", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        expect(a.realTime(from).maxJitterUs).toBe(-1);
        // A jitter takes two pings, which are 5 to 7 s apart.
        const hasJitter = (): boolean => {
          a.send(from, "x");
          b.api.receiveMessagesOnConnection(to, 100);
          return a.realTime(from).maxJitterUs >= 0;
        };
        await until(hasJitter, "a jitter", 12_000);
        expect(a.realTime(from).maxJitterUs).toBe(-1);
      });

      test("[NS-144] GetConnectionRealTimeStatus: queueTime is 0 or more, and finite", async ({ scene }) => {
        const { a, from } = await connected(scene);
        a.send(from, new Uint8Array(10_000));
        const { queueTimeUs } = a.realTime(from);
        expect(queueTimeUs).toBeGreaterThanOrEqual(0);
        expect(queueTimeUs).toBeLessThan(Infinity);
      });
    });

    describe("lanes", () => {
      test("[NS-145] ConfigureConnectionLanes: OK, and a message arrives with its lane", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        expect(a.api.configureConnectionLanes(from, [0, 1, 2])).toBe(Result.OK);
        a.api.sendMessages([{ connection: from, data: bytes("x"), flags: Reliable, lane: 2 }]);
        expect((await b.receive(to, 1))[0]).toMatchObject({ lane: 2, messageNumber: 1n });
      });

      test("[NS-146] ConfigureConnectionLanes: each lane counts its messages from 1", async ({ scene }) => {
        const { a, from } = await connected(scene);
        a.api.configureConnectionLanes(from, [0, 0]);
        const on = (lane: number) => ({ connection: from, data: bytes("x"), flags: Reliable, lane });
        expect(a.api.sendMessages([on(0), on(0), on(1), on(0), on(1)])).toEqual([1n, 2n, 1n, 3n, 2n]);
      });

      test("[NS-147] ConfigureConnectionLanes: 255 lanes are OK, 256 are InvalidParam", async ({ scene }) => {
        const { a, from } = await connected(scene);
        expect(a.api.configureConnectionLanes(from, equalLanes(256))).toBe(Result.InvalidParam);
        expect(a.api.configureConnectionLanes(from, equalLanes(255))).toBe(Result.OK);
        const last = { connection: from, data: bytes("x"), flags: Reliable, lane: 254 };
        expect(a.api.sendMessages([last])).toEqual([1n]);
      });

      test("[NS-148] ConfigureConnectionLanes: no lanes at all are InvalidParam", async ({ scene }) => {
        const { a, from } = await connected(scene);
        expect(a.api.configureConnectionLanes(from, [])).toBe(Result.InvalidParam);
      });

      test("[NS-149] ConfigureConnectionLanes: lanes can be added, never removed", async ({ scene }) => {
        const { a, from } = await connected(scene);
        expect(a.api.configureConnectionLanes(from, equalLanes(2))).toBe(Result.OK);
        expect(a.api.configureConnectionLanes(from, equalLanes(4))).toBe(Result.OK);
        expect(a.api.configureConnectionLanes(from, equalLanes(3))).toBe(Result.InvalidParam);
        expect(a.api.configureConnectionLanes(from, equalLanes(4))).toBe(Result.OK);
      });

      test("[NS-150] ConfigureConnectionLanes: weights are 1 to 65535, others are InvalidParam", async ({ scene }) => {
        const { a, from } = await connected(scene);
        expect(a.api.configureConnectionLanes(from, [0, 0], [1, 0])).toBe(Result.InvalidParam);
        expect(a.api.configureConnectionLanes(from, [0, 0], [1, 65_536])).toBe(Result.InvalidParam);
        expect(a.api.configureConnectionLanes(from, [0, 0], [1, 65_535])).toBe(Result.OK);
      });

      test("[NS-151] ConfigureConnectionLanes: as many weights as priorities, else InvalidParam", async ({ scene }) => {
        const { a, from } = await connected(scene);
        expect(a.api.configureConnectionLanes(from, [0, 0], [1])).toBe(Result.InvalidParam);
        expect(a.api.configureConnectionLanes(from, [0, 0], [1, 1, 1])).toBe(Result.InvalidParam);
      });

      test("[NS-152] ConfigureConnectionLanes: NoConnection for a handle that names no connection", async ({
        scene,
      }) => {
        const { api } = await host(scene);
        expect(api.configureConnectionLanes(NO_SUCH_HANDLE, [0])).toBe(Result.NoConnection);
      });

      test("[NS-153] ConfigureConnectionLanes: InvalidState when the connection has ended", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.closeConnection(from);
        await b.reached(to, ClosedByPeer);
        expect(b.api.configureConnectionLanes(to, [0, 1])).toBe(Result.InvalidState);
      });

      test("[NS-154] SendMessages: -InvalidParam for a lane that is not configured", async ({ scene }) => {
        const { a, from } = await connected(scene);
        a.api.configureConnectionLanes(from, equalLanes(2));
        const message = { connection: from, data: bytes("x"), flags: Reliable, lane: 2 };
        expect(a.api.sendMessages([message])).toEqual([-8n]);
      });

      test("[NS-155] ConfigureConnectionLanes: lanes are the sender's own, the other end has one lane still", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.configureConnectionLanes(from, equalLanes(2));
        a.api.sendMessages([{ connection: from, data: bytes("x"), flags: Reliable, lane: 1 }]);
        await b.receive(to, 1);
        expect(b.api.sendMessages([{ connection: to, data: bytes("y"), flags: Reliable, lane: 1 }])).toEqual([-8n]);
      });

      test("[NS-156] ConfigureConnectionLanes: a lower priority number is sent first", async ({ scene }) => {
        const { a, b, from, to } = await asking(scene);
        expect(a.api.configureConnectionLanes(from, [10, -5, 0])).toBe(Result.OK);
        const message = (lane: number) => ({ connection: from, data: bytes(`${lane}`), flags: Reliable, lane });
        a.api.sendMessages([0, 1, 2, 0, 1, 2].map(message));
        b.api.acceptConnection(to);
        expect(await b.texts(to, 6)).toEqual(["1", "1", "2", "2", "0", "0"]);
      });

      test("[NS-157] ConfigureConnectionLanes: lanes of one priority share by weight", async ({ scene }) => {
        const { a, b, from, to } = await asking(scene);
        a.api.configureConnectionLanes(from, [0, 0], [3, 1]);
        for (const lane of [1, 0]) {
          const message = { connection: from, data: new Uint8Array(1_000), flags: Reliable, lane };
          a.api.sendMessages(range(200).map(() => message));
        }
        b.api.acceptConnection(to);
        const first = (await b.receive(to, 400)).slice(0, 100);
        const heavy = first.filter(({ lane }) => lane === 0).length;
        expect(heavy).toBeGreaterThan(65);
        expect(heavy).toBeLessThan(85);
      });

      test("[NS-158] ConfigureConnectionLanes: reliable messages of one lane keep their order", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.configureConnectionLanes(from, [0, 0, 1], [5, 1, 1]);
        const messages = range(300).map((i) => ({
          connection: from,
          data: bytes(`${i}`),
          flags: Reliable,
          lane: i % 3,
        }));
        a.api.sendMessages(messages);
        const received = await b.receive(to, 300);
        for (const lane of range(3)) {
          const numbers = received.filter((message) => message.lane === lane).map(({ data }) => Number(text(data)));
          expect(numbers).toEqual(range(100).map((i) => 3 * i + lane));
        }
      });

      test("[NS-159] GetConnectionRealTimeStatus: what waits, lane by lane, for as many lanes as asked for", async ({
        scene,
      }) => {
        const { a, from } = await asking(scene);
        a.api.configureConnectionLanes(from, equalLanes(3));
        const message = (lane: number) => ({ connection: from, data: new Uint8Array(100), flags: Reliable, lane });
        a.api.sendMessages([message(1), message(1), message(2)]);
        const { result, lanes: told } = a.api.getConnectionRealTimeStatus(from, 3);
        expect(result).toBe(Result.OK);
        expect(told?.map(({ pendingReliable }) => pendingReliable)).toEqual([0, 200, 100]);
        expect(a.api.getConnectionRealTimeStatus(from, 2).lanes).toHaveLength(2);
      });

      test("[NS-160] GetConnectionRealTimeStatus: InvalidParam for more lanes than there are, or fewer than none", async ({
        scene,
      }) => {
        const { a, from } = await asking(scene);
        expect(a.api.getConnectionRealTimeStatus(from, 2).result).toBe(Result.InvalidParam);
        expect(a.api.getConnectionRealTimeStatus(from, -1).result).toBe(Result.InvalidParam);
      });
    });

    describe("poll groups", () => {
      test("[NS-161] CreatePollGroup: a handle other than 0, each time another", async ({ scene }) => {
        const { api } = await host(scene);
        const groups = [api.createPollGroup(), api.createPollGroup()];
        expect(groups[0]).toBeGreaterThan(0);
        expect(groups[0]).not.toBe(groups[1]);
      });

      test("[NS-162] DestroyPollGroup: true once, false for a handle that names no group", async ({ scene }) => {
        const { api } = await host(scene);
        const pollGroup = api.createPollGroup();
        expect([api.destroyPollGroup(pollGroup), api.destroyPollGroup(pollGroup), api.destroyPollGroup(0)]).toEqual([
          true,
          false,
          false,
        ]);
      });

      test("[NS-163] SetConnectionPollGroup: false for a connection or a group that is none", async ({ scene }) => {
        const { a, from } = await asking(scene);
        const pollGroup = a.api.createPollGroup();
        expect(a.api.setConnectionPollGroup(NO_SUCH_HANDLE, pollGroup)).toBe(false);
        expect(a.api.setConnectionPollGroup(from, NO_SUCH_HANDLE)).toBe(false);
        expect(a.api.setConnectionPollGroup(from, pollGroup)).toBe(true);
      });

      test("[NS-164] ReceiveMessagesOnPollGroup: undefined for a handle that names no group, empty without messages", async ({
        scene,
      }) => {
        const { api } = await host(scene);
        expect(api.receiveMessagesOnPollGroup(NO_SUCH_HANDLE, 1)).toBeUndefined();
        expect(api.receiveMessagesOnPollGroup(0, 1)).toBeUndefined();
        expect(api.receiveMessagesOnPollGroup(api.createPollGroup(), 1)).toEqual([]);
      });

      test("[NS-165] ReceiveMessagesOnPollGroup: the messages of all its connections, naming connection and user data", async ({
        scene,
      }) => {
        const { a, b, from, to } = await grouped(scene);
        const pollGroup = b.api.createPollGroup();
        for (const [i, connection] of to.entries()) {
          b.api.setConnectionPollGroup(connection, pollGroup);
          b.api.setConnectionUserData(connection, BigInt(i));
        }
        a.send(from[0], "over the first");
        a.send(from[1], "over the second");
        const received = await receiveGroup(b, pollGroup, 2);
        const told = received.map(({ connection, connectionUserData, data }) => [
          connection,
          connectionUserData,
          text(data),
        ]);
        expect(told).toContainEqual([to[0], 0n, "over the first"]);
        expect(told).toContainEqual([to[1], 1n, "over the second"]);
      });

      test("[NS-166] ReceiveMessagesOnPollGroup: the order of each connection is kept", async ({ scene }) => {
        const { a, b, from, to } = await grouped(scene);
        const pollGroup = b.api.createPollGroup();
        for (const connection of to) b.api.setConnectionPollGroup(connection, pollGroup);
        for (const i of range(50)) for (const connection of from) a.send(connection, `${i}`, Reliable);
        const received = await receiveGroup(b, pollGroup, 100);
        for (const each of to) {
          const texts = received.filter(({ connection }) => connection === each).map(({ data }) => text(data));
          expect(texts).toEqual(range(50).map(String));
        }
      });

      test("[NS-167] ReceiveMessagesOnPollGroup: at most as many as asked for", async ({ scene }) => {
        const { a, b, from, to } = await grouped(scene);
        const pollGroup = b.api.createPollGroup();
        b.api.setConnectionPollGroup(to[0], pollGroup);
        for (const i of range(5)) a.send(from[0], `${i}`);
        await a.sent(from[0]);
        const sizes: number[] = [];
        await until(() => {
          sizes.push(b.api.receiveMessagesOnPollGroup(pollGroup, 2)?.length ?? 0);
          return sizes.reduce((sum, size) => sum + size, 0) === 5;
        }, "five messages");
        expect(Math.max(...sizes)).toBeLessThanOrEqual(2);
      });

      test("[NS-168] SetConnectionPollGroup: messages that wait are moved into the group", async ({ scene }) => {
        const { a, b, from, to } = await grouped(scene);
        a.send(from[0], "waiting");
        await a.sent(from[0]);
        a.send(from[1], "marker");
        await b.receive(to[1], 1);
        const pollGroup = b.api.createPollGroup();
        b.api.setConnectionPollGroup(to[0], pollGroup);
        expect((b.api.receiveMessagesOnPollGroup(pollGroup, 9) ?? []).map(({ data }) => text(data))).toEqual([
          "waiting",
        ]);
        expect(b.api.receiveMessagesOnConnection(to[0], 9)).toEqual([]);
      });

      test("[NS-169] SetConnectionPollGroup: a connection is in one group at most, and takes its messages along", async ({
        scene,
      }) => {
        const { a, b, from, to } = await grouped(scene);
        const [first, second] = [b.api.createPollGroup(), b.api.createPollGroup()];
        b.api.setConnectionPollGroup(to[0], first);
        a.send(from[0], "moves");
        await a.sent(from[0]);
        a.send(from[1], "marker");
        await b.receive(to[1], 1);
        b.api.setConnectionPollGroup(to[0], second);
        expect(b.api.receiveMessagesOnPollGroup(first, 9)).toEqual([]);
        expect(b.api.receiveMessagesOnPollGroup(second, 9)).toHaveLength(1);
      });

      test("[NS-170] SetConnectionPollGroup: group 0 takes the connection out of its group", async ({ scene }) => {
        const { a, b, from, to } = await grouped(scene);
        const pollGroup = b.api.createPollGroup();
        b.api.setConnectionPollGroup(to[0], pollGroup);
        expect(b.api.setConnectionPollGroup(to[0], 0)).toBe(true);
        a.send(from[0], "x");
        expect(await b.texts(to[0], 1)).toEqual(["x"]);
        expect(b.api.receiveMessagesOnPollGroup(pollGroup, 9)).toEqual([]);
      });

      test("[NS-171] ReceiveMessagesOnConnection: reads a connection in a group too, and no message comes twice", async ({
        scene,
      }) => {
        const { a, b, from, to } = await grouped(scene);
        const pollGroup = b.api.createPollGroup();
        b.api.setConnectionPollGroup(to[0], pollGroup);
        a.send(from[0], "once");
        expect(await b.texts(to[0], 1)).toEqual(["once"]);
        expect(b.api.receiveMessagesOnPollGroup(pollGroup, 9)).toEqual([]);
      });

      test("[NS-172] DestroyPollGroup: its connections and their messages stay", async ({ scene }) => {
        const { a, b, from, to } = await grouped(scene);
        const pollGroup = b.api.createPollGroup();
        b.api.setConnectionPollGroup(to[0], pollGroup);
        a.send(from[0], "before");
        b.api.destroyPollGroup(pollGroup);
        a.send(from[0], "after");
        expect(await b.texts(to[0], 2)).toEqual(["before", "after"]);
        expect(b.api.receiveMessagesOnPollGroup(pollGroup, 9)).toBeUndefined();
      });

      test("[NS-173] SetConnectionPollGroup: a connection can be grouped before it is accepted", async ({ scene }) => {
        const { a, b, from, to } = await asking(scene);
        const pollGroup = b.api.createPollGroup();
        expect(b.api.setConnectionPollGroup(to, pollGroup)).toBe(true);
        a.send(from, "early");
        b.api.acceptConnection(to);
        expect((await receiveGroup(b, pollGroup, 1)).map(({ data }) => text(data))).toEqual(["early"]);
      });

      test("[NS-174] ReceiveMessagesOnPollGroup: messages of a connection that its peer has closed, until CloseConnection", async ({
        scene,
      }) => {
        const { a, b, from, to } = await grouped(scene);
        const pollGroup = b.api.createPollGroup();
        for (const connection of to) b.api.setConnectionPollGroup(connection, pollGroup);
        for (const connection of from) {
          a.send(connection, "last words");
          a.api.closeConnection(connection, 0, "", true);
        }
        await Promise.all(to.map((connection) => b.reached(connection, ClosedByPeer)));
        b.api.closeConnection(to[0]);
        expect((await receiveGroup(b, pollGroup, 1)).map(({ connection }) => connection)).toEqual([to[1]]);
      });
    });

    describe("the object", () => {
      test("[NS-175] NetworkingSockets.close: what it opened is closed, and its ports are free", async ({ scene }) => {
        const { a, b, from } = await connected(scene);
        b.api.close();
        await a.reached(from, ClosedByPeer);
        expect(b.relay.connections).toEqual([]);
        expect(new NetworkingSockets(b.relay).createListenSocketP2P(0)).toBeGreaterThan(0);
      });

      test("[NS-176] NetworkingSockets: TypeError for what is not bytes or not a bigint", async ({ scene }) => {
        const { a, from } = await asking(scene);
        expect(() => a.api.sendMessageToConnection(from, "text" as never, Reliable)).toThrow(TypeError);
        expect(() => a.api.connectP2P(Number(newPeer()) as never, 0)).toThrow(TypeError);
        expect(() => a.api.setConnectionUserData(from, 1 as never)).toThrow(TypeError);
      });

      test("[NS-177] NetworkingSockets: connections are of the type NetworkingSockets, and Connected in the core", async ({
        scene,
      }) => {
        const { a } = await connected(scene, { port: 3 });
        expect(a.relay.connections[0]).toMatchObject({
          type: ConnectionType.NetworkingSockets,
          virtualPort: 3,
          state: ConnectionState.Connected,
        });
      });
    });
  });
}
