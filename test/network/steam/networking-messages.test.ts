import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectionType, EndReason, type RelayClient } from "../../../src/client/index.ts";
import {
  NetworkingMessages,
  type NetworkingMessagesEvents,
  Result,
  SendFlag,
  SteamConnectionState,
} from "../../../src/client/steam/index.ts";
import { DataFlag } from "../../../src/protocol/index.ts";
import { ackFrame, dataFrame } from "../../support/frames.ts";
import { RawPeer } from "../../support/raw-peer.ts";
import { Players, bytes, collect, eventually, pause, text } from "./players.ts";

let players: Players;

beforeAll(async () => {
  players = await Players.start();
});
afterAll(() => players[Symbol.asyncDispose]());

interface Side {
  readonly relay: RelayClient;
  readonly peer: bigint;
  readonly messages: NetworkingMessages;
  readonly requests: NetworkingMessagesEvents["sessionRequest"][];
  readonly failures: NetworkingMessagesEvents["sessionFailed"][];
}

function sideOf(relay: RelayClient, idleTimeoutMs?: number): Side {
  const messages = new NetworkingMessages(relay, idleTimeoutMs === undefined ? {} : { idleTimeoutMs });
  const requests = collect<NetworkingMessagesEvents, "sessionRequest">(messages, "sessionRequest");
  const failures = collect<NetworkingMessagesEvents, "sessionFailed">(messages, "sessionFailed");
  return { relay, peer: relay.peer, messages, requests, failures };
}

async function strangers(idleTimeoutMs?: number): Promise<[Side, Side]> {
  const [a, b] = await players.two();
  return [sideOf(a, idleTimeoutMs), sideOf(b, idleTimeoutMs)];
}

/** Two who have a session: B has accepted A's. */
async function friends(idleTimeoutMs?: number): Promise<[Side, Side]> {
  const [a, b] = await strangers(idleTimeoutMs);
  say(a, b, "hello");
  await eventually(() => b.requests.length > 0 && b.messages.acceptSessionWithUser(a.peer));
  expect(await heard(b, 1)).toEqual(["hello"]);
  return [a, b];
}

function say(from: Side, to: Side, what: string, flags: number = SendFlag.Reliable, channel = 0): Result {
  return from.messages.sendMessageToUser(to.peer, bytes(what), flags, channel);
}

async function heard(side: Side, count: number, channel = 0): Promise<(string | undefined)[]> {
  const all: (string | undefined)[] = [];
  await eventually(() => {
    all.push(...side.messages.receiveMessagesOnChannel(channel, 100).map(({ data }) => text(data)));
    return all.length >= count;
  });
  return all;
}

function state(side: Side, other: Side): SteamConnectionState {
  return side.messages.getSessionConnectionInfo(other.peer).state;
}

describe("opening", () => {
  test("sending asks, accepting delivers what was sent; before that, all of it is reliable", async () => {
    const [a, b] = await strangers();
    expect(say(a, b, "one", SendFlag.UnreliableNoDelay, 7)).toBe(Result.OK);
    expect(say(a, b, "two", SendFlag.Unreliable, 7)).toBe(Result.OK);
    expect(state(a, b)).toBe(SteamConnectionState.Connecting);
    await eventually(() => b.requests.length > 0);
    expect(b.requests).toEqual([{ peer: a.peer }]);
    expect(b.messages.receiveMessagesOnChannel(7, 10)).toEqual([]);
    expect(b.messages.acceptSessionWithUser(a.peer)).toBe(true);
    const messages = await eventually(() => {
      const got = b.messages.receiveMessagesOnChannel(7, 10);
      return got.length > 0 && got;
    });
    expect(
      messages.map(({ data, flags, channel, peer, connection }) => [text(data), flags, channel, peer, connection]),
    ).toEqual([
      ["one", SendFlag.Reliable, 7, a.peer, 0],
      ["two", SendFlag.Reliable, 7, a.peer, 0],
    ]);
    expect(messages.map(({ messageNumber }) => messageNumber)).toEqual([1n, 2n]);
    expect([a.failures, b.failures]).toEqual([[], []]);
  });

  test("sending accepts, and both sending at once asks nobody", async () => {
    const [a, b] = await strangers();
    say(a, b, "ping");
    await eventually(() => b.requests.length > 0);
    say(b, a, "pong");
    expect([await heard(a, 1), await heard(b, 1)]).toEqual([["pong"], ["ping"]]);
    expect(a.requests).toEqual([]);

    const [c, d] = await strangers();
    say(c, d, "from c");
    say(d, c, "from d");
    expect([await heard(d, 1), await heard(c, 1)]).toEqual([["from c"], ["from d"]]);
    expect([c.requests, d.requests]).toEqual([[], []]);
  });

  test("a request is repeated while the other goes on sending, and ignoring it declines it", async () => {
    const [a, b] = await strangers();
    let sent = 0;
    for (; b.requests.length < 2; sent++) {
      expect(say(a, b, `${sent}`)).toBe(Result.OK);
      await pause(50);
    }
    expect(sent).toBeGreaterThan(3);
    const { info } = await eventually(() => a.failures[0]);
    expect(info).toMatchObject({
      peer: b.peer,
      state: SteamConnectionState.ProblemDetectedLocally,
      endReason: EndReason.Timeout,
    });
    await eventually(() => state(b, a) === SteamConnectionState.None);
    expect(b.failures).toEqual([]);
    expect(b.messages.acceptSessionWithUser(a.peer)).toBe(false);
  });

  test("a request that was made before the other side was ready is found", async () => {
    const [a, bRelay] = await players.two();
    const sideA = sideOf(a);
    sideA.messages.sendMessageToUser(bRelay.peer, bytes("early"), SendFlag.Reliable, 0);
    await pause(100);
    const b = sideOf(bRelay);
    await eventually(() => b.requests.length === 1 && b.messages.acceptSessionWithUser(a.peer));
    expect(await heard(b, 1)).toEqual(["early"]);
  });
});

