import { ConnectionType } from "../../protocol/index.ts";
import type { RelayClient } from "../relay-client.ts";
import type { RelayConnection } from "../relay-connection.ts";
import { TypedEvents } from "../typed-events.ts";
import { mustBeBytes, mustBePeer } from "./arguments.ts";
import { MAX_SOCKET_PACKET, SocketConnectionType, SocketState } from "./legacy-constants.ts";
import { P2PSocket } from "./p2p-socket.ts";
import { post } from "./post.ts";
import type { ListenSocketHandle } from "./sockets-types.ts";
import { unlessRefused } from "./unless-refused.ts";

/** Handles count up from 1, per object; 0 is none. */
export type SocketHandle = number;

/** `SocketStatusCallback_t` */
export interface SocketStatus {
  readonly socket: SocketHandle;
  /** What it came in through; 0 when it was opened here. */
  readonly listenSocket: ListenSocketHandle;
  readonly peer: bigint;
  readonly state: SocketState;
}

export interface P2PSocketsEvents {
  socketStatus: SocketStatus;
}

/** `GetSocketInfo`; the address is never known. */
export interface SocketInfo {
  readonly peer: bigint;
  readonly state: SocketState;
  readonly remoteIP: 0;
  readonly remotePort: 0;
}

/** Of a listen socket's next packet: its size, or how much of it was written, and the socket it came on. */
export interface SocketData {
  readonly size: number;
  readonly socket: SocketHandle;
}

interface ListenSocket {
  readonly port: number;
  readonly stop: () => void;
}

const TUNING = { maxMessageSize: MAX_SOCKET_PACKET };
/** The longest that the relay waits. */
const MAX_TIMEOUT_SEC = 3600;

/**
 * The P2P sockets of `ISteamNetworking` over a relay: connections on virtual ports, packets of up to 1200 bytes.
 *
 * A listen socket accepts everybody; a socket that comes in is told when it is connected, and usable at once. Before that,
 * what the other end sends reliably waits in its send buffer (512 KiB), and the rest is dropped. What is not read fills
 * the socket's receive buffer (1 MiB; 1000 packets, then unreliable ones are dropped), and then holds up its sender.
 *
 * Each handle must be destroyed in the end, also when the connection is over; until then, what had arrived can be read.
 */
export class P2PSockets extends TypedEvents<P2PSocketsEvents> implements Disposable {
  readonly #relay: RelayClient;
  readonly #sockets = new Map<SocketHandle, P2PSocket>();
  readonly #listenSockets = new Map<ListenSocketHandle, ListenSocket>();
  #lastHandle = 0;

  constructor(relay: RelayClient) {
    super();
    this.#relay = relay;
  }

