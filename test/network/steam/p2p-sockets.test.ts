import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RelayClient } from "../../../src/client/index.ts";
import {
  P2PSockets,
  type P2PSocketsEvents,
  SocketConnectionType,
  SocketState,
} from "../../../src/client/steam/index.ts";
import { Players, bytes, collect, eventually, pause, text } from "./players.ts";

let players: Players;

beforeAll(async () => {
  players = await Players.start();
});
afterAll(() => players[Symbol.asyncDispose]());

const PORT = 27;

interface Side {
  readonly relay: RelayClient;
  readonly peer: bigint;
  readonly sockets: P2PSockets;
  readonly events: P2PSocketsEvents["socketStatus"][];
}

function sideOf(relay: RelayClient): Side {
  const sockets = new P2PSockets(relay);
  return {
    relay,
    peer: relay.peer,
    sockets,
    events: collect<P2PSocketsEvents, "socketStatus">(sockets, "socketStatus"),
  };
}

async function two(): Promise<[Side, Side]> {
  const [a, b] = await players.two();
  return [sideOf(a), sideOf(b)];
}

interface Connected {
  readonly a: Side;
  readonly b: Side;
  /** A's socket, and B's that came in through its listen socket. */
  readonly ofA: number;
  readonly ofB: number;
  readonly listen: number;
}

async function connected(): Promise<Connected> {
  const [a, b] = await two();
  const listen = b.sockets.createListenSocket(PORT);
  const ofA = a.sockets.createP2PConnectionSocket(b.peer, PORT, 5);
  await eventually(() => states(a, ofA).includes(SocketState.Connected) && b.events.length === 1);
  return { a, b, ofA, ofB: b.events[0]?.socket ?? 0, listen };
}

/** What was told of a socket so far. */
function states({ events }: Side, socket: number): SocketState[] {
  return events.filter((event) => event.socket === socket).map(({ state }) => state);
}

describe("connecting", () => {
  test("Initiated, then Connected; what comes in through a listen socket is usable at once", async () => {
    const { a, b, ofA, ofB, listen } = await connected();
    expect(states(a, ofA)).toEqual([SocketState.Initiated, SocketState.Connected]);
    expect(a.events[0]).toEqual({ socket: ofA, listenSocket: 0, peer: b.peer, state: SocketState.Initiated });
    expect(b.events).toEqual([{ socket: ofB, listenSocket: listen, peer: a.peer, state: SocketState.Connected }]);
    expect(b.sockets.getSocketInfo(ofB)).toEqual({
      peer: a.peer,
      state: SocketState.Connected,
      remoteIP: 0,
      remotePort: 0,
    });
    expect(b.sockets.getListenSocketInfo(listen)).toEqual({ ip: 0, port: PORT });
    expect(b.sockets.getSocketConnectionType(ofB)).toBe(SocketConnectionType.UDPRelay);
    expect(b.sockets.getMaxPacketSize(ofB)).toBe(1200);
    expect(b.sockets.sendDataOnSocket(ofB, bytes("welcome"), true)).toBe(true);
    await eventually(() => a.sockets.isDataAvailableOnSocket(ofA));
    expect(text(a.sockets.retrieveWholeDataFromSocket(ofA))).toBe("welcome");
  });

  test("what is sent reliably before it is connected is kept", async () => {
    const [a, b] = await two();
    b.sockets.createListenSocket(PORT);
    const socket = a.sockets.createP2PConnectionSocket(b.peer, PORT, 5);
    expect(a.sockets.getSocketConnectionType(socket)).toBe(SocketConnectionType.NotConnected);
    expect(a.sockets.sendDataOnSocket(socket, bytes("early"), true)).toBe(true);
    await eventually(() => b.events.length === 1 && b.sockets.isDataAvailableOnSocket(b.events[0]?.socket ?? 0));
    expect(text(b.sockets.retrieveWholeDataFromSocket(b.events[0]?.socket ?? 0))).toBe("early");
  });

  test("nobody there, or nobody listening: TimeoutDuringConnect after the given time", async () => {
    const [a, b] = await two();
    const started = performance.now();
    const toNobody = a.sockets.createP2PConnectionSocket(404n, PORT, 0.5);
    const toDeaf = a.sockets.createP2PConnectionSocket(b.peer, PORT, 0.5);
    const failed = [SocketState.Initiated, SocketState.TimeoutDuringConnect];
    await eventually(() => states(a, toNobody).length === 2 && states(a, toDeaf).length === 2);
    expect([states(a, toNobody), states(a, toDeaf)]).toEqual([failed, failed]);
    expect(performance.now() - started).toBeGreaterThan(490);
    expect(a.sockets.sendDataOnSocket(toNobody, bytes("x"), true)).toBe(false);
    expect(a.sockets.getSocketInfo(toNobody)?.state).toBe(SocketState.TimeoutDuringConnect);
    expect([a.sockets.destroySocket(toNobody, true), a.sockets.destroySocket(toNobody, true)]).toEqual([true, false]);
    expect(a.sockets.getSocketInfo(toNobody)).toBeUndefined();
  });

  test("handles are 0 for what cannot be, and while there is a socket for the same peer and port", async () => {
    const { a, b } = await connected();
    expect(a.sockets.createP2PConnectionSocket(b.peer, PORT, 5)).toBe(0);
    expect(b.sockets.createP2PConnectionSocket(a.peer, PORT, 5)).toBe(0);
    expect(a.sockets.createP2PConnectionSocket(b.peer, PORT + 1, 5)).toBeGreaterThan(0);
    expect(a.sockets.createP2PConnectionSocket(a.peer, PORT, 5)).toBe(0);
    expect(a.sockets.createP2PConnectionSocket(0n, PORT, 5)).toBe(0);
    expect(a.sockets.createP2PConnectionSocket(9n, 1000, 5)).toBe(0);
    expect(a.sockets.createP2PConnectionSocket(9n, PORT, 5, false)).toBe(0);
    expect([b.sockets.createListenSocket(PORT), b.sockets.createListenSocket(-1)]).toEqual([0, 0]);
    expect(() => a.sockets.createP2PConnectionSocket(9 as never, PORT, 5)).toThrow(TypeError);
  });

  test("both connecting to each other have one connection", async () => {
    const [a, b] = await two();
    const ofA = a.sockets.createP2PConnectionSocket(b.peer, PORT, 5);
    const ofB = b.sockets.createP2PConnectionSocket(a.peer, PORT, 5);
    await eventually(() => states(a, ofA).length === 2 && states(b, ofB).length === 2);
    a.sockets.sendDataOnSocket(ofA, bytes("same"), true);
    await eventually(() => b.sockets.isDataAvailableOnSocket(ofB));
    expect([a.events.length, b.events.length]).toEqual([2, 2]);
  });
});

