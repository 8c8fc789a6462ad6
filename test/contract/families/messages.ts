/** ISteamNetworkingMessages. Reference: steam-networking.md, section 4; what the relay adds: docs/protocol.md. */
import { describe, expect } from "vitest";
import { ConnectionType, type Ending, type RelayClient, type RelayConnection } from "../../../src/client/index.ts";
import { NetworkingMessages, Result, SendFlag, SteamConnectionState } from "../../../src/client/steam/index.ts";
import {
  type ContractContext,
  EventLog,
  type Scene,
  arrival,
  bytes,
  contractTest,
  inTime,
  microtasks,
  newPeer,
  pattern,
  range,
  sameBytes,
  sleep,
  text,
  timed,
  until,
  withClientTime,
} from "../context.ts";

type Options = NonNullable<ConstructorParameters<typeof NetworkingMessages>[1]>;
type NetworkingMessage = ReturnType<NetworkingMessages["receiveMessagesOnChannel"]>[number];
type ConnectionInfo = NonNullable<ReturnType<NetworkingMessages["getSessionConnectionInfo"]>["info"]>;

const { None, Connecting, Connected, ProblemDetectedLocally } = SteamConnectionState;
const { Reliable, ReliableNoNagle, UnreliableNoNagle, UnreliableNoDelay, AutoRestartBrokenSession } = SendFlag;
const MISC_TIMEOUT = 5003;
const SESSION_CLOSED = 1001;
const SESSION_IDLE = 1002;
const KIB = 1024;

/** One application that uses ISteamNetworkingMessages. */
class User {
  readonly relay: RelayClient;
  readonly api: NetworkingMessages;
  readonly requests: EventLog<{ readonly peer: bigint }>;
  readonly failures: EventLog<{ readonly info: ConnectionInfo }>;

  constructor(relay: RelayClient, options?: Options) {
    this.relay = relay;
    this.api = new NetworkingMessages(relay, options);
    this.requests = new EventLog(this.api, "sessionRequest");
    this.failures = new EventLog(this.api, "sessionFailed");
  }

  get peer(): bigint {
    return this.relay.peer;
  }

  send(to: { readonly peer: bigint }, data: Uint8Array | string, flags: number = ReliableNoNagle, channel = 0): Result {
    return this.api.sendMessageToUser(to.peer, typeof data === "string" ? bytes(data) : data, flags, channel);
  }

  async receive(count: number, channel = 0): Promise<NetworkingMessage[]> {
    const received: NetworkingMessage[] = [];
    await until(() => {
      received.push(...this.api.receiveMessagesOnChannel(channel, 10_000));
      return received.length >= count;
    }, `${count} messages on channel ${channel}, ${received.length} of them came`);
    return received;
  }

  async texts(count: number, channel = 0): Promise<string[]> {
    return (await this.receive(count, channel)).map(({ data }) => text(data));
  }

  state(of: { readonly peer: bigint }): number {
    return this.api.getSessionConnectionInfo(of.peer).state;
  }

  async reached(of: { readonly peer: bigint }, state: number): Promise<void> {
    await until(() => this.state(of) === state, `the session is in state ${state}`);
  }

  /** Nothing is under way to the other end any more. */
  async acknowledged(by: { readonly peer: bigint }): Promise<void> {
    await until(() => {
      const { status } = this.api.getSessionConnectionInfo(by.peer);
      return status && status.pendingReliable + status.sentUnackedReliable === 0;
    }, "everything is acknowledged");
  }
}

async function user(scene: Scene, options?: Options): Promise<User> {
  return new User(await scene.join(), options);
}

async function two(scene: Scene, options?: Options): Promise<[User, User]> {
  return Promise.all([user(scene, options), user(scene, options)]);
}

/** `b` has accepted a session that `a` began, and nothing is left to read. */
async function inSession(scene: Scene, options?: Options): Promise<[User, User]> {
  const [a, b] = await two(scene, options);
  a.send(b, "hello");
  await b.requests.first();
  expect(b.api.acceptSessionWithUser(a.peer)).toBe(true);
  expect(await b.texts(1)).toEqual(["hello"]);
  await Promise.all([a.reached(b, Connected), b.reached(a, Connected), a.acknowledged(b)]);
  return [a, b];
}