describe("failing", () => {
  test("a broken session refuses to send until it is closed or restarted", async () => {
    const [a, b] = await strangers();
    say(a, b, "lost");
    await eventually(() => a.failures.length === 1);
    expect(say(a, b, "refused")).toBe(Result.ConnectFailed);
    expect(a.messages.acceptSessionWithUser(b.peer)).toBe(false);
    expect(say(a, b, "again", SendFlag.Reliable | SendFlag.AutoRestartBrokenSession)).toBe(Result.OK);
    await eventually(() => b.requests.length === 2 && b.messages.acceptSessionWithUser(a.peer));
    expect(await heard(b, 1)).toEqual(["again"]);

    const [c, d] = await strangers();
    say(c, d, "lost");
    await eventually(() => c.failures.length === 1);
    expect(c.messages.closeSessionWithUser(d.peer)).toBe(true);
    expect(state(c, d)).toBe(SteamConnectionState.None);
    expect(say(c, d, "fresh")).toBe(Result.OK);
  });

  test("a broken session is mended by the other asking for one", async () => {
    const [a, b] = await strangers();
    say(a, b, "lost");
    await eventually(() => a.failures.length === 1);
    say(b, a, "I am here now");
    await eventually(() => a.requests.length === 1);
    expect(say(a, b, "welcome")).toBe(Result.OK);
    expect([await heard(a, 1), await heard(b, 1)]).toEqual([["I am here now"], ["welcome"]]);
  });

  test("who disappears is missed; what had arrived can still be read", async () => {
    const [a, b] = await friends();
    say(a, b, "last words");
    await eventually(() => b.messages.getSessionConnectionInfo(a.peer).status?.inPacketsPerSec);
    await pause(50);
    await a.relay.close();
    const { info } = await eventually(() => b.failures[0]);
    expect(info).toMatchObject({ peer: a.peer, endReason: EndReason.PeerLeft });
    expect(say(b, a, "hello?")).toBe(Result.ConnectFailed);
    expect(await heard(b, 1)).toEqual(["last words"]);
    expect(a.failures[0]?.info.endReason).toBe(EndReason.RelayLost);
    const stranger = 5n;
    expect(a.messages.sendMessageToUser(stranger, bytes("x"), SendFlag.Reliable, 0)).toBe(Result.NoConnection);
  });

  test("results for what cannot be sent", async () => {
    const [a, b] = await strangers();
    const { messages } = a;
    const flags = SendFlag.Reliable;
    expect(messages.sendMessageToUser(b.peer, new Uint8Array(512 * 1024 + 1), flags, 0)).toBe(Result.InvalidParam);
    expect(messages.sendMessageToUser(a.peer, bytes("me"), flags, 0)).toBe(Result.InvalidParam);
    expect(messages.sendMessageToUser(0n, bytes("no one"), flags, 0)).toBe(Result.InvalidParam);
    expect(messages.sendMessageToUser(b.peer, bytes("x"), flags, 2 ** 31)).toBe(Result.InvalidParam);
    expect(() => messages.sendMessageToUser(7 as never, bytes("x"), flags, 0)).toThrow(TypeError);
    expect(messages.sendMessageToUser(b.peer, new Uint8Array(512 * 1024), flags, 0)).toBe(Result.OK);
    expect(messages.sendMessageToUser(b.peer, bytes("x"), flags, 0)).toBe(Result.LimitExceeded);
    expect(() => new NetworkingMessages(a.relay)).toThrowError(expect.objectContaining({ code: "port_in_use" }));
  });
});

