import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RelayClient } from "../../../src/client/index.ts";
import { P2PNetworking, type P2PNetworkingEvents, P2PSend, P2PSessionError } from "../../../src/client/steam/index.ts";
import { Players, bytes, collect, eventually, pause, text } from "./players.ts";

let players: Players;

beforeAll(async () => {
  players = await Players.start();
});
afterAll(() => players[Symbol.asyncDispose]());

interface Side {
  readonly relay: RelayClient;
  readonly peer: bigint;
  readonly p2p: P2PNetworking;
  readonly requests: P2PNetworkingEvents["p2pSessionRequest"][];
  readonly failures: P2PNetworkingEvents["p2pSessionConnectFail"][];
}

async function strangers(): Promise<[Side, Side]> {
  const [a, b] = (await players.two()).map((relay): Side => {
    const p2p = new P2PNetworking(relay);
    const requests = collect<P2PNetworkingEvents, "p2pSessionRequest">(p2p, "p2pSessionRequest");
    const failures = collect<P2PNetworkingEvents, "p2pSessionConnectFail">(p2p, "p2pSessionConnectFail");
    return { relay, peer: relay.peer, p2p, requests, failures };
  });
  return [a!, b!];
}

/** Two who have a session: B has accepted A's. */
async function friends(): Promise<[Side, Side]> {
  const [a, b] = await strangers();
  say(a, b, "hello");
  await eventually(() => b.requests.length > 0 && b.p2p.acceptP2PSessionWithUser(a.peer));
  expect(await heard(b, 1)).toEqual(["hello"]);
  await eventually(() => a.p2p.getP2PSessionState(b.peer)?.connectionActive);
  return [a, b];
}

function say(from: Side, to: Side, what: string, sendType: P2PSend = P2PSend.Reliable, channel = 0): boolean {
  return from.p2p.sendP2PPacket(to.peer, bytes(what), sendType, channel);
}

async function heard(side: Side, count: number, channel = 0): Promise<(string | undefined)[]> {
  const all: (string | undefined)[] = [];
  await eventually(() => {
    for (let packet = side.p2p.readWholeP2PPacket(channel); packet; packet = side.p2p.readWholeP2PPacket(channel)) {
      all.push(text(packet.data));
    }
    return all.length >= count;
  });
  return all;
}

describe("opening", () => {
  test("all kinds wait for the session but UnreliableNoDelay, which is dropped", async () => {
    const [a, b] = await strangers();
    expect(say(a, b, "voice", P2PSend.UnreliableNoDelay)).toBe(true);
    expect(say(a, b, "position", P2PSend.Unreliable)).toBe(true);
    expect(say(a, b, "chat", P2PSend.Reliable)).toBe(true);
    expect(say(a, b, "more", P2PSend.ReliableWithBuffering)).toBe(true);
    expect(a.p2p.getP2PSessionState(b.peer)).toEqual({
      connectionActive: false,
      connecting: true,
      sessionError: P2PSessionError.None,
      usingRelay: true,
      bytesQueuedForSend: 16,
      packetsQueuedForSend: 3,
      remoteIP: 0,
      remotePort: 0,
    });
    await eventually(() => b.requests.length > 0);
    expect(b.requests).toEqual([{ peer: a.peer }]);
    expect(b.p2p.getP2PSessionState(a.peer)).toBeUndefined();
    expect(b.p2p.isP2PPacketAvailable()).toBeUndefined();
    for (let i = 0; i < 3; i++) expect(b.p2p.acceptP2PSessionWithUser(a.peer)).toBe(true);
    expect(await heard(b, 3)).toEqual(["position", "chat", "more"]);
    expect(say(a, b, "voice", P2PSend.UnreliableNoDelay)).toBe(true);
    expect(await heard(b, 1)).toEqual(["voice"]);
    const state = a.p2p.getP2PSessionState(b.peer);
    expect(state).toMatchObject({
      connectionActive: true,
      connecting: false,
      bytesQueuedForSend: 0,
      packetsQueuedForSend: 0,
    });
  });

  test("sending accepts", async () => {
    const [a, b] = await strangers();
    say(a, b, "ping");
    await eventually(() => b.requests.length > 0);
    say(b, a, "pong");
    expect([await heard(a, 1), await heard(b, 1)]).toEqual([["pong"], ["ping"]]);
    expect(a.requests).toEqual([]);
  });

  test("the request is repeated while the other goes on sending; then it fails with Timeout, once", async () => {
    const [a, b] = await strangers();
    let sent = 0;
    for (; b.requests.length < 2; sent++) {
      say(a, b, `${sent}`);
      await pause(50);
    }
    expect(sent).toBeGreaterThan(3);
    await eventually(() => a.failures.length > 0);
    await pause(100);
    expect(a.failures).toEqual([{ peer: b.peer, error: P2PSessionError.Timeout }]);
    expect(a.p2p.getP2PSessionState(b.peer)).toMatchObject({
      connectionActive: false,
      connecting: false,
      sessionError: P2PSessionError.Timeout,
      bytesQueuedForSend: 0,
      packetsQueuedForSend: 0,
    });
    expect(b.failures).toEqual([]);

    // Sending tries again, and what was queued before is gone.
    const before = b.requests.length;
    expect(say(a, b, "again")).toBe(true);
    expect(a.p2p.getP2PSessionState(b.peer)).toMatchObject({ connecting: true, sessionError: P2PSessionError.None });
    await eventually(() => b.requests.length > before && b.p2p.acceptP2PSessionWithUser(a.peer));
    expect(await heard(b, 1)).toEqual(["again"]);
  });

  test("absent and refusing peers, whatever the ticket, are both a Timeout", async () => {
    const [, b] = await strangers();
    const friend = new P2PNetworking(await players.join(76561197960399999n, { visible: true }));
    const failures = collect<P2PNetworkingEvents, "p2pSessionConnectFail">(friend, "p2pSessionConnectFail");
    friend.sendP2PPacket(b.peer, bytes("may I?"), P2PSend.Reliable);
    await eventually(() => b.requests.length === 1 && b.p2p.closeP2PSessionWithUser(76561197960399999n));
    await eventually(() => failures.length === 1);
    friend.sendP2PPacket(404n, bytes("anyone?"), P2PSend.Reliable);
    await eventually(() => failures.length === 2);
    expect(failures.map(({ error }) => error)).toEqual([P2PSessionError.Timeout, P2PSessionError.Timeout]);
    expect(friend.closeP2PSessionWithUser(404n)).toBe(true);
    expect(friend.getP2PSessionState(404n)).toBeUndefined();
  });
});