describe("data", () => {
  test("packets of up to 1200 bytes, whole unless the buffer is too small", async () => {
    const { a, b, ofA, ofB } = await connected();
    expect(a.sockets.sendDataOnSocket(ofA, new Uint8Array(1201), true)).toBe(false);
    expect(a.sockets.sendDataOnSocket(ofA, new Uint8Array(1200).fill(7), false)).toBe(true);
    expect(a.sockets.sendDataOnSocket(ofA, bytes("abcdef"), true)).toBe(true);
    await eventually(() => b.sockets.isDataAvailableOnSocket(ofB));
    expect(b.sockets.retrieveWholeDataFromSocket(ofB)?.length).toBe(1200);
    const dest = new Uint8Array(4);
    await eventually(() => b.sockets.isDataAvailableOnSocket(ofB) === 6);
    expect(b.sockets.retrieveDataFromSocket(ofB, dest)).toBe(4);
    expect(text(dest)).toBe("abcd");
    expect(b.sockets.retrieveDataFromSocket(ofB, dest)).toBeUndefined();
  });

  test("a listen socket hands out what arrives on all its sockets, in order", async () => {
    const { a, b, ofA, ofB, listen } = await connected();
    const c = sideOf(await players.join());
    const ofC = c.sockets.createP2PConnectionSocket(b.peer, PORT, 5);
    const { socket: ofB2 } = await eventually(() => b.events[1]);
    for (const [side, socket, what] of [
      [a, ofA, "a1"],
      [c, ofC, "c1"],
      [a, ofA, "a2"],
    ] as const) {
      side.sockets.sendDataOnSocket(socket, bytes(what), true);
      await pause(30);
    }
    const dest = new Uint8Array(10);
    const heard = [1, 2, 3].map(() => {
      expect(b.sockets.isDataAvailable(listen)?.size).toBe(2);
      const data = b.sockets.retrieveData(listen, dest);
      return [data?.socket, text(dest.subarray(0, data?.size))];
    });
    expect(heard).toEqual([
      [ofB, "a1"],
      [ofB2, "c1"],
      [ofB, "a2"],
    ]);
    expect([b.sockets.isDataAvailable(listen), b.sockets.retrieveData(listen, dest)]).toEqual([undefined, undefined]);
  });
});

