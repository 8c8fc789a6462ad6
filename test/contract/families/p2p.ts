/** ISteamNetworking, P2P packets. Reference: steam-networking.md, section 1; what the relay adds: docs/protocol.md. */
import { describe, expect } from "vitest";
import { ConnectionType, type RelayClient } from "../../../src/client/index.ts";
import { P2PNetworking, P2PSend, P2PSessionError } from "../../../src/client/steam/index.ts";
import {
  type ContractContext,
  EventLog,
  type Scene,
  arrival,
  bytes,
  contractTest,
  microtasks,
  newPeer,
  pattern,
  range,
  sameBytes,
  text,
  timed,
  until,
} from "../context.ts";

type Packet = NonNullable<ReturnType<P2PNetworking["readWholeP2PPacket"]>>;
type SessionState = NonNullable<ReturnType<P2PNetworking["getP2PSessionState"]>>;

const { Unreliable, UnreliableNoDelay, Reliable, ReliableWithBuffering } = P2PSend;
const MTU = 1200;
const MIB = 1024 * 1024;

/** One application that uses ISteamNetworking's P2P packets. */
class Player {
  readonly relay: RelayClient;
  readonly api: P2PNetworking;
  readonly requests: EventLog<{ readonly peer: bigint }>;
  readonly failures: EventLog<{ readonly peer: bigint; readonly error: number }>;

  constructor(relay: RelayClient) {
    this.relay = relay;
    this.api = new P2PNetworking(relay);
    this.requests = new EventLog(this.api, "p2pSessionRequest");
    this.failures = new EventLog(this.api, "p2pSessionConnectFail");
  }

  get peer(): bigint {
    return this.relay.peer;
  }

  send(to: { readonly peer: bigint }, data: Uint8Array | string, type: P2PSend = Reliable, channel?: number): boolean {
    return this.api.sendP2PPacket(to.peer, typeof data === "string" ? bytes(data) : data, type, channel);
  }

  async read(count: number, channel?: number): Promise<Packet[]> {
    const packets: Packet[] = [];
    await until(
      () => {
        for (let next = this.api.readWholeP2PPacket(channel); next; next = this.api.readWholeP2PPacket(channel)) {
          packets.push(next);
        }
        return packets.length >= count;
      },
      `${count} packets on channel ${channel ?? 0}, ${packets.length} of them came`,
    );
    return packets;
  }

  async texts(count: number, channel?: number): Promise<string[]> {
    return (await this.read(count, channel)).map(({ data }) => text(data));
  }

  session(to: { readonly peer: bigint }): SessionState {
    const state = this.api.getP2PSessionState(to.peer);
    if (!state) throw new Error("there is no session");
    return state;
  }

  isActive(to: { readonly peer: bigint }): boolean {
    return Boolean(this.api.getP2PSessionState(to.peer)?.connectionActive);
  }
}

async function player(scene: Scene): Promise<Player> {
  return new Player(await scene.join());
}

async function two(scene: Scene): Promise<[Player, Player]> {
  return Promise.all([player(scene), player(scene)]);
}

/** `b` has accepted a session that `a` began, and nothing is left to read. */
async function inSession(scene: Scene): Promise<[Player, Player]> {
  const [a, b] = await two(scene);
  a.send(b, "hello");
  await b.requests.first();
  expect(b.api.acceptP2PSessionWithUser(a.peer)).toBe(true);
  expect(await b.texts(1)).toEqual(["hello"]);
  await until(() => a.isActive(b) && b.isActive(a), "the session is active at both ends");
  return [a, b];
}