describe("packets", () => {
  test("sizes have their limits, and the largest arrives whole", async () => {
    const [a, b] = await friends();
    const send = (size: number, type: P2PSend): boolean =>
      a.p2p.sendP2PPacket(b.peer, new Uint8Array(size).fill(7), type);
    expect([send(1200, P2PSend.Unreliable), send(1201, P2PSend.Unreliable)]).toEqual([true, false]);
    expect([send(1200, P2PSend.UnreliableNoDelay), send(1201, P2PSend.UnreliableNoDelay)]).toEqual([true, false]);
    const mebibyte = 1024 * 1024;
    expect([send(mebibyte, P2PSend.Reliable), send(mebibyte + 1, P2PSend.Reliable)]).toEqual([true, false]);
    expect(send(mebibyte + 1, P2PSend.ReliableWithBuffering)).toBe(false);
    expect(send(1, 4 as P2PSend)).toBe(false);
    expect(a.p2p.sendP2PPacket(b.peer, bytes("x"), P2PSend.Reliable, 2 ** 31)).toBe(false);
    const sizes: number[] = [];
    await eventually(() => {
      for (let size = b.p2p.isP2PPacketAvailable(); size !== undefined; size = b.p2p.isP2PPacketAvailable()) {
        expect(b.p2p.readWholeP2PPacket()?.data.every((byte) => byte === 7)).toBe(true);
        sizes.push(size);
      }
      return sizes.length === 3;
    });
    expect(sizes).toEqual([1200, 1200, mebibyte]);
  });

  test("reading does not wait, and truncates", async () => {
    const [a, b] = await friends();
    say(a, b, "abcdef", P2PSend.Reliable, -5);
    await eventually(() => b.p2p.isP2PPacketAvailable(-5));
    expect(b.p2p.isP2PPacketAvailable(0)).toBeUndefined();
    expect(b.p2p.isP2PPacketAvailable(-5)).toBe(6);
    const dest = new Uint8Array(4);
    expect(b.p2p.readP2PPacket(dest, -5)).toEqual({ size: 4, peer: a.peer });
    expect(text(dest)).toBe("abcd");
    expect(b.p2p.readP2PPacket(dest, -5)).toBeUndefined();
  });

  test("buffering waits for 200 ms, or for a plain Reliable, or for a packet's worth", async () => {
    const [a, b] = await friends();
    const started = performance.now();
    say(a, b, "slow", P2PSend.ReliableWithBuffering);
    expect(await heard(b, 1)).toEqual(["slow"]);
    expect(performance.now() - started).toBeGreaterThan(150);

    const flushed = performance.now();
    say(a, b, "first", P2PSend.ReliableWithBuffering);
    await pause(20);
    expect(b.p2p.isP2PPacketAvailable()).toBeUndefined();
    say(a, b, "second", P2PSend.Reliable);
    expect(await heard(b, 2)).toEqual(["first", "second"]);
    say(a, b, "x".repeat(700), P2PSend.ReliableWithBuffering);
    say(a, b, "x".repeat(700), P2PSend.ReliableWithBuffering);
    await heard(b, 2);
    expect(performance.now() - flushed).toBeLessThan(150);
  });
});