describe("closing", () => {
  test("nobody is told, the session is gone, and what was said before arrives", async () => {
    const [a, b] = await friends();
    say(a, b, "goodbye");
    const connection = a.relay.connections[0];
    expect(a.messages.closeSessionWithUser(b.peer)).toBe(true);
    expect(a.messages.closeSessionWithUser(b.peer)).toBe(false);
    expect(await connection?.closed).toMatchObject({ reason: 1001, closedBy: "local" });
    await eventually(() => state(b, a) === SteamConnectionState.None);
    expect(await heard(b, 1)).toEqual(["goodbye"]);
    expect([a.failures, b.failures]).toEqual([[], []]);
    say(b, a, "come back");
    await eventually(() => a.requests.length === 1 && a.messages.acceptSessionWithUser(b.peer));
    expect(await heard(a, 1)).toEqual(["come back"]);
  });

  test("what was not read is discarded, and a request is declined", async () => {
    const [a, b] = await friends();
    say(a, b, "unread");
    await eventually(() => b.messages.getSessionConnectionInfo(a.peer).status?.inPacketsPerSec);
    expect(b.messages.closeSessionWithUser(a.peer)).toBe(true);
    expect(b.messages.receiveMessagesOnChannel(0, 10)).toEqual([]);

    const [c, d] = await strangers();
    say(c, d, "may I?");
    await eventually(() => d.requests.length === 1);
    expect(d.messages.closeSessionWithUser(c.peer)).toBe(true);
    expect(state(d, c)).toBe(SteamConnectionState.None);
    await eventually(() => c.failures.length === 1);
  });

  test("a channel is open once something was received on it, and the last one closes the session", async () => {
    const [a, b] = await friends();
    say(a, b, "on 1", SendFlag.Reliable, 1);
    say(a, b, "on 2", SendFlag.Reliable, 2);
    say(a, b, "more on 2", SendFlag.Reliable, 2);
    expect(await heard(b, 1, 1)).toEqual(["on 1"]);
    expect(a.messages.closeChannelWithUser(b.peer, 1)).toBe(false); // sent, not received
    expect(b.messages.closeChannelWithUser(a.peer, 9)).toBe(false);
    await eventually(() => b.messages.closeChannelWithUser(a.peer, 2));
    expect(b.messages.receiveMessagesOnChannel(2, 10)).toEqual([]);
    expect(b.messages.closeChannelWithUser(a.peer, 0)).toBe(true);
    expect(state(b, a)).toBe(SteamConnectionState.Connected);
    expect(b.messages.closeChannelWithUser(a.peer, 1)).toBe(true);
    expect(state(b, a)).toBe(SteamConnectionState.None);
  });

  test("an idle session ends with 1002, for both and without a word; a used one does not", async () => {
    const [a, b] = await friends(400);
    const connection = a.relay.connections[0];
    const started = performance.now();
    for (let i = 0; i < 4; i++) {
      await pause(150);
      say(a, b, `still here ${i}`);
      say(b, a, "so am I"); // to receive is not to use it
    }
    expect(await connection?.closed).toMatchObject({ reason: 1002 });
    expect(performance.now() - started).toBeGreaterThan(950);
    await eventually(() => state(a, b) === SteamConnectionState.None && state(b, a) === SteamConnectionState.None);
    expect([a.failures, b.failures]).toEqual([[], []]);
  });

  test("what is not acknowledged, or has arrived in part, keeps an idle session", async () => {
    const a = sideOf(await players.join(), 300);
    const raw = await RawPeer.join(players.relay.url, 76561197960399998n);
    a.messages.sendMessageToUser(76561197960399998n, bytes("unacknowledged"), SendFlag.Reliable, 0);
    const { handle } = await raw.next("incoming");
    raw.control("accept", { handle });
    await raw.take("data", ({ data }) => data !== undefined);
    await pause(700);
    expect(a.relay.connections.length).toBe(1);
    raw.send(ackFrame({ handle, lane: 0, cumulative: 1, selective: 0, window: 65_536 }));
    const half = { handle, flags: DataFlag.Reliable | DataFlag.More, payload: bytes("first half") };
    raw.send(dataFrame(half));
    await pause(1400);
    expect(a.relay.connections.length).toBe(1);
    raw.send(dataFrame({ handle, flags: DataFlag.Reliable, sequence: 2, payload: bytes(", second") }));
    expect(await heard(a, 1)).toEqual(["first half, second"]);
    expect(await raw.next("close")).toMatchObject({ handle, reason: 1002, debug: "Session Idle Timeout" });
    expect(a.failures).toEqual([]);
  });

  test("close() ends all sessions and gives the family back", async () => {
    const [a, b] = await friends();
    a.messages.close();
    await eventually(() => a.relay.connections.length === 0 && state(b, a) === SteamConnectionState.None);
    expect(say(a, b, "x")).toBe(Result.NoConnection);
    using again = new NetworkingMessages(a.relay);
    expect(again.sendMessageToUser(b.peer, bytes("x"), SendFlag.Reliable, 0)).toBe(Result.OK);
    expect(a.relay.connections[0]?.type).toBe(ConnectionType.NetworkingMessages);
  });
});