  /** 0 if the port is taken or not an integer from 0 to 999. */
  createListenSocket(virtualPort: number): ListenSocketHandle {
    const handle = ++this.#lastHandle;
    const stop = unlessRefused(() =>
      this.#relay.onIncoming(
        { type: ConnectionType.NetworkOld, virtualPort, tuning: TUNING },
        (connection, isRepeated) => {
          if (isRepeated) return;
          this.#add(connection, handle);
          void connection.accept();
        },
      ),
    );
    if (!stop) return 0;
    this.#listenSockets.set(handle, { port: virtualPort, stop });
    return handle;
  }

  /**
   * The socket is Initiated until the other end has accepted, for at most `timeoutSec` (0: the relay's default).
   * 0 if peer or port cannot be, if `allowRelay` is false, because there is no other way, and while a socket to the same
   * peer and port is open, whoever opened it: two peers have one connection per port.
   */
  createP2PConnectionSocket(peer: bigint, virtualPort: number, timeoutSec: number, allowRelay = true): SocketHandle {
    mustBePeer(peer);
    if (!allowRelay || peer === this.#relay.peer) return 0;
    const rivals = [...this.#sockets.values()].filter((socket) => isTo(socket, peer, virtualPort));
    if (rivals.some(({ isOpen }) => isOpen)) return 0;
    for (const rival of rivals) rival.destroy(false); // what is only waiting for the other end's answer makes room
    const timeoutMs = Math.max(0, Math.min(timeoutSec, MAX_TIMEOUT_SEC) * 1000 || 0);
    const connection = unlessRefused(() =>
      this.#relay.begin(peer, { type: ConnectionType.NetworkOld, virtualPort, timeoutMs, tuning: TUNING }),
    );
    if (!connection) return 0;
    const socket = this.#add(connection, 0);
    this.#post(socket);
    return socket.handle;
  }

  /**
   * Discards what was not read. With `notifyRemoteEnd` what was sent reliably still arrives, and the socket is Disconnecting
   * until the other end has answered, for at most 10 s; without it, the other end sees ConnectionBroken. Then the handle is
   * void.
   */
  destroySocket(handle: SocketHandle, notifyRemoteEnd: boolean): boolean {
    const socket = this.#sockets.get(handle);
    if (!socket) return false;
    if (socket.connection.ending) this.#sockets.delete(handle);
    else if (notifyRemoteEnd) this.#setState(socket, SocketState.Disconnecting);
    socket.destroy(notifyRemoteEnd);
    return true;
  }

  /** Destroys the sockets that came in through it as well. */
  destroyListenSocket(handle: ListenSocketHandle, notifyRemoteEnd: boolean): boolean {
    this.#listenSockets.get(handle)?.stop();
    for (const socket of this.#childrenOf(handle)) this.destroySocket(socket.handle, notifyRemoteEnd);
    return this.#listenSockets.delete(handle);
  }

  /** At most 1200 bytes. False for a socket that is over, and when too much is queued already. */
  sendDataOnSocket(handle: SocketHandle, data: Uint8Array, reliable: boolean): boolean {
    mustBeBytes(data);
    return this.#sockets.get(handle)?.send(data, reliable) ?? false;
  }

  /** The size of the next packet; undefined when there is none. */
  isDataAvailableOnSocket(handle: SocketHandle): number | undefined {
    return this.#sockets.get(handle)?.next?.payload.length;
  }

  /** Takes the next packet, if there is one. What does not fit `dest` is lost. Returns the bytes written. */
  retrieveDataFromSocket(handle: SocketHandle, dest: Uint8Array): number | undefined {
    mustBeBytes(dest);
    const data = this.retrieveWholeDataFromSocket(handle)?.subarray(0, dest.length);
    if (data) dest.set(data);
    return data?.length;
  }

  retrieveWholeDataFromSocket(handle: SocketHandle): Uint8Array | undefined {
    return this.#sockets.get(handle)?.take();
  }

  /** The next packet of all sockets that came in through a listen socket, in the order of arrival. */
  isDataAvailable(handle: ListenSocketHandle): SocketData | undefined {
    let first: SocketData | undefined;
    let firstAt = Infinity;
    for (const { next, handle: socket } of this.#childrenOf(handle)) {
      if (!next || next.receivedAt >= firstAt) continue;
      first = { size: next.payload.length, socket };
      firstAt = next.receivedAt;
    }
    return first;
  }

  /** As `retrieveDataFromSocket`, for all sockets that came in through a listen socket. */
  retrieveData(handle: ListenSocketHandle, dest: Uint8Array): SocketData | undefined {
    mustBeBytes(dest);
    const socket = this.isDataAvailable(handle)?.socket;
    const size = socket && this.retrieveDataFromSocket(socket, dest);
    return size === undefined || socket === undefined ? undefined : { size, socket };
  }

  getSocketInfo(handle: SocketHandle): SocketInfo | undefined {
    const socket = this.#sockets.get(handle);
    return socket && { peer: socket.connection.peer, state: socket.state, remoteIP: 0, remotePort: 0 };
  }

  getListenSocketInfo(handle: ListenSocketHandle): { readonly ip: 0; readonly port: number } | undefined {
    const listenSocket = this.#listenSockets.get(handle);
    return listenSocket && { ip: 0, port: listenSocket.port };
  }

  getSocketConnectionType(handle: SocketHandle): SocketConnectionType {
    const isConnected = this.#sockets.get(handle)?.state === SocketState.Connected;
    return isConnected ? SocketConnectionType.UDPRelay : SocketConnectionType.NotConnected;
  }

  /** 0 for no socket. */
  getMaxPacketSize(handle: SocketHandle): number {
    return this.#sockets.has(handle) ? MAX_SOCKET_PACKET : 0;
  }

  /** Destroys everything, as with `notifyRemoteEnd`, and lets go of the relay. */
  close(): void {
    for (const handle of this.#listenSockets.keys()) this.destroyListenSocket(handle, true);
    for (const handle of this.#sockets.keys()) this.destroySocket(handle, true);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #childrenOf(handle: ListenSocketHandle): P2PSocket[] {
    return handle === 0 ? [] : [...this.#sockets.values()].filter(({ listenSocket }) => listenSocket === handle);
  }

  #add(connection: RelayConnection, listenSocket: ListenSocketHandle): P2PSocket {
    const socket = new P2PSocket(++this.#lastHandle, listenSocket, connection);
    this.#sockets.set(socket.handle, socket);
    connection.addEventListener("statechange", ({ detail }) => {
      this.#setState(socket, socket.stateAfter(detail.previous));
      if (connection.ending && socket.isDestroyed) this.#sockets.delete(socket.handle);
    });
    return socket;
  }

  #setState(socket: P2PSocket, state: SocketState): void {
    if (socket.state === state) return;
    const isUnknown = socket.listenSocket !== 0 && socket.state === SocketState.Initiated;
    socket.state = state;
    // A socket that came in is first heard of when it is connected, and not at all when it never is.
    if (!isUnknown || state === SocketState.Connected) this.#post(socket);
    else this.#sockets.delete(socket.handle);
  }

  #post({ handle, listenSocket, connection: { peer }, state }: P2PSocket): void {
    post<P2PSocketsEvents, "socketStatus">(this, "socketStatus", { socket: handle, listenSocket, peer, state });
  }
}

function isTo({ connection }: P2PSocket, peer: bigint, virtualPort: number): boolean {
  return !connection.ending && connection.peer === peer && connection.virtualPort === virtualPort;
}