/** A session whose other end is the bare connection, which sees what this interface hides. */
async function withBareEnd(scene: Scene, options?: Options) {
  const [a, client] = await Promise.all([user(scene, options), scene.join()]);
  const listener = client.listen({ type: ConnectionType.NetworkingMessages });
  a.send(client, "hello");
  const end = await arrival(listener);
  await inTime(end.accept(), "the accept is known");
  await a.reached(client, Connected);
  return { a, client, end };
}

function ended(end: RelayConnection): Promise<Ending> {
  return inTime(end.closed, "the connection ends");
}

async function countUntilClosed(end: RelayConnection): Promise<number> {
  let count = 0;
  const read = async (): Promise<void> => {
    for await (const _ of end) count++;
  };
  await inTime(read(), "all that was sent is read, and the connection ends");
  return count;
}

export function messagesTests(context: ContractContext): void {
  const test = contractTest(context);

  describe.concurrent("ISteamNetworkingMessages", () => {
    describe("sessions", () => {
      test("[NM-1] SendMessageToUser: OK at once, for a user there is no session with", async ({ scene }) => {
        const a = await user(scene);
        expect(a.send({ peer: newPeer() }, "x")).toBe(Result.OK);
      });

      test("[NM-2] SteamNetworkingMessagesSessionRequest_t: posted at the other end, naming who sent", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        a.send(b, "x");
        expect(await b.requests.first()).toEqual({ peer: a.peer });
        expect(a.requests.all).toEqual([]);
      });

      test("[NM-3] ReceiveMessagesOnChannel: nothing of a session that is not accepted", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "x");
        await b.requests.first();
        expect(b.api.receiveMessagesOnChannel(0, 10)).toEqual([]);
        expect(a.state(b)).toBe(Connecting);
      });

      test("[NM-4] AcceptSessionWithUser: true, and what was sent before arrives", async ({ scene }) => {
        const [a, b] = await two(scene);
        for (const i of range(3)) a.send(b, `early ${i}`, Reliable);
        await b.requests.first();
        expect(b.api.acceptSessionWithUser(a.peer)).toBe(true);
        expect(await b.texts(3)).toEqual(["early 0", "early 1", "early 2"]);
      });

      test("[NM-5] AcceptSessionWithUser: false when that user wants none", async ({ scene }) => {
        const b = await user(scene);
        expect(b.api.acceptSessionWithUser(newPeer())).toBe(false);
      });

      test("[NM-6] AcceptSessionWithUser: true again for a session that is accepted already", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        expect(b.api.acceptSessionWithUser(a.peer)).toBe(true);
      });

      test("[NM-7] SendMessageToUser: to a user who asks is an accept", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "question");
        await b.requests.first();
        expect(b.send(a, "answer")).toBe(Result.OK);
        expect([await b.texts(1), await a.texts(1)]).toEqual([["question"], ["answer"]]);
      });

      test("[NM-8] SteamNetworkingMessagesSessionRequest_t: none for messages of a session that there is", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "1", ReliableNoNagle, 3);
        b.send(a, "2", ReliableNoNagle, 4);
        expect([await b.texts(1, 3), await a.texts(1, 4)]).toEqual([["1"], ["2"]]);
        expect([a.requests.all.length, b.requests.all.length]).toEqual([0, 1]);
      });

      test("[NM-9] SendMessageToUser: both send first, which is one session and no request", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "from a");
        b.send(a, "from b");
        expect([await b.texts(1), await a.texts(1)]).toEqual([["from a"], ["from b"]]);
        expect([a.requests.all, b.requests.all]).toEqual([[], []]);
        expect([a.relay.connections.length, b.relay.connections.length]).toEqual([1, 1]);
      });

      test("[NM-10] SteamNetworkingMessagesSessionRequest_t: one for each user who asks", async ({ scene }) => {
        const [b, ...senders] = await Promise.all(range(4).map(() => user(scene)));
        for (const each of senders) each.send(b!, "x");
        const told = await b!.requests.count(3);
        expect(new Set(told.map(({ peer }) => peer))).toEqual(new Set(senders.map(({ peer }) => peer)));
      });

      test("[NM-11] SteamNetworkingMessagesSessionRequest_t: posted again while an ignored user keeps sending", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        await until(() => {
          a.send(b, "please", Reliable | AutoRestartBrokenSession);
          return b.requests.all.length >= 3;
        }, "three requests");
        expect(b.requests.all.every(({ peer }) => peer === a.peer)).toBe(true);
        expect(b.api.receiveMessagesOnChannel(0, 10)).toEqual([]);
      });

      test("[NM-12] GetSessionConnectionInfo: None without a session", async ({ scene }) => {
        const a = await user(scene);
        expect(a.api.getSessionConnectionInfo(newPeer()).state).toBe(None);
      });

      test("[NM-13] GetSessionConnectionInfo: Connecting, then Connected, with the peer and the real time status", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        a.send(b, "x");
        expect(a.api.getSessionConnectionInfo(b.peer)).toMatchObject({
          state: Connecting,
          info: { peer: b.peer, state: Connecting },
        });
        await b.requests.first();
        b.api.acceptSessionWithUser(a.peer);
        await a.reached(b, Connected);
        expect(a.api.getSessionConnectionInfo(b.peer)).toMatchObject({
          state: Connected,
          info: { peer: b.peer, state: Connected, endReason: 0, listenSocket: 0 },
          status: { state: Connected },
        });
      });
    });

    describe("sending", () => {
      test("[NM-14] SendMessageToUser: 512 KiB is OK and arrives whole", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        const large = pattern(512 * KIB);
        expect(a.send(b, large)).toBe(Result.OK);
        expect(sameBytes((await b.receive(1))[0]?.data, large)).toBe(true);
      });

      test("[NM-15] SendMessageToUser: one byte above 512 KiB is InvalidParam, and begins no session", async ({
        scene,
      }) => {
        const a = await user(scene);
        const to = { peer: newPeer() };
        expect(a.send(to, new Uint8Array(512 * KIB + 1))).toBe(Result.InvalidParam);
        expect(a.state(to)).toBe(None);
      });

      test("[NM-16] SendMessageToUser: InvalidParam for an identity that is none", async ({ scene }) => {
        const a = await user(scene);
        expect([a.send({ peer: 0n }, "x"), a.send({ peer: 2n ** 64n }, "x")]).toEqual([
          Result.InvalidParam,
          Result.InvalidParam,
        ]);
      });

      test("[NM-17] SendMessageToUser: LimitExceeded when 512 KiB wait", async ({ scene }) => {
        const [a, b] = await two(scene);
        for (const _ of range(8)) expect(a.send(b, new Uint8Array(64 * KIB))).toBe(Result.OK);
        expect(a.send(b, "x")).toBe(Result.LimitExceeded);
      });

      test("[NM-18] SendMessageToUser: before the session is connected every message is forced to be reliable", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        for (const i of range(5)) expect(a.send(b, `${i}`, i % 2 ? UnreliableNoNagle : Reliable)).toBe(Result.OK);
        await b.requests.first();
        b.api.acceptSessionWithUser(a.peer);
        const received = await b.receive(5);
        expect(received.map(({ data }) => text(data))).toEqual(["0", "1", "2", "3", "4"]);
        expect(received.every(({ flags }) => flags & Reliable)).toBe(true);
      });

      test("[NM-19] SendMessageToUser: before the session is connected UnreliableNoDelay is forced to be reliable too", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        expect(a.send(b, "voice", UnreliableNoDelay)).toBe(Result.OK);
        await b.requests.first();
        b.api.acceptSessionWithUser(a.peer);
        const [message] = await b.receive(1);
        expect([text(message!.data), message!.flags & Reliable]).toEqual(["voice", Reliable]);
      });

      test("[NM-20] SendMessageToUser: once connected an unreliable message stays unreliable", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        expect(a.send(b, "position", UnreliableNoNagle)).toBe(Result.OK);
        expect(a.send(b, "voice", UnreliableNoDelay)).toBe(Result.OK);
        const received = await b.receive(2);
        expect(received.map(({ flags }) => flags & Reliable)).toEqual([0, 0]);
      });

      test("[NM-21] SendMessageToUser: reliable messages of a channel arrive once and in order", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        for (const i of range(500)) a.send(b, `${i}`, i % 7 ? Reliable : ReliableNoNagle, 2);
        expect(await b.texts(500, 2)).toEqual(range(500).map(String));
      });

      test("[NM-22] SendMessageToUser: an empty message is a message, and the data is copied", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        const data = bytes("before");
        a.send(b, "", Reliable);
        a.send(b, data, Reliable);
        data.fill(0);
        expect(await b.texts(2)).toEqual(["", "before"]);
      });

      test("[NM-23] SteamNetworkingMessage_t: who sent it, on which channel, and whether reliably", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "x", ReliableNoNagle, 9);
        const [message] = await b.receive(1, 9);
        expect(message).toMatchObject({ peer: a.peer, channel: 9 });
        expect(message!.flags & Reliable).toBe(Reliable);
      });

      test("[NM-24] SendMessageToUser: AutoRestartBrokenSession changes nothing for a session that is not broken", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        expect(a.send(b, "x", Reliable | AutoRestartBrokenSession)).toBe(Result.OK);
        expect(await b.texts(1)).toEqual(["x"]);
        expect(b.requests.all).toHaveLength(1);
      });
    });

    describe("channels", () => {
      test("[NM-25] ReceiveMessagesOnChannel: an empty list when there is nothing", async ({ scene }) => {
        const a = await user(scene);
        expect(a.api.receiveMessagesOnChannel(0, 10)).toEqual([]);
      });

      test("[NM-26] ReceiveMessagesOnChannel: only messages of that channel", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "on 1", Reliable, 1);
        a.send(b, "on 2", ReliableNoNagle, 2);
        expect(await b.texts(1, 2)).toEqual(["on 2"]);
        expect(b.api.receiveMessagesOnChannel(0, 10)).toEqual([]);
        expect(await b.texts(1, 1)).toEqual(["on 1"]);
      });

      test("[NM-27] SendMessageToUser: a channel is any 32-bit integer", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        for (const channel of [2 ** 31 - 1, -1, -(2 ** 31)]) {
          expect(a.send(b, `${channel}`, ReliableNoNagle, channel)).toBe(Result.OK);
          expect((await b.receive(1, channel))[0]).toMatchObject({ channel, data: bytes(`${channel}`) });
        }
      });

      test("[NM-28] ReceiveMessagesOnChannel: at most as many as asked for, the rest stays", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        for (const i of range(5)) a.send(b, `${i}`, Reliable, 1);
        a.send(b, "behind them", ReliableNoNagle, 2);
        await b.receive(1, 2);
        const texts = (max: number) => b.api.receiveMessagesOnChannel(1, max).map(({ data }) => text(data));
        expect([texts(0), texts(2), texts(10), texts(1)]).toEqual([[], ["0", "1"], ["2", "3", "4"], []]);
      });

      test("[NM-29] ReceiveMessagesOnChannel: messages of several users, each user's in order", async ({ scene }) => {
        const [b, x, y] = await Promise.all(range(3).map(() => user(scene)));
        for (const each of [x!, y!]) {
          for (const i of range(20)) each.send(b!, `${i}`, Reliable, 5);
        }
        for (const { peer } of await b!.requests.count(2)) b!.api.acceptSessionWithUser(peer);
        const received = await b!.receive(40, 5);
        for (const each of [x!, y!]) {
          const texts = received.filter(({ peer }) => peer === each.peer).map(({ data }) => text(data));
          expect(texts).toEqual(range(20).map(String));
        }
      });

      test("[NM-30] SendMessageToUser: all channels share one session", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        for (const channel of range(4)) a.send(b, "x", ReliableNoNagle, channel);
        for (const channel of range(4)) await b.receive(1, channel);
        expect([a.relay.connections.length, b.requests.all.length]).toEqual([1, 1]);
      });

      test("[NM-31] CloseChannelWithUser: unread messages of that channel are gone, others stay", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "purged", Reliable, 1);
        a.send(b, "kept", Reliable, 2);
        a.send(b, "behind them", ReliableNoNagle, 3);
        await b.receive(1, 3);
        expect(b.api.closeChannelWithUser(a.peer, 1)).toBe(true);
        expect(b.api.receiveMessagesOnChannel(1, 10)).toEqual([]);
        expect(await b.texts(1, 2)).toEqual(["kept"]);
      });

      test("[NM-32] CloseChannelWithUser: another user's messages on the channel stay", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        const c = await user(scene);
        c.send(b, "of c", Reliable, 1);
        await b.requests.count(2);
        b.api.acceptSessionWithUser(c.peer);
        a.send(b, "of a", ReliableNoNagle, 1);
        await until(() => b.api.getSessionConnectionInfo(c.peer).state === Connected, "c is connected");
        await c.acknowledged(b);
        await a.acknowledged(b);
        b.api.closeChannelWithUser(a.peer, 1);
        expect(await b.texts(1, 1)).toEqual(["of c"]);
      });

      test("[NM-33] CloseChannelWithUser: the session goes on while another channel is open", async ({ scene }) => {
        const [a, b] = await inSession(scene); // on channel 0
        a.send(b, "x", ReliableNoNagle, 1);
        await b.receive(1, 1);
        expect(b.api.closeChannelWithUser(a.peer, 1)).toBe(true);
        expect(b.state(a)).toBe(Connected);
      });

      test("[NM-34] CloseChannelWithUser: with the last channel the session closes", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "x", ReliableNoNagle, 1);
        await b.receive(1, 1);
        expect([b.api.closeChannelWithUser(a.peer, 1), b.api.closeChannelWithUser(a.peer, 0)]).toEqual([true, true]);
        expect(b.state(a)).toBe(None);
        await a.reached(b, None);
      });

      test("[NM-35] CloseChannelWithUser: false for a channel on which nothing was received, and without a session", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        b.send(a, "only sent", ReliableNoNagle, 4);
        await a.receive(1, 4);
        expect(b.api.closeChannelWithUser(a.peer, 4)).toBe(false);
        expect(b.api.closeChannelWithUser(newPeer(), 0)).toBe(false);
        expect(b.state(a)).toBe(Connected);
      });
    });

    describe("closing", () => {
      test("[NM-36] CloseSessionWithUser: true, and false when there is no session any more", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        expect([a.api.closeSessionWithUser(b.peer), a.api.closeSessionWithUser(b.peer)]).toEqual([true, false]);
        expect(a.state(b)).toBe(None);
      });

      test("[NM-37] CloseSessionWithUser: the connection ends with reason 1001", async ({ scene }) => {
        const { a, client, end } = await withBareEnd(scene);
        a.api.closeSessionWithUser(client.peer);
        expect(await ended(end)).toMatchObject({ reason: SESSION_CLOSED, closedBy: "peer" });
      });

      test("[NM-38] CloseSessionWithUser: unread messages are gone", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "unread", Reliable, 1);
        a.send(b, "behind it", ReliableNoNagle, 2);
        await b.receive(1, 2);
        b.api.closeSessionWithUser(a.peer);
        expect(b.api.receiveMessagesOnChannel(1, 10)).toEqual([]);
      });

      test("[NM-39] CloseSessionWithUser: what was sent reliably before it still arrives (promise 2; not so in Steam)", async ({
        scene,
      }) => {
        const { a, client, end } = await withBareEnd(scene);
        for (const _ of range(50)) a.send(client, new Uint8Array(8 * KIB), Reliable);
        a.api.closeSessionWithUser(client.peer);
        expect(await countUntilClosed(end)).toBe(51);
        expect((await ended(end)).reason).toBe(SESSION_CLOSED);
      });

      test("[NM-40] SteamNetworkingMessagesSessionFailed_t: not posted when the peer closes the session", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        b.api.closeSessionWithUser(a.peer);
        await a.reached(b, None);
        await microtasks();
        expect([a.failures.all, b.failures.all]).toEqual([[], []]);
      });

      test("[NM-41] CloseSessionWithUser: what the peer sends next posts a new request", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        b.api.closeSessionWithUser(a.peer);
        await a.reached(b, None);
        expect(a.send(b, "me again")).toBe(Result.OK);
        await b.requests.count(2);
        b.api.acceptSessionWithUser(a.peer);
        expect(await b.texts(1)).toEqual(["me again"]);
      });

      test("[NM-42] CloseSessionWithUser: declines a user who asks, which to a stranger looks like absence (rule C6)", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        a.send(b, "x");
        await b.requests.first();
        expect(b.api.closeSessionWithUser(a.peer)).toBe(true);
        expect((await a.failures.first()).info.endReason).toBe(MISC_TIMEOUT);
      });

      test("[NM-43] NetworkingMessages: TypeError for what is not bytes or not a bigint", async ({ scene }) => {
        const { api } = await user(scene);
        expect(() => api.sendMessageToUser(newPeer(), "text" as never, Reliable, 0)).toThrow(TypeError);
        expect(() => api.sendMessageToUser(Number(newPeer()) as never, bytes("x"), Reliable, 0)).toThrow(TypeError);
      });

      test("[NM-44] NetworkingMessages.close: sessions end, and the relay client can have another", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        b.api[Symbol.dispose]();
        await a.reached(b, None);
        const again = new User(b.relay);
        a.send(b, "anew");
        await again.requests.first();
        again.api.acceptSessionWithUser(a.peer);
        expect(await again.texts(1)).toEqual(["anew"]);
      });
    });

    describe("failures", () => {
      test("[NM-45] SteamNetworkingMessagesSessionFailed_t: ProblemDetectedLocally and 5003 for a user who is not there", async ({
        scene,
      }) => {
        const a = await user(scene);
        const to = { peer: newPeer() };
        a.send(to, "x");
        const { info } = await a.failures.first();
        expect(info).toMatchObject({ peer: to.peer, state: ProblemDetectedLocally, endReason: MISC_TIMEOUT });
      });

      test("[NM-46] SteamNetworkingMessagesSessionFailed_t: the same for a user who ignores the request", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        a.send(b, "x");
        a.send({ peer: newPeer() }, "x");
        const told = await a.failures.count(2);
        const seen = told.map(({ info }) => `${info.state} ${info.endReason} ${info.endDebug}`);
        expect(seen[0]).toBe(seen[1]);
        expect(b.failures.all).toEqual([]);
      });

      test("[NM-47] SendMessageToUser: ConnectFailed for a broken session, however often it is tried", async ({
        scene,
      }) => {
        const a = await user(scene);
        const to = { peer: newPeer() };
        a.send(to, "x");
        await a.failures.first();
        expect([a.send(to, "y"), a.send(to, "z")]).toEqual([Result.ConnectFailed, Result.ConnectFailed]);
        expect(a.failures.all).toHaveLength(1);
      });

      test("[NM-48] GetSessionConnectionInfo: tells how a broken session ended", async ({ scene }) => {
        const a = await user(scene);
        const to = { peer: newPeer() };
        a.send(to, "x");
        await a.failures.first();
        expect(a.api.getSessionConnectionInfo(to.peer)).toMatchObject({
          state: ProblemDetectedLocally,
          info: { endReason: MISC_TIMEOUT },
        });
      });

      test("[NM-49] CloseSessionWithUser: clears a broken session, and sending is OK again", async ({ scene }) => {
        const a = await user(scene);
        const to = { peer: newPeer() };
        a.send(to, "x");
        await a.failures.first();
        expect(a.api.closeSessionWithUser(to.peer)).toBe(true);
        expect(a.send(to, "y")).toBe(Result.OK);
        expect(a.state(to)).toBe(Connecting);
      });

      test("[NM-50] SendMessageToUser: AutoRestartBrokenSession opens a broken session again", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "ignored");
        await a.failures.first();
        expect(a.send(b, "refused")).toBe(Result.ConnectFailed);
        const before = b.requests.all.length;
        expect(a.send(b, "again", Reliable | AutoRestartBrokenSession)).toBe(Result.OK);
        await b.requests.count(before + 1);
        b.api.acceptSessionWithUser(a.peer);
        expect(await b.texts(1)).toEqual(["again"]);
      });

      test("[NM-51] AcceptSessionWithUser: false when the other end has given up", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "x");
        await b.requests.first();
        await a.failures.first();
        await until(() => b.relay.connections.length === 0, "the request is over here too");
        expect(b.api.acceptSessionWithUser(a.peer)).toBe(false);
      });

      test("[NM-52] SteamNetworkingMessagesSessionFailed_t: posted when a session breaks with messages under way", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        void b.relay.close();
        expect(a.send(b, "nobody reads this", Reliable)).toBe(Result.OK);
        const { info } = await a.failures.first();
        expect(info).toMatchObject({ peer: b.peer, state: ProblemDetectedLocally, endReason: 5102 });
        expect(a.send(b, "x")).toBe(Result.ConnectFailed);
      });
    });

    describe("idle timeout", () => {
      const idle = { idleTimeoutMs: 600 };

      test("[NM-53] idle timeout: a session that is not used ends with reason 1002", async ({ scene }) => {
        const { a, client, end } = await withBareEnd(scene, idle);
        expect(await ended(end)).toMatchObject({ reason: SESSION_IDLE, closedBy: "peer" });
        expect(a.state(client)).toBe(None);
      });

      test("[NM-54] idle timeout: posts no SteamNetworkingMessagesSessionFailed_t at either end", async ({ scene }) => {
        const [a, b] = await inSession(scene, idle);
        await Promise.all([a.reached(b, None), b.reached(a, None)]);
        await microtasks();
        expect([a.failures.all, b.failures.all]).toEqual([[], []]);
      });

      test("[NM-55] idle timeout: is put off by sending", async ({ scene }) => {
        const { a, client, end } = await withBareEnd(scene, idle);
        const took = await timed(async () => {
          for (const _ of range(10)) {
            expect(a.send(client, "x")).toBe(Result.OK);
            await sleep(150);
          }
          expect(a.state(client)).toBe(Connected);
          expect((await ended(end)).reason).toBe(SESSION_IDLE);
        });
        expect(took).toBeGreaterThan(1_850);
      });

      test("[NM-56] idle timeout: is put off by AcceptSessionWithUser", async ({ scene }) => {
        const { a, client, end } = await withBareEnd(scene, idle);
        for (const _ of range(10)) {
          expect(a.api.acceptSessionWithUser(client.peer)).toBe(true);
          await sleep(150);
        }
        expect(a.state(client)).toBe(Connected);
        expect((await ended(end)).reason).toBe(SESSION_IDLE);
      });

      test("[NM-57] idle timeout: is not put off by receiving", async ({ scene }) => {
        const { end } = await withBareEnd(scene, idle);
        const sending = (async () => {
          while (!end.ending) {
            end.send("x", { reliable: false, noNagle: true });
            await sleep(50);
          }
        })();
        expect((await ended(end)).reason).toBe(SESSION_IDLE);
        await sending;
      });

      test("[NM-58] idle timeout: does not end a session with unacknowledged data", async ({ scene }) => {
        const { a, client, end } = await withBareEnd(scene, idle);
        // Nobody reads at the other end, so that in the end its window is closed.
        for (let sent = Date.now(); Date.now() - sent < 300; await sleep(5)) {
          if (a.send(client, new Uint8Array(64 * KIB)) === Result.OK) sent = Date.now();
        }
        await sleep(2 * idle.idleTimeoutMs);
        expect(a.state(client)).toBe(Connected);
        const reading = countUntilClosed(end);
        expect((await ended(end)).reason).toBe(SESSION_IDLE);
        expect(await reading).toBeGreaterThan(16);
      });
    });
  });

  describe("ISteamNetworkingMessages, in the clients' own time", () => {
    test("[NM-59] idle timeout: 3 minutes unless told otherwise", async ({ scene }) => {
      const [a, client] = await Promise.all([scene.join(), scene.join()]);
      await withClientTime(async (pass) => {
        const sender = new User(a);
        const listener = client.listen({ type: ConnectionType.NetworkingMessages });
        sender.send(client, "hello");
        const end = await arrival(listener);
        await end.accept();
        await pass(0); // what is under way arrives before time flies
        await pass(178_000);
        expect(sender.state(client)).toBe(Connected);
        await pass(4_000);
        expect(sender.state(client)).toBe(None);
      });
    });
  });
}
