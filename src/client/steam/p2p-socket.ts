import { ConnectionState, DataFlag, EndReason } from "../../protocol/index.ts";
import { Fifo } from "../engine/fifo.ts";
import type { Message, RelayConnection } from "../relay-connection.ts";
import { MAX_SOCKET_PACKET, SocketState } from "./legacy-constants.ts";

/** What a socket handle stands for. */
export class P2PSocket {
  readonly handle: number;
  /** 0 when it was opened here. */
  readonly listenSocket: number;
  readonly connection: RelayConnection;
  state: SocketState = SocketState.Initiated;
  /** The application has destroyed it; the other end may not know yet. */
  isDestroyed = false;
  #unread = new Fifo<Message>();

  constructor(handle: number, listenSocket: number, connection: RelayConnection) {
    this.handle = handle;
    this.listenSocket = listenSocket;
    this.connection = connection;
    connection.onMessage((message) => {
      if (this.isDestroyed) connection.release(message);
      else this.#unread.push(message);
    });
  }

  get isOpen(): boolean {
    return !this.isDestroyed && !this.connection.ending;
  }

  /** The next message. */
  get next(): Message | undefined {
    return this.#unread.at(0);
  }

  take(): Uint8Array | undefined {
    const message = this.#unread.shift();
    if (message) this.connection.release(message);
    return message?.payload;
  }

  send(data: Uint8Array, isReliable: boolean): boolean {
    if (!this.isOpen || data.length > MAX_SOCKET_PACKET) return false;
    const flags = DataFlag.NoNagle | (isReliable ? DataFlag.Reliable : 0);
    return this.connection.trySend(data, { flags }).ok;
  }

  /**
   * What was not read is discarded. With `isGraceful`, what was sent reliably is delivered, and the other end has to answer;
   * without, it has not been notified, and its connection is broken.
   */
  destroy(isGraceful: boolean): void {
    if (this.isDestroyed && isGraceful) return; // under way
    this.isDestroyed = true;
    while (this.take()) continue;
    void this.connection.close(
      isGraceful ? { graceful: true } : { linger: false, reason: EndReason.AppExceptionGeneric },
    );
  }

  /** The state that the connection's change has led to. */
  stateAfter(previous: ConnectionState): SocketState {
    const { ending, state } = this.connection;
    if (!ending) return state === ConnectionState.Connected && !this.isDestroyed ? SocketState.Connected : this.state;
    if (this.isDestroyed) return SocketState.LocalDisconnect;
    if (ending.reason === EndReason.RelayLost) return SocketState.ConnectionBroken;
    if (previous === ConnectionState.Connecting) return SocketState.TimeoutDuringConnect;
    const isNotified = ending.closedBy === "peer" && ending.reason < EndReason.AppExceptionGeneric;
    return isNotified ? SocketState.RemoteEndDisconnected : SocketState.ConnectionBroken;
  }
}