export function p2pTests(context: ContractContext): void {
  const test = contractTest(context);

  describe.concurrent("ISteamNetworking P2P", () => {
    describe("sending", () => {
      test("[PB-1] SendP2PPacket: true at once, for a user there is no session with", async ({ scene }) => {
        const a = await player(scene);
        for (const type of [Unreliable, Reliable, ReliableWithBuffering]) {
          expect(a.send({ peer: newPeer() }, "x", type)).toBe(true);
        }
      });

      test("[PB-2] SendP2PPacket, Unreliable: 1200 bytes are sent, 1201 are false", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        const data = pattern(MTU);
        expect(a.send(b, new Uint8Array(MTU + 1), Unreliable)).toBe(false);
        expect(a.send(b, data, Unreliable)).toBe(true);
        expect(sameBytes((await b.read(1))[0]?.data, data)).toBe(true);
      });

      test("[PB-3] SendP2PPacket, UnreliableNoDelay: 1200 bytes are sent, 1201 are false", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        const data = pattern(MTU);
        expect(a.send(b, new Uint8Array(MTU + 1), UnreliableNoDelay)).toBe(false);
        expect(a.send(b, data, UnreliableNoDelay)).toBe(true);
        expect(sameBytes((await b.read(1))[0]?.data, data)).toBe(true);
      });

      test("[PB-4] SendP2PPacket, Reliable: 1 MiB is sent whole, one byte more is false", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        const data = pattern(MIB);
        expect(a.send(b, new Uint8Array(MIB + 1), Reliable)).toBe(false);
        expect(a.send(b, data, Reliable)).toBe(true);
        expect(sameBytes((await b.read(1))[0]?.data, data)).toBe(true);
      });

      test("[PB-5] SendP2PPacket, ReliableWithBuffering: 1 MiB is sent whole, one byte more is false", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        const data = pattern(MIB);
        expect(a.send(b, new Uint8Array(MIB + 1), ReliableWithBuffering)).toBe(false);
        expect(a.send(b, data, ReliableWithBuffering)).toBe(true);
        expect(sameBytes((await b.read(1))[0]?.data, data)).toBe(true);
      });

      test("[PB-6] SendP2PPacket: a packet that is too large begins no session", async ({ scene }) => {
        const a = await player(scene);
        const to = newPeer();
        expect(a.send({ peer: to }, new Uint8Array(MTU + 1), Unreliable)).toBe(false);
        expect(a.api.getP2PSessionState(to)).toBeUndefined();
      });

      test("[PB-7] SendP2PPacket: false for an id that is none", async ({ scene }) => {
        const a = await player(scene);
        expect([a.send({ peer: 0n }, "x"), a.send({ peer: 2n ** 64n }, "x")]).toEqual([false, false]);
      });

      test("[PB-8] SendP2PPacket: an empty packet is a packet, and the data is copied", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        const data = bytes("before");
        a.send(b, "", ReliableWithBuffering);
        a.send(b, data, ReliableWithBuffering);
        data.fill(0);
        expect(await b.texts(2)).toEqual(["", "before"]);
      });

      test("[PB-9] SendP2PPacket: the reliable stream is in order, buffered or not", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        for (const i of range(300)) a.send(b, `${i}`, i % 3 ? ReliableWithBuffering : Reliable);
        expect(await b.texts(300)).toEqual(range(300).map(String));
      });

      test("[PB-10] SendP2PPacket, Reliable: leaves at once", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "now", Reliable);
        await microtasks();
        expect(a.session(b)).toMatchObject({ packetsQueuedForSend: 0, bytesQueuedForSend: 0 });
      });

      test("[PB-11] SendP2PPacket, ReliableWithBuffering: waits for more", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "wait", ReliableWithBuffering);
        a.send(b, "more", ReliableWithBuffering);
        await microtasks();
        expect(a.session(b)).toMatchObject({ packetsQueuedForSend: 2, bytesQueuedForSend: 8 });
      });

      test("[PB-12] SendP2PPacket, ReliableWithBuffering: leaves by itself after about 200 ms", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        const took = await timed(async () => {
          a.send(b, "late", ReliableWithBuffering);
          expect(await b.texts(1)).toEqual(["late"]);
        });
        expect(took).toBeGreaterThan(150);
        expect(took).toBeLessThan(2_000);
      });

      test("[PB-13] SendP2PPacket, ReliableWithBuffering: a plain Reliable behind it flushes", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "first", ReliableWithBuffering);
        a.send(b, "second", Reliable);
        await microtasks();
        expect(a.session(b)).toMatchObject({ packetsQueuedForSend: 0, bytesQueuedForSend: 0 });
        expect(await b.texts(2)).toEqual(["first", "second"]);
      });

      test("[PB-14] SendP2PPacket, ReliableWithBuffering: about one MTU (1200 bytes) leaves at once", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        for (const _ of range(3)) a.send(b, new Uint8Array(400), ReliableWithBuffering);
        await microtasks();
        expect(a.session(b)).toMatchObject({ packetsQueuedForSend: 0, bytesQueuedForSend: 0 });
      });

      test("[PB-15] SendP2PPacket: what waits for a session to open is bounded, then it is false", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        const results = range(32).map(() => a.send(b, new Uint8Array(MIB), Reliable));
        expect(results[0]).toBe(true);
        expect(results.at(-1)).toBe(false);
      });
    });

    describe("sessions", () => {
      test("[PB-16] P2PSessionRequest_t: posted at the other end, naming who sent", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "x");
        expect(await b.requests.first()).toEqual({ peer: a.peer });
        expect(a.requests.all).toEqual([]);
      });

      test("[PB-17] P2PSessionRequest_t: until it is accepted nothing can be read", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "x");
        await b.requests.first();
        expect([b.api.isP2PPacketAvailable(), b.api.readWholeP2PPacket()]).toEqual([undefined, undefined]);
      });

      test("[PB-18] AcceptP2PSessionWithUser: packets sent before it arrive, of Unreliable, Reliable and ReliableWithBuffering", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        a.send(b, "unreliable", Unreliable);
        a.send(b, "reliable", Reliable);
        a.send(b, "buffered", ReliableWithBuffering);
        await b.requests.first();
        expect(b.api.acceptP2PSessionWithUser(a.peer)).toBe(true);
        expect((await b.texts(3)).toSorted()).toEqual(["buffered", "reliable", "unreliable"]);
      });

      test("[PB-19] SendP2PPacket, UnreliableNoDelay: dropped while the session is not open", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "voice", UnreliableNoDelay);
        a.send(b, "text", Reliable);
        await b.requests.first();
        b.api.acceptP2PSessionWithUser(a.peer);
        expect(await b.texts(1)).toEqual(["text"]);
        a.send(b, "voice again", UnreliableNoDelay);
        await until(() => a.isActive(b), "the session is active");
        a.send(b, "end", Reliable);
        expect((await b.texts(1)).filter((each) => each === "voice")).toEqual([]);
      });

      test("[PB-20] SendP2PPacket, UnreliableNoDelay: as the first packet it still asks for a session", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        a.send(b, "voice", UnreliableNoDelay);
        expect(await b.requests.first()).toEqual({ peer: a.peer });
      });

      test("[PB-21] AcceptP2PSessionWithUser: may be called several times", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        expect([b.api.acceptP2PSessionWithUser(a.peer), b.api.acceptP2PSessionWithUser(a.peer)]).toEqual([true, true]);
        a.send(b, "once");
        expect(await b.texts(1)).toEqual(["once"]);
      });

      test("[PB-22] AcceptP2PSessionWithUser: false only for an id that is none", async ({ scene }) => {
        const b = await player(scene);
        expect([b.api.acceptP2PSessionWithUser(0n), b.api.acceptP2PSessionWithUser(newPeer())]).toEqual([false, true]);
      });

      test("[PB-23] SendP2PPacket: to a user who asks is an accept", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "question");
        await b.requests.first();
        expect(b.send(a, "answer")).toBe(true);
        expect([await b.texts(1), await a.texts(1)]).toEqual([["question"], ["answer"]]);
      });

      test("[PB-24] SendP2PPacket: both send first, which is one session and no request", async ({ scene }) => {
        const [a, b] = await two(scene);
        a.send(b, "from a");
        b.send(a, "from b");
        expect([await b.texts(1), await a.texts(1)]).toEqual([["from a"], ["from b"]]);
        expect([a.requests.all, b.requests.all]).toEqual([[], []]);
        expect([a.relay.connections.length, b.relay.connections.length]).toEqual([1, 1]);
      });

      test("[PB-25] P2PSessionRequest_t: posted again while an ignored user keeps sending", async ({ scene }) => {
        const [a, b] = await two(scene);
        await until(() => {
          a.send(b, "please");
          return b.requests.all.length >= 3;
        }, "three requests");
        expect(b.requests.all.every(({ peer }) => peer === a.peer)).toBe(true);
        expect(b.api.isP2PPacketAvailable()).toBeUndefined();
      });

      test("[PB-26] P2PSessionRequest_t: one for each user who asks, and packets name who sent them", async ({
        scene,
      }) => {
        const [b, ...senders] = await Promise.all(range(4).map(() => player(scene)));
        for (const each of senders) each.send(b!, String(each.peer));
        for (const { peer } of await b!.requests.count(3)) b!.api.acceptP2PSessionWithUser(peer);
        const packets = await b!.read(3);
        expect(packets.every(({ peer, data }) => text(data) === String(peer))).toBe(true);
        expect(new Set(packets.map(({ peer }) => peer))).toEqual(new Set(senders.map(({ peer }) => peer)));
      });
    });

    describe("reading", () => {
      test("[PB-27] IsP2PPacketAvailable: undefined without packets, else the size of the next, which stays", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        expect(b.api.isP2PPacketAvailable()).toBeUndefined();
        a.send(b, "four", ReliableWithBuffering);
        a.send(b, "seventh");
        await until(() => b.api.isP2PPacketAvailable() !== undefined, "a packet");
        expect([b.api.isP2PPacketAvailable(), b.api.isP2PPacketAvailable()]).toEqual([4, 4]);
        b.api.readWholeP2PPacket();
        expect(b.api.isP2PPacketAvailable()).toBe(7);
      });

      test("[PB-28] IsP2PPacketAvailable: 0 for an empty packet, which is not undefined", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "");
        await until(() => b.api.isP2PPacketAvailable() !== undefined, "a packet");
        expect(b.api.isP2PPacketAvailable()).toBe(0);
      });

      test("[PB-29] ReadP2PPacket: undefined without packets", async ({ scene }) => {
        const a = await player(scene);
        expect([a.api.readP2PPacket(new Uint8Array(10)), a.api.readWholeP2PPacket()]).toEqual([undefined, undefined]);
      });

      test("[PB-30] ReadP2PPacket: the packet's size and sender; what lies behind it in the buffer is left alone", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "abc");
        await until(() => b.api.isP2PPacketAvailable(), "a packet");
        const buffer = bytes("..........");
        expect(b.api.readP2PPacket(buffer)).toEqual({ size: 3, peer: a.peer });
        expect(text(buffer)).toBe("abc.......");
      });

      test("[PB-31] ReadP2PPacket: a buffer that is too small gets the beginning, the rest of the packet is lost", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "truncated", ReliableWithBuffering);
        a.send(b, "next");
        await until(() => b.api.isP2PPacketAvailable(), "a packet");
        const buffer = new Uint8Array(5);
        expect(b.api.readP2PPacket(buffer)).toEqual({ size: 5, peer: a.peer });
        expect(text(buffer)).toBe("trunc");
        expect(await b.texts(1)).toEqual(["next"]);
      });

      test("[PB-32] ReadP2PPacket: a buffer of exactly the size gets the whole packet", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "exact");
        await until(() => b.api.isP2PPacketAvailable(), "a packet");
        const buffer = new Uint8Array(5);
        expect([b.api.readP2PPacket(buffer)?.size, text(buffer)]).toEqual([5, "exact"]);
        expect(b.api.isP2PPacketAvailable()).toBeUndefined();
      });

      test("[PB-33] ReadP2PPacket: channel 0 is the default, and channels are apart", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "on 1", ReliableWithBuffering, 1);
        a.send(b, "on 0", Reliable);
        expect(await b.texts(1)).toEqual(["on 0"]);
        expect([b.api.isP2PPacketAvailable(0), b.api.isP2PPacketAvailable(1)]).toEqual([undefined, 4]);
        expect(await b.texts(1, 1)).toEqual(["on 1"]);
      });

      test("[PB-34] SendP2PPacket: a channel is any 32-bit integer", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        for (const channel of [2 ** 31 - 1, -1, -(2 ** 31)]) {
          expect(a.send(b, `${channel}`, Reliable, channel)).toBe(true);
          expect(await b.texts(1, channel)).toEqual([`${channel}`]);
        }
      });

      test("[PB-35] SendP2PPacket: all channels share one session", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        for (const channel of range(4)) a.send(b, "x", Reliable, channel);
        for (const channel of range(4)) await b.read(1, channel);
        expect([a.relay.connections.length, b.requests.all.length]).toEqual([1, 1]);
      });
    });

    describe("closing", () => {
      test("[PB-36] CloseP2PSessionWithUser: the session is gone at both ends, without P2PSessionConnectFail_t", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        expect(b.api.closeP2PSessionWithUser(a.peer)).toBe(true);
        expect(b.api.getP2PSessionState(a.peer)).toBeUndefined();
        await until(() => !a.isActive(b), "the other end is told");
        await microtasks();
        expect([a.failures.all, b.failures.all]).toEqual([[], []]);
      });

      test("[PB-37] CloseP2PSessionWithUser: unread packets are freed", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "unread");
        await until(() => b.api.isP2PPacketAvailable(), "a packet");
        b.api.closeP2PSessionWithUser(a.peer);
        expect(b.api.isP2PPacketAvailable()).toBeUndefined();
      });

      test("[PB-38] CloseP2PSessionWithUser: what the other end sends next posts a request again", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        b.api.closeP2PSessionWithUser(a.peer);
        await until(() => !a.isActive(b), "the other end is told");
        expect(a.send(b, "me again")).toBe(true);
        await b.requests.count(2);
        b.api.acceptP2PSessionWithUser(a.peer);
        expect(await b.texts(1)).toEqual(["me again"]);
      });

      test("[PB-39] CloseP2PSessionWithUser: a goodbye sent reliably before it still arrives (promise 2; not so in Steam)", async ({
        scene,
      }) => {
        const [a, client] = await Promise.all([player(scene), scene.join()]);
        const listener = client.listen({ type: ConnectionType.NetworkPb });
        a.send(client, "hello");
        const end = await arrival(listener);
        await end.accept();
        await until(() => a.isActive(client), "the session is active");
        a.send(client, "goodbye", ReliableWithBuffering);
        a.api.closeP2PSessionWithUser(client.peer);
        const received: string[] = [];
        for await (const { payload } of end) received.push(text(payload));
        expect(received).toEqual(["hello", "goodbye"]);
      });

      test("[PB-40] CloseP2PChannelWithUser: the session goes on while another channel is open", async ({ scene }) => {
        const [a, b] = await inSession(scene); // on channel 0
        a.send(b, "x", Reliable, 1);
        await b.read(1, 1);
        expect(b.api.closeP2PChannelWithUser(a.peer, 1)).toBe(true);
        expect(b.isActive(a)).toBe(true);
      });

      test("[PB-41] CloseP2PChannelWithUser: with the last channel the session closes", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        a.send(b, "x", Reliable, 1);
        await b.read(1, 1);
        b.api.closeP2PChannelWithUser(a.peer, 1);
        b.api.closeP2PChannelWithUser(a.peer, 0);
        expect(b.api.getP2PSessionState(a.peer)).toBeUndefined();
        await until(() => !a.isActive(b), "the other end is told");
      });

      test("[PB-42] P2PNetworking: TypeError for what is not bytes or not a bigint", async ({ scene }) => {
        const { api } = await player(scene);
        expect(() => api.sendP2PPacket(newPeer(), "text" as never, Reliable)).toThrow(TypeError);
        expect(() => api.sendP2PPacket(Number(newPeer()) as never, bytes("x"), Reliable)).toThrow(TypeError);
        expect(() => api.readP2PPacket([] as never)).toThrow(TypeError);
      });

      test("[PB-43] P2PNetworking.close: sessions end, and the relay client can have another", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        b.api.close();
        await until(() => !a.isActive(b), "the other end is told");
        const again = new Player(b.relay);
        a.send(b, "anew");
        await again.requests.first();
        again.api.acceptP2PSessionWithUser(a.peer);
        expect(await again.texts(1)).toEqual(["anew"]);
      });
    });

    describe("failures and state", () => {
      test("[PB-44] P2PSessionConnectFail_t: Timeout (4) for a user who is not there", async ({ scene }) => {
        const a = await player(scene);
        const to = newPeer();
        a.send({ peer: to }, "x");
        expect(await a.failures.first()).toEqual({ peer: to, error: 4 });
      });

      test("[PB-45] P2PSessionConnectFail_t: Timeout (4) also for a user who ignores or declines the request", async ({
        scene,
      }) => {
        const [a, ignoring, declining] = await Promise.all(range(3).map(() => player(scene)));
        a!.send(ignoring!, "x");
        a!.send(declining!, "x");
        await declining!.requests.first();
        declining!.api.closeP2PSessionWithUser(a!.peer);
        const told = await a!.failures.count(2);
        expect(told.map(({ error }) => error)).toEqual([P2PSessionError.Timeout, P2PSessionError.Timeout]);
        expect(new Set(told.map(({ peer }) => peer))).toEqual(new Set([ignoring!.peer, declining!.peer]));
      });

      test("[PB-46] P2PSessionConnectFail_t: the deleted codes 1 and 3 do not exist", () => {
        expect(P2PSessionError).toMatchObject({ None: 0, NoRightsToApp: 2, Timeout: 4 });
        expect(Object.values(P2PSessionError)).not.toContain(1);
        expect(Object.values(P2PSessionError)).not.toContain(3);
      });

      test("[PB-47] P2PSessionConnectFail_t: queued packets are dropped, and sending again retries the connection", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        a.send(b, "dropped");
        await a.failures.first();
        const before = b.requests.all.length;
        expect(a.send(b, "retried")).toBe(true);
        await b.requests.count(before + 1);
        b.api.acceptP2PSessionWithUser(a.peer);
        expect(await b.texts(1)).toEqual(["retried"]);
      });

      test("[PB-48] P2PSessionConnectFail_t: Timeout (4) when a session breaks with packets under way", async ({
        scene,
      }) => {
        const [a, b] = await inSession(scene);
        void b.relay.close();
        a.send(b, "nobody reads this");
        expect(await a.failures.first()).toEqual({ peer: b.peer, error: P2PSessionError.Timeout });
      });

      test("[PB-49] GetP2PSessionState: undefined without a session", async ({ scene }) => {
        const a = await player(scene);
        expect(a.api.getP2PSessionState(newPeer())).toBeUndefined();
      });

      test("[PB-50] GetP2PSessionState: Connecting, not yet active, with the packets and bytes that wait", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        a.send(b, "12345");
        a.send(b, "123");
        const { connecting, connectionActive, ...state } = a.session(b);
        expect([Boolean(connecting), Boolean(connectionActive)]).toEqual([true, false]);
        expect(state).toMatchObject({ packetsQueuedForSend: 2, bytesQueuedForSend: 8, sessionError: 0 });
      });

      test("[PB-51] GetP2PSessionState: active over the relay, address 0 and port 0, no error", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        for (const state of [a.session(b), b.session(a)]) {
          expect([state.connectionActive, state.connecting, state.usingRelay].map(Boolean)).toEqual([
            true,
            false,
            true,
          ]);
          expect(state).toMatchObject({ remoteIP: 0, remotePort: 0, sessionError: P2PSessionError.None });
        }
      });

      test("[PB-52] GetP2PSessionState: the error of a session that failed", async ({ scene }) => {
        const a = await player(scene);
        const to = { peer: newPeer() };
        a.send(to, "x");
        await a.failures.first();
        const { connectionActive, connecting, sessionError } = a.session(to);
        expect([Boolean(connectionActive), Boolean(connecting), sessionError]).toEqual([false, false, 4]);
      });

      test("[PB-53] AllowP2PPacketRelay: true, and sessions that there are go on", async ({ scene }) => {
        const [a, b] = await inSession(scene);
        expect([a.api.allowP2PPacketRelay(false), b.api.allowP2PPacketRelay(true)]).toEqual([true, true]);
        a.send(b, "still here");
        expect(await b.texts(1)).toEqual(["still here"]);
        expect(Boolean(a.session(b).usingRelay)).toBe(true);
      });
    });
  });
}