describe("destroying", () => {
  test("with notice: Disconnecting, then LocalDisconnect; what was sent arrives before RemoteEndDisconnected", async () => {
    const { a, b, ofA, ofB } = await connected();
    b.sockets.sendDataOnSocket(ofB, bytes("unread"), true);
    await eventually(() => a.sockets.isDataAvailableOnSocket(ofA));
    a.sockets.sendDataOnSocket(ofA, bytes("goodbye"), true);
    expect(a.sockets.destroySocket(ofA, true)).toBe(true);
    expect(a.sockets.getSocketInfo(ofA)?.state).toBe(SocketState.Disconnecting);
    expect(a.sockets.isDataAvailableOnSocket(ofA)).toBeUndefined();
    expect(a.sockets.sendDataOnSocket(ofA, bytes("x"), true)).toBe(false);
    await eventually(() => states(a, ofA).length === 4);
    expect(states(a, ofA).slice(2)).toEqual([SocketState.Disconnecting, SocketState.LocalDisconnect]);
    expect(a.sockets.getSocketInfo(ofA)).toBeUndefined();
    await eventually(() => states(b, ofB).length === 2);
    expect(states(b, ofB)).toEqual([SocketState.Connected, SocketState.RemoteEndDisconnected]);
    expect(text(b.sockets.retrieveWholeDataFromSocket(ofB))).toBe("goodbye");
    expect(b.sockets.destroySocket(ofB, true)).toBe(true);
    expect(states(b, ofB).length).toBe(2);
  });

  test("without notice: over at once", async () => {
    const { a, b, ofA, ofB } = await connected();
    a.sockets.destroySocket(ofA, false);
    expect(a.sockets.getSocketInfo(ofA)).toBeUndefined();
    await eventually(() => states(b, ofB).length === 2);
    expect(states(a, ofA).slice(2)).toEqual([SocketState.LocalDisconnect]);
    expect(states(b, ofB)[1]).toBe(SocketState.ConnectionBroken);
  });

  test("what is Disconnecting makes room for a new socket", async () => {
    const { a, b, ofA } = await connected();
    a.sockets.sendDataOnSocket(ofA, bytes("x"), true);
    a.sockets.destroySocket(ofA, true);
    const again = a.sockets.createP2PConnectionSocket(b.peer, PORT, 5);
    expect(again).toBeGreaterThan(ofA);
    await eventually(() => states(a, again).includes(SocketState.Connected));
    expect(states(a, ofA).at(-1)).toBe(SocketState.LocalDisconnect);
    await eventually(() => b.events.length === 3);
    expect(states(b, b.events[0]?.socket ?? 0)).toEqual([SocketState.Connected, SocketState.RemoteEndDisconnected]);
    expect(b.events.at(-1)).toMatchObject({ peer: a.peer, state: SocketState.Connected });
  });

  test("one that is still connecting is withdrawn", async () => {
    const [a, b] = await two();
    const socket = a.sockets.createP2PConnectionSocket(b.peer, PORT, 5);
    await pause(50);
    a.sockets.destroySocket(socket, true);
    await eventually(() => states(a, socket).length === 3);
    expect(states(a, socket)).toEqual([SocketState.Initiated, SocketState.Disconnecting, SocketState.LocalDisconnect]);
    b.sockets.createListenSocket(PORT);
    await pause(100);
    expect(b.events).toEqual([]);
  });

  test("a listen socket takes its sockets with it, and frees its port", async () => {
    const { a, b, ofA, ofB, listen } = await connected();
    expect(b.sockets.destroyListenSocket(listen, true)).toBe(true);
    expect(b.sockets.destroyListenSocket(listen, true)).toBe(false);
    await eventually(() => states(a, ofA).includes(SocketState.RemoteEndDisconnected));
    await eventually(() => states(b, ofB).includes(SocketState.LocalDisconnect));
    expect(b.sockets.createListenSocket(PORT)).toBeGreaterThan(0);
  });

  test("a peer that is lost breaks the connection", async () => {
    const { a, b, ofA, ofB } = await connected();
    a.sockets.sendDataOnSocket(ofA, bytes("last"), true);
    await eventually(() => b.sockets.isDataAvailableOnSocket(ofB));
    await a.relay.close();
    await eventually(() => states(b, ofB).length === 2);
    expect([states(a, ofA).at(-1), states(b, ofB)[1]]).toEqual([
      SocketState.ConnectionBroken,
      SocketState.ConnectionBroken,
    ]);
    expect(text(b.sockets.retrieveWholeDataFromSocket(ofB))).toBe("last");
  });
});

test("a relay that is killed and does not come back breaks every connection", async () => {
  await using own = await Players.start({ graceMs: 500 });
  const [a, b] = [sideOf(await own.join()), sideOf(await own.join())];
  b.sockets.createListenSocket(PORT);
  const ofA = a.sockets.createP2PConnectionSocket(b.peer, PORT, 5);
  await eventually(() => states(a, ofA).length === 2 && b.events.length === 1);
  const pending = a.sockets.createP2PConnectionSocket(404n, PORT, 5);
  await own.relay.kill();
  await eventually(() => a.events.length === 5 && b.events.length === 2);
  expect([a.events, b.events].map((events) => events.at(-1)?.state)).toEqual([25, 25]);
  expect(states(a, pending).at(-1)).toBe(SocketState.ConnectionBroken);
});