describe("closing", () => {
  test("a goodbye arrives, nobody is told, and the next packet asks again", async () => {
    const [a, b] = await friends();
    say(a, b, "goodbye");
    expect(a.p2p.closeP2PSessionWithUser(b.peer)).toBe(true);
    expect(a.p2p.getP2PSessionState(b.peer)).toBeUndefined();
    expect(a.p2p.closeP2PSessionWithUser(b.peer)).toBe(false);
    expect(await heard(b, 1)).toEqual(["goodbye"]);
    await eventually(() => b.p2p.getP2PSessionState(a.peer) === undefined);
    expect([a.failures, b.failures]).toEqual([[], []]);
    say(b, a, "one more thing");
    await eventually(() => a.requests.length === 1 && a.p2p.acceptP2PSessionWithUser(b.peer));
    expect(await heard(a, 1)).toEqual(["one more thing"]);
  });

  test("closed and asked again at once, before the relay has answered", async () => {
    const [a, b] = await strangers();
    say(a, b, "one");
    a.p2p.closeP2PSessionWithUser(b.peer);
    say(a, b, "two");
    await eventually(() => b.requests.length > 0);
    await pause(50);
    b.p2p.acceptP2PSessionWithUser(a.peer);
    expect(await heard(b, 1)).toEqual(["two"]);
    expect(a.failures).toEqual([]);
  });

  test("asked again, closed, and asked anew", async () => {
    const [a, b] = await strangers();
    say(a, b, "one");
    await pause(550);
    say(a, b, "two"); // asks again
    a.p2p.closeP2PSessionWithUser(b.peer);
    say(a, b, "three");
    await eventually(() => b.requests.length === 3 && b.p2p.acceptP2PSessionWithUser(a.peer));
    expect(await heard(b, 1)).toEqual(["three"]);
    expect(a.failures).toEqual([]);
  });

  test("the last channel closes the session", async () => {
    const [a, b] = await friends();
    say(a, b, "on 1", P2PSend.Reliable, 1);
    await eventually(() => b.p2p.isP2PPacketAvailable(1));
    expect(b.p2p.closeP2PChannelWithUser(a.peer, 5)).toBe(false);
    expect(b.p2p.closeP2PChannelWithUser(a.peer, 1)).toBe(true);
    expect(b.p2p.isP2PPacketAvailable(1)).toBeUndefined();
    expect(b.p2p.getP2PSessionState(a.peer)?.connectionActive).toBe(true);
    expect(b.p2p.closeP2PChannelWithUser(a.peer, 0)).toBe(true);
    expect(b.p2p.getP2PSessionState(a.peer)).toBeUndefined();
    await eventually(() => a.p2p.getP2PSessionState(b.peer) === undefined);
    expect(a.failures).toEqual([]);
  });

  test("a peer that is lost is a Timeout", async () => {
    const [a, b] = await friends();
    await b.relay.close();
    await eventually(() => a.failures.length === 1);
    expect(a.failures).toEqual([{ peer: b.peer, error: P2PSessionError.Timeout }]);
    expect(b.failures).toEqual([{ peer: a.peer, error: P2PSessionError.Timeout }]);
    expect(say(b, a, "x")).toBe(false);
  });

  test("without the relay there is no new session; the open one stays", async () => {
    const [a, b] = await friends();
    const [c, d] = await strangers();
    expect(a.p2p.allowP2PPacketRelay(false)).toBe(true);
    expect(say(a, b, "still open")).toBe(true);
    expect(await heard(b, 1)).toEqual(["still open"]);
    for (let i = 0; i < 3; i++) expect(say(a, c, "no way")).toBe(true);
    await eventually(() => a.failures.length > 0);
    expect(a.failures).toEqual([{ peer: c.peer, error: P2PSessionError.Timeout }]);
    expect(a.p2p.getP2PSessionState(c.peer)).toMatchObject({
      connecting: false,
      sessionError: P2PSessionError.Timeout,
    });
    say(d, a, "let me in");
    await eventually(() => d.failures.length === 1);
    expect(a.requests).toEqual([]);
    a.p2p.allowP2PPacketRelay(true);
    say(a, c, "at last");
    await eventually(() => c.requests.length === 1 && c.p2p.acceptP2PSessionWithUser(a.peer));
    expect(await heard(c, 1)).toEqual(["at last"]);
  });
});
