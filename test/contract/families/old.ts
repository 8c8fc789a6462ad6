/** ISteamNetworking, sockets. Reference: steam-networking.md, section 2; what the relay adds: docs/protocol.md. */
import { describe, expect } from "vitest";
import type { RelayClient } from "../../../src/client/index.ts";
import { P2PSockets, SocketConnectionType, SocketState } from "../../../src/client/steam/index.ts";
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
  text,
  timed,
  until,
} from "../context.ts";

interface SocketStatus {
  readonly socket: number;
  readonly listenSocket: number;
  readonly peer: bigint;
  readonly state: SocketState;
}

const { Connected, Initiated, Disconnecting, LocalDisconnect } = SocketState;
const { TimeoutDuringConnect, RemoteEndDisconnected, ConnectionBroken } = SocketState;
const MAX_PACKET = 1200;
const NO_SUCH_HANDLE = 987_654;
const TIMEOUT_SEC = 10;

/** One application that uses ISteamNetworking's sockets. */
class Station {
  readonly relay: RelayClient;
  readonly api: P2PSockets;
  readonly status: EventLog<SocketStatus>;

  constructor(relay: RelayClient) {
    this.relay = relay;
    this.api = new P2PSockets(relay);
    this.status = new EventLog(this.api, "socketStatus");
  }

  get peer(): bigint {
    return this.relay.peer;
  }

  reached(socket: number, state: SocketState): Promise<SocketStatus> {
    return this.status.first((event) => event.socket === socket && event.state === state);
  }

  /** The states that were told of a socket, in order. */
  told(socket: number): SocketState[] {
    return this.status.all.filter((event) => event.socket === socket).map(({ state }) => state);
  }

  /** The first socket that a listen socket has made. */
  async accepted(listen: number): Promise<number> {
    return (await this.status.first((event) => event.listenSocket === listen && event.state === Connected)).socket;
  }

  send(socket: number, data: Uint8Array | string, reliable = true): boolean {
    return this.api.sendDataOnSocket(socket, typeof data === "string" ? bytes(data) : data, reliable);
  }

  async read(socket: number, count: number): Promise<Uint8Array[]> {
    const packets: Uint8Array[] = [];
    await until(() => {
      let next = this.api.retrieveWholeDataFromSocket(socket);
      for (; next; next = this.api.retrieveWholeDataFromSocket(socket)) packets.push(next);
      return packets.length >= count;
    }, `${count} packets, ${packets.length} of them came`);
    return packets;
  }

  async texts(socket: number, count: number): Promise<string[]> {
    return (await this.read(socket, count)).map(text);
  }

  async available(socket: number): Promise<void> {
    await until(() => this.api.isDataAvailableOnSocket(socket) !== undefined, "data");
  }
}

async function station(scene: Scene): Promise<Station> {
  return new Station(await scene.join());
}

async function two(scene: Scene): Promise<[Station, Station]> {
  return Promise.all([station(scene), station(scene)]);
}

/** `a` connects to a listen socket of `b`. */
async function join(a: Station, b: Station, port: number) {
  const listen = b.api.createListenSocket(port);
  const from = a.api.createP2PConnectionSocket(b.peer, port, TIMEOUT_SEC);
  const [to] = await Promise.all([b.accepted(listen), a.reached(from, Connected)]);
  return { from, to, listen };
}

async function connected(scene: Scene, port = 0) {
  const [a, b] = await two(scene);
  return { a, b, ...(await join(a, b, port)) };
}

export function oldTests(context: ContractContext): void {
  const test = contractTest(context);

  describe.concurrent("ISteamNetworking sockets", () => {
    describe("connecting", () => {
      test("[NO-1] CreateListenSocket: a handle other than 0, each port another", async ({ scene }) => {
        const { api } = await station(scene);
        const handles = [api.createListenSocket(0), api.createListenSocket(999)];
        expect(handles[0]).toBeGreaterThan(0);
        expect(handles[1]).toBeGreaterThan(0);
        expect(handles[0]).not.toBe(handles[1]);
      });

      test("[NO-2] CreateListenSocket: 0 for a port that is taken or outside 0 to 999", async ({ scene }) => {
        const { api } = await station(scene);
        api.createListenSocket(4);
        expect([4, 1000, -1].map((port) => api.createListenSocket(port))).toEqual([0, 0, 0]);
      });

      test("[NO-3] CreateP2PConnectionSocket: a handle other than 0, in state Initiated (10) at once", async ({
        scene,
      }) => {
        const a = await station(scene);
        const peer = newPeer();
        const socket = a.api.createP2PConnectionSocket(peer, 0, TIMEOUT_SEC);
        expect(socket).toBeGreaterThan(0);
        expect(a.api.getSocketInfo(socket)).toMatchObject({ peer, state: 10 });
      });

      test("[NO-4] CreateP2PConnectionSocket: 0 for an id that is none, and for a port outside 0 to 999", async ({
        scene,
      }) => {
        const { api } = await station(scene);
        expect(api.createP2PConnectionSocket(0n, 0, TIMEOUT_SEC)).toBe(0);
        expect(api.createP2PConnectionSocket(newPeer(), 1000, TIMEOUT_SEC)).toBe(0);
        expect(api.createP2PConnectionSocket(newPeer(), -1, TIMEOUT_SEC)).toBe(0);
      });

      test("[NO-5] SocketStatusCallback_t: Connected (1) at the listening end without any accept, naming listen socket and peer", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        const listen = b.api.createListenSocket(3);
        a.api.createP2PConnectionSocket(b.peer, 3, TIMEOUT_SEC);
        const told = await b.status.first(({ state }) => state === Connected);
        expect(told).toEqual({ socket: told.socket, listenSocket: listen, peer: a.peer, state: 1 });
        expect(b.send(told.socket, "usable")).toBe(true);
      });

      test("[NO-6] SocketStatusCallback_t: Initiated, then Connected at the end that connects, without a listen socket", async ({
        scene,
      }) => {
        const { a, b, from } = await connected(scene);
        expect(a.told(from)).toEqual([Initiated, Connected]);
        expect(await a.reached(from, Connected)).toEqual({ socket: from, listenSocket: 0, peer: b.peer, state: 1 });
      });

      test("[NO-7] SocketStatusCallback_t: posted after the call that caused it has returned", async ({ scene }) => {
        const a = await station(scene);
        const socket = a.api.createP2PConnectionSocket(newPeer(), 0, TIMEOUT_SEC);
        expect(a.status.all).toEqual([]);
        await a.reached(socket, Initiated);
      });

      test("[NO-8] SocketStatusCallback_t: TimeoutDuringConnect (23) for a peer that is not there", async ({
        scene,
      }) => {
        const a = await station(scene);
        const socket = a.api.createP2PConnectionSocket(newPeer(), 0, 1);
        expect((await a.reached(socket, TimeoutDuringConnect)).state).toBe(23);
        expect(a.api.getSocketInfo(socket)?.state).toBe(TimeoutDuringConnect);
      });

      test("[NO-9] SocketStatusCallback_t: TimeoutDuringConnect also when nobody listens on the port (rule C6)", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        b.api.createListenSocket(1);
        const socket = a.api.createP2PConnectionSocket(b.peer, 2, 1);
        await a.reached(socket, TimeoutDuringConnect);
        expect(b.status.all).toEqual([]);
      });

      test("[NO-10] CreateP2PConnectionSocket: nTimeoutSec is in seconds, and kept", async ({ scene }) => {
        const a = await station(scene);
        const took = await timed(async () => {
          const socket = a.api.createP2PConnectionSocket(newPeer(), 0, 2);
          await a.reached(socket, TimeoutDuringConnect);
        });
        expect(took).toBeGreaterThan(1_990);
        expect(took).toBeLessThan(5_000);
      });

      test("[NO-11] CreateP2PConnectionSocket: several ports between two peers are several sockets", async ({
        scene,
      }) => {
        const [a, b] = await two(scene);
        const first = await join(a, b, 1);
        const second = await join(a, b, 2);
        a.send(first.from, "port 1");
        a.send(second.from, "port 2");
        expect([await b.texts(first.to, 1), await b.texts(second.to, 1)]).toEqual([["port 1"], ["port 2"]]);
        a.api.destroySocket(first.from, true);
        await b.reached(first.to, RemoteEndDisconnected);
        a.send(second.from, "still here");
        expect(await b.texts(second.to, 1)).toEqual(["still here"]);
      });

      test("[NO-12] CreateP2PConnectionSocket: 0 for a peer and port that there is a socket for (rule C1)", async ({
        scene,
      }) => {
        const { a, b, from } = await connected(scene, 6);
        expect(a.api.createP2PConnectionSocket(b.peer, 6, TIMEOUT_SEC)).toBe(0);
        expect(a.api.getSocketInfo(from)?.state).toBe(Connected);
      });

      test("[NO-13] CreateP2PConnectionSocket: after DestroySocket the same peer and port give a fresh socket", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.destroySocket(from, true);
        await b.reached(to, RemoteEndDisconnected);
        await a.reached(from, LocalDisconnect);
        const again = a.api.createP2PConnectionSocket(b.peer, 0, TIMEOUT_SEC);
        await a.reached(again, Connected);
        const { socket } = await b.status.first((event) => event.state === Connected && event.socket !== to);
        a.send(again, "new");
        expect(await b.texts(socket, 1)).toEqual(["new"]);
      });
    });

    describe("data", () => {
      test("[NO-14] SendDataOnSocket: true, and it arrives, reliable or not", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        expect(a.send(from, "reliable", true)).toBe(true);
        expect(await b.texts(to, 1)).toEqual(["reliable"]);
        expect(b.send(to, "unreliable", false)).toBe(true);
        expect(await a.texts(from, 1)).toEqual(["unreliable"]);
      });

      test("[NO-15] SendDataOnSocket: 1200 bytes are sent, reliable or not", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        const data = pattern(MAX_PACKET);
        expect([a.send(from, data, true), a.send(from, data, false)]).toEqual([true, true]);
        const packets = await b.read(to, 2);
        expect(packets.every((packet) => sameBytes(packet, data))).toBe(true);
      });

      test("[NO-16] SendDataOnSocket: false for 1201 bytes, reliable or not", async ({ scene }) => {
        const { a, from } = await connected(scene);
        const data = new Uint8Array(MAX_PACKET + 1);
        expect([a.send(from, data, true), a.send(from, data, false)]).toEqual([false, false]);
      });

      test("[NO-17] SendDataOnSocket: false for a handle that names no socket", async ({ scene }) => {
        const a = await station(scene);
        expect([a.send(0, "x"), a.send(NO_SUCH_HANDLE, "x")]).toEqual([false, false]);
      });

      test("[NO-18] SendDataOnSocket: false for a socket that has failed, or whose other end has disconnected", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        const failing = a.api.createP2PConnectionSocket(newPeer(), 0, 1);
        b.api.destroySocket(to, true);
        await a.reached(from, RemoteEndDisconnected);
        await a.reached(failing, TimeoutDuringConnect);
        expect([a.send(from, "late"), a.send(failing, "late")]).toEqual([false, false]);
      });

      test("[NO-19] SendDataOnSocket: reliable data arrives once and in order, packet by packet", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        for (const i of range(300)) expect(a.send(from, `${i}`)).toBe(true);
        expect(await b.texts(to, 300)).toEqual(range(300).map(String));
      });

      test("[NO-20] SendDataOnSocket: an empty packet is a packet, and the data is copied", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        const data = bytes("before");
        a.send(from, "");
        a.send(from, data);
        data.fill(0);
        expect(await b.texts(to, 2)).toEqual(["", "before"]);
      });

      test("[NO-21] IsDataAvailableOnSocket: undefined without data, else the size of the next packet, which stays", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        expect(b.api.isDataAvailableOnSocket(to)).toBeUndefined();
        a.send(from, "four");
        await b.available(to);
        expect([b.api.isDataAvailableOnSocket(to), b.api.isDataAvailableOnSocket(to)]).toEqual([4, 4]);
        expect(b.api.isDataAvailableOnSocket(NO_SUCH_HANDLE)).toBeUndefined();
      });

      test("[NO-22] RetrieveDataFromSocket: the size; what lies behind it in the buffer is left alone", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        a.send(from, "abc");
        await b.available(to);
        const buffer = bytes("......");
        expect([b.api.retrieveDataFromSocket(to, buffer), text(buffer)]).toEqual([3, "abc..."]);
        expect(b.api.retrieveDataFromSocket(to, buffer)).toBeUndefined();
      });

      test("[NO-23] RetrieveDataFromSocket: a buffer that is too small gets the beginning, the rest of the packet is lost", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        a.send(from, "truncated");
        a.send(from, "next");
        await b.available(to);
        const buffer = new Uint8Array(5);
        expect([b.api.retrieveDataFromSocket(to, buffer), text(buffer)]).toEqual([5, "trunc"]);
        expect(await b.texts(to, 1)).toEqual(["next"]);
      });

      test("[NO-24] RetrieveDataFromSocket: undefined for a handle that names no socket", async ({ scene }) => {
        const { api } = await station(scene);
        expect(api.retrieveDataFromSocket(NO_SUCH_HANDLE, new Uint8Array(1))).toBeUndefined();
        expect(api.retrieveWholeDataFromSocket(NO_SUCH_HANDLE)).toBeUndefined();
      });

      test("[NO-25] IsDataAvailable: undefined without data, else size and socket of a packet that came through the listen socket", async ({
        scene,
      }) => {
        const { a, b, from, to, listen } = await connected(scene);
        expect(b.api.isDataAvailable(listen)).toBeUndefined();
        a.send(from, "12345");
        await b.available(to);
        expect(b.api.isDataAvailable(listen)).toEqual({ size: 5, socket: to });
        expect(b.api.isDataAvailable(NO_SUCH_HANDLE)).toBeUndefined();
      });

      test("[NO-26] RetrieveData: the packets of every socket of the listen socket, each naming its socket", async ({
        scene,
      }) => {
        const server = await station(scene);
        const listen = server.api.createListenSocket(0);
        const clients = await Promise.all(range(3).map(() => station(scene)));
        for (const each of clients) {
          const socket = each.api.createP2PConnectionSocket(server.peer, 0, TIMEOUT_SEC);
          await each.reached(socket, Connected);
          each.send(socket, String(each.peer));
        }
        const buffer = new Uint8Array(MAX_PACKET);
        const received = new Map<number, string>();
        await until(() => {
          const data = server.api.retrieveData(listen, buffer);
          if (data) received.set(data.socket, text(buffer.subarray(0, data.size)));
          return received.size === 3;
        }, "a packet of each");
        for (const [socket, data] of received) expect(String(server.api.getSocketInfo(socket)?.peer)).toBe(data);
        expect(server.api.retrieveData(listen, buffer)).toBeUndefined();
      });

      test("[NO-27] RetrieveData: truncates, and takes the packet from its socket too", async ({ scene }) => {
        const { a, b, from, to, listen } = await connected(scene);
        a.send(from, "truncated");
        await b.available(to);
        const buffer = new Uint8Array(5);
        expect(b.api.retrieveData(listen, buffer)).toEqual({ size: 5, socket: to });
        expect(text(buffer)).toBe("trunc");
        expect(b.api.isDataAvailableOnSocket(to)).toBeUndefined();
        expect(b.api.retrieveData(NO_SUCH_HANDLE, buffer)).toBeUndefined();
      });
    });

    describe("information", () => {
      test("[NO-28] GetSocketInfo: peer and state, address 0 and port 0", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        expect(a.api.getSocketInfo(from)).toEqual({ peer: b.peer, state: Connected, remoteIP: 0, remotePort: 0 });
        expect(b.api.getSocketInfo(to)).toEqual({ peer: a.peer, state: Connected, remoteIP: 0, remotePort: 0 });
      });

      test("[NO-29] GetSocketInfo: undefined for a handle that names no socket", async ({ scene }) => {
        const { api } = await station(scene);
        expect([api.getSocketInfo(0), api.getSocketInfo(NO_SUCH_HANDLE)]).toEqual([undefined, undefined]);
      });

      test("[NO-30] GetListenSocketInfo: address 0, and as the port the virtual port", async ({ scene }) => {
        const { api } = await station(scene);
        expect(api.getListenSocketInfo(api.createListenSocket(5))).toEqual({ ip: 0, port: 5 });
        expect(api.getListenSocketInfo(NO_SUCH_HANDLE)).toBeUndefined();
      });

      test("[NO-31] GetSocketConnectionType: UDPRelay (2) when connected", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        expect([a.api.getSocketConnectionType(from), b.api.getSocketConnectionType(to)]).toEqual([2, 2]);
      });

      test("[NO-32] GetSocketConnectionType: NotConnected (0) before, and for a handle that names no socket", async ({
        scene,
      }) => {
        const { api } = await station(scene);
        const socket = api.createP2PConnectionSocket(newPeer(), 0, TIMEOUT_SEC);
        expect(api.getSocketConnectionType(socket)).toBe(SocketConnectionType.NotConnected);
        expect(api.getSocketConnectionType(NO_SUCH_HANDLE)).toBe(0);
      });

      test("[NO-33] GetMaxPacketSize: 1200", async ({ scene }) => {
        const { a, from } = await connected(scene);
        expect(a.api.getMaxPacketSize(from)).toBe(1200);
      });
    });

    describe("destroying", () => {
      test("[NO-34] DestroySocket, notifying: Disconnecting (21), then LocalDisconnect (22) when the other end has acknowledged", async ({
        scene,
      }) => {
        const { a, from } = await connected(scene);
        expect(a.api.destroySocket(from, true)).toBe(true);
        expect(a.api.getSocketInfo(from)?.state).toBe(Disconnecting);
        await a.reached(from, LocalDisconnect);
        expect(a.told(from)).toEqual([Initiated, Connected, 21, 22]);
        expect(a.api.getSocketInfo(from)).toBeUndefined();
      });

      test("[NO-35] DestroySocket, notifying: RemoteEndDisconnected (24) at the other end", async ({ scene }) => {
        const { a, b, from, to, listen } = await connected(scene);
        a.api.destroySocket(from, true);
        expect(await b.reached(to, RemoteEndDisconnected)).toEqual({
          socket: to,
          listenSocket: listen,
          peer: a.peer,
          state: 24,
        });
        expect(b.api.getSocketInfo(to)?.state).toBe(RemoteEndDisconnected);
      });

      test("[NO-36] DestroySocket, not notifying: gone here at once, LocalDisconnect without Disconnecting", async ({
        scene,
      }) => {
        const { a, from } = await connected(scene);
        expect(a.api.destroySocket(from, false)).toBe(true);
        expect(a.api.getSocketInfo(from)).toBeUndefined();
        await a.reached(from, LocalDisconnect);
        expect(a.told(from)).not.toContain(Disconnecting);
      });

      test("[NO-37] DestroySocket, not notifying: the other end sees ConnectionBroken (25), never RemoteEndDisconnected", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.destroySocket(from, false);
        expect((await b.reached(to, ConnectionBroken)).state).toBe(25);
        expect(b.told(to)).toEqual([Connected, ConnectionBroken]);
      });

      test("[NO-38] DestroySocket: false for a handle that names no socket", async ({ scene }) => {
        const { a, from } = await connected(scene);
        expect([a.api.destroySocket(0, true), a.api.destroySocket(NO_SUCH_HANDLE, false)]).toEqual([false, false]);
        a.api.destroySocket(from, false);
        expect(a.api.destroySocket(from, false)).toBe(false);
      });

      test("[NO-39] DestroySocket: unread data is thrown away, and nothing can be sent", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        a.send(from, "unread");
        await b.available(to);
        b.api.destroySocket(to, true);
        expect(b.api.isDataAvailableOnSocket(to)).toBeUndefined();
        expect(b.api.retrieveWholeDataFromSocket(to)).toBeUndefined();
        expect(b.send(to, "x")).toBe(false);
      });

      test("[NO-40] DestroySocket: frees a socket whose other end has disconnected", async ({ scene }) => {
        const { a, b, from, to } = await connected(scene);
        a.api.destroySocket(from, true);
        await b.reached(to, RemoteEndDisconnected);
        expect([b.send(to, "x"), b.api.destroySocket(to, true)]).toEqual([false, true]);
        expect(b.api.getSocketInfo(to)).toBeUndefined();
        await microtasks();
        expect(b.told(to)).not.toContain(Disconnecting);
      });

      test("[NO-41] DestroySocket: gives up a socket that is not connected yet, which then times out no more", async ({
        scene,
      }) => {
        const a = await station(scene);
        const socket = a.api.createP2PConnectionSocket(newPeer(), 0, 1);
        const other = a.api.createP2PConnectionSocket(newPeer(), 1, 1);
        expect(a.api.destroySocket(socket, true)).toBe(true);
        await a.reached(other, TimeoutDuringConnect);
        expect(a.told(socket)).not.toContain(TimeoutDuringConnect);
        expect(a.relay.connections).toEqual([]);
      });

      test("[NO-42] DestroyListenSocket: kills all its sockets, notifying their other ends with RemoteEndDisconnected", async ({
        scene,
      }) => {
        const { a, b, from, to, listen } = await connected(scene);
        expect(b.api.destroyListenSocket(listen, true)).toBe(true);
        await a.reached(from, RemoteEndDisconnected);
        await b.reached(to, LocalDisconnect);
        expect(b.api.getSocketInfo(to)).toBeUndefined();
      });

      test("[NO-43] DestroyListenSocket: not notifying, the other ends see ConnectionBroken", async ({ scene }) => {
        const { a, b, from, to, listen } = await connected(scene);
        expect(b.api.destroyListenSocket(listen, false)).toBe(true);
        expect(b.api.getSocketInfo(to)).toBeUndefined();
        await a.reached(from, ConnectionBroken);
        expect(a.told(from)).not.toContain(RemoteEndDisconnected);
      });

      test("[NO-44] DestroyListenSocket: true once, and the port is free again", async ({ scene }) => {
        const { api } = await station(scene);
        const listen = api.createListenSocket(5);
        expect(api.destroyListenSocket(NO_SUCH_HANDLE, true)).toBe(false);
        expect([api.destroyListenSocket(listen, true), api.destroyListenSocket(listen, true)]).toEqual([true, false]);
        expect(api.getListenSocketInfo(listen)).toBeUndefined();
        expect(api.createListenSocket(5)).toBeGreaterThan(0);
      });

      test("[NO-45] SocketStatusCallback_t: ConnectionBroken (25) when the other end has left the relay", async ({
        scene,
      }) => {
        const { a, b, from, to } = await connected(scene);
        await b.relay.close();
        expect((await a.reached(from, ConnectionBroken)).peer).toBe(b.peer);
        await b.reached(to, ConnectionBroken);
        expect(a.api.getSocketInfo(from)?.state).toBe(ConnectionBroken);
      });

      test("[NO-46] P2PSockets: TypeError for what is not bytes or not a bigint", async ({ scene }) => {
        const { a, from } = await connected(scene);
        expect(() => a.api.sendDataOnSocket(from, "text" as never, true)).toThrow(TypeError);
        expect(() => a.api.retrieveDataFromSocket(from, [] as never)).toThrow(TypeError);
        expect(() => a.api.createP2PConnectionSocket(Number(newPeer()) as never, 0, 1)).toThrow(TypeError);
      });

      test("[NO-47] P2PSockets.close: sockets end, and ports are free for another", async ({ scene }) => {
        const { a, b, from } = await connected(scene, 5);
        b.api[Symbol.dispose]();
        await until(() => a.api.getSocketInfo(from)?.state !== Connected, "the other end is told");
        expect(new P2PSockets(b.relay).createListenSocket(5)).toBeGreaterThan(0);
      });
    });
  });
}
